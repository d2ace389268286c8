/** Several processes of one record stage whose records leave at once: they come, go, die and stand still, and each record stands in the raw logs once, by ascending numbers. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type Hand, slotsOf, until } from '../support/kafka/crew.ts';
import { CrewSuite } from '../support/kafka/crew-suite.ts';
import { records, TO_END } from '../support/kafka/running.ts';
import { shared } from '../support/kafka/shared-pair.ts';
import { describeKafka } from '../support/kafka.ts';

const SALES = 30_000;
const MINUTES = 60_000;

describeKafka('processes that share a pipeline whose records leave at once', () => {
  const suite = new CrewSuite('slots-immediate', shared('slots', SALES), 'visibility: immediate');
  const shareOut = (...hands: Hand[]): Promise<void> => suite.shareOut(...hands);

  test('two, three, one; one is killed, one stands still and takes part again', { timeout: 5 * MINUTES }, async () => {
    const crew = await suite.lay('rescale', { fed: 0 });
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
    await suite.finish();
    expect(b.run.said).not.toMatch(/slot_taken/);
    for (const { run } of crew.all) expect(run.said).not.toMatch(/owner_forgotten|records_gone|log_too_short|defect/);
  });

  test('an edited file is taken when all have stopped', { timeout: 3 * MINUTES }, async () => {
    const crew = await suite.lay('edited', { fed: 15_000 });
    const [a, b] = [crew.start('a'), crew.start('b')];
    await shareOut(a, b);
    await until('they have answered', async () => (await records(suite.broker.brokers, 'edited.shops')) > 500);
    await suite.stop();
    const file = join(crew.dir, 'pipeline.yaml');
    const output = 'outputs:\n    - { id: more, from: known, topic: edited.more, format: json, key: card }\n';
    writeFileSync(file, readFileSync(file, 'utf8').replace('outputs:\n', output));
    await crew.feed(15_000, SALES, 100_000);
    const [c, d] = [crew.start('c', TO_END), crew.start('d', TO_END)];
    for (const { run } of [c, d]) expect(await run.finished, run.said).toMatchObject({ code: 0 });
    expect(await records(suite.broker.brokers, 'edited.more')).toBeGreaterThan(10_000);
    expect(await crew.wrong()).toBe('');
  });
});
