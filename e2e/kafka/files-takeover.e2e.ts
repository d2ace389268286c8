/** Two processes of one machine and one pipeline that writes files: the one that stood still cannot write to a file that has passed to the other. */
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { produce } from '../support/kafka/foreign.ts';
import { kafkaAnswers, type Laid, layPair, onKafka } from '../support/kafka/pair.ts';
import { both } from '../support/kafka/pairs.ts';
import { begun, start, TO_END } from '../support/kafka/running.ts';
import { type Broker, describeKafka, startBroker } from '../support/kafka.ts';
import { difference } from '../support/kills.ts';

describeKafka('files taken over', () => {
  const base = mkdtempSync(join(tmpdir(), 'millrace-files-takeover-'));
  let broker: Broker;
  let laid: Laid;
  beforeAll(async () => {
    [broker, laid] = await Promise.all([startBroker(), layPair(both('files', 30_000), base)]);
  });
  afterAll(async () => {
    await broker?.close();
    rmSync(base, { recursive: true, force: true });
  });

  // what it has in hand it writes when it wakes up, and only then hears that its commit is refused
  test.each([0, 500])('stopped %i ms after its first alerts', async (ms) => {
    const tag = `still-${ms}`;
    const dir = join(base, tag);
    await onKafka(laid, broker.brokers, dir, tag);
    cpSync(join(dir, 'data'), join(dir, 'elsewhere'), { recursive: true });
    const one = start(dir);
    expect(await begun(one, broker.brokers, `${tag}.dear`)).toBe(true);
    await sleep(ms);
    one.child.kill('SIGSTOP');
    const { code, stderr } = await start(dir, TO_END, { dataDir: 'elsewhere' }).finished;
    expect(code, stderr).toBe(0);
    one.child.kill('SIGCONT');
    // of no worth: it only makes the first one write
    const worthless = { id: -1, card: 'c1', shop: 's1', cents: -1, at: 0 };
    const records = [0, 1, 2, 3].map((partition) => ({
      partition,
      key: null,
      value: Buffer.from(JSON.stringify(worthless)),
      timestamp: String(Date.now()),
      headers: {},
    }));
    await produce(broker.brokers, `${tag}.payments`, records);
    expect(await Promise.race([one.saw(' slot_taken ').then(() => 'taken'), one.finished, sleep(90_000)]), one.said).toBe('taken');
    // it takes part again, with what the other has left
    await sleep(3_000);
    expect(await one.kill('SIGTERM'), one.said).toMatchObject({ code: 0 });
    const { own, foreign } = await kafkaAnswers(laid.pair, broker.brokers, dir, tag);
    expect(difference(laid.expected, own)).toBe('');
    expect(difference(laid.expected, foreign)).toBe('');
    expect(readdirSync(join(dir, 'out')).filter((name) => name.startsWith('.'))).toEqual([]);
  });
});
