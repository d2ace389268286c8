/** Two processes of one machine and one pipeline that writes files: the one that stood still cannot write to a file that has passed to the other. */
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { produce } from '../support/kafka/foreign.ts';
import { kafkaAnswers, type Laid, layPair, onKafka } from '../support/kafka/pair.ts';
import { both } from '../support/kafka/pairs.ts';
import { begun, complaints, start, TO_END } from '../support/kafka/running.ts';
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
    await produce(broker.brokers, `${tag}.payments`, [{ partition: 0, key: null, value: Buffer.from('?'), timestamp: String(Date.now()), headers: {} }]);
    expect(await Promise.race([one.finished.then(() => 'ended'), sleep(90_000)]), one.said).toBe('ended');
    // its successor may have cut an exchange that it still reads
    expect(complaints((await one.finished).stderr)).toEqual([
      expect.stringMatching(/^millrace: (fenced Another process has taken over |records_gone \S+\.exchange\/)/),
    ]);
    const { own, foreign } = await kafkaAnswers(laid.pair, broker.brokers, dir, tag);
    expect(difference(laid.expected, own)).toBe('');
    expect(difference(laid.expected, foreign)).toBe('');
    expect(readdirSync(join(dir, 'out')).filter((name) => name.startsWith('.'))).toEqual([]);
  });
});
