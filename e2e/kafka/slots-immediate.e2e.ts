/** Several processes of one record stage whose records leave at once: they come, go, die and stand still, and each record stands in the raw logs once, by ascending numbers. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Crew, type Hand, share, slotsOf, until } from '../support/kafka/crew.ts';
import { type Laid, layPair } from '../support/kafka/pair.ts';
import { records, TO_END } from '../support/kafka/running.ts';
import { shared } from '../support/kafka/shared-pair.ts';
import { type Broker, describeKafka, startBroker } from '../support/kafka.ts';

const SALES = 30_000;
const MINUTES = 60_000;
const more = 'visibility: immediate';

describeKafka('processes that share a pipeline whose records leave at once', () => {
  const base = mkdtempSync(join(tmpdir(), 'millrace-slots-immediate-'));
  let broker: Broker;
  let laid: Laid;
  let crew: Crew;
  beforeAll(async () => {
    [broker, laid] = await Promise.all([startBroker(), layPair(shared('slots', SALES), base)]);
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') console.log(crew.said);
    await crew.kill();
  });
  afterAll(async () => {
    await broker?.close();
    rmSync(base, { recursive: true, force: true });
  });

  const shareOut = (...hands: Hand[]): Promise<void> =>
    until(`${hands.map(({ name }) => name).join(', ')} share the slots: ${hands.map((hand) => JSON.stringify(slotsOf(hand)))}`, () => share(hands));

  async function stop(): Promise<void> {
    for (const { code, stderr } of await crew.stop()) expect(code, stderr).toBe(0);
  }

  test('two, three, one; one is killed, one stands still and takes part again', { timeout: 5 * MINUTES }, async () => {
    crew = await Crew.lay(laid, broker.brokers, join(base, 'rescale'), 'rescale', { fed: 0, more });
    const feed = crew.feed(0, SALES, 400);
    const [a, b] = [crew.start('a'), crew.start('b')];
    await shareOut(a, b);
    const c = crew.start('c');
    await shareOut(a, b, c);
    // its session ends, and the others have its slots
    await c.run.kill();
    await shareOut(a, b);
    const mine = slotsOf(a) as readonly number[];
    a.run.child.kill('SIGSTOP');
    await until('the other has all', () => slotsOf(b)?.length === 4);
    await sleep(1_000);
    a.run.child.kill('SIGCONT');
    await until('it says so', () => mine.every((slot) => a.run.said.includes(`taken over slot ${slot}.`)));
    await shareOut(a, b);
    expect(await b.run.kill('SIGTERM')).toMatchObject({ code: 0 });
    await shareOut(a);
    await feed;
    await stop();
    const { code, stderr } = await crew.start('last', TO_END).run.finished;
    expect(code, stderr).toBe(0);
    expect(await crew.wrong()).toBe('');
    expect(b.run.said).not.toMatch(/slot_taken/);
    for (const { run } of crew.all) expect(run.said).not.toMatch(/owner_forgotten|records_gone|log_too_short|defect/);
  });

  test('an edited file is taken when all have stopped', { timeout: 3 * MINUTES }, async () => {
    crew = await Crew.lay(laid, broker.brokers, join(base, 'edited'), 'edited', { fed: 15_000, more });
    const [a, b] = [crew.start('a'), crew.start('b')];
    await shareOut(a, b);
    await until('they have answered', async () => (await records(broker.brokers, 'edited.shops')) > 500);
    await stop();
    const file = join(crew.dir, 'pipeline.yaml');
    const output = 'outputs:\n    - { id: more, from: known, topic: edited.more, format: json, key: card }\n';
    writeFileSync(file, readFileSync(file, 'utf8').replace('outputs:\n', output));
    await crew.feed(15_000, SALES, 100_000);
    const [c, d] = [crew.start('c', TO_END), crew.start('d', TO_END)];
    for (const { run } of [c, d]) expect(await run.finished, run.said).toMatchObject({ code: 0 });
    expect(await records(broker.brokers, 'edited.more')).toBeGreaterThan(10_000);
    expect(await crew.wrong()).toBe('');
  });
});
