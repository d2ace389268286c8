/** Two processes for one pipeline: whoever has taken over a slot, or the analyzer, owns it, and the one before can write nothing more there, whatever it was doing; it takes part again. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Millrace } from '../support/cli.ts';
import { disorder } from '../support/kafka/order.ts';
import { kafkaAnswers, type Laid, layPair, onKafka } from '../support/kafka/pair.ts';
import { topicsOnly } from '../support/kafka/pairs.ts';
import { begun, records, start, TO_END } from '../support/kafka/running.ts';
import { type Broker, describeKafka, startBroker } from '../support/kafka.ts';
import { difference } from '../support/kills.ts';

describeKafka('taken over on a broker', () => {
  const base = mkdtempSync(join(tmpdir(), 'millrace-takeover-'));
  let broker: Broker;
  let laid: Laid;
  beforeAll(async () => {
    [broker, laid] = await Promise.all([startBroker(), layPair(topicsOnly('takeover', 30_000), base)]);
  });
  afterAll(async () => {
    await broker?.close();
    rmSync(base, { recursive: true, force: true });
  });

  async function laidFor(tag: string, client: 'fast' | 'kafkajs'): Promise<string> {
    const dir = join(base, tag);
    await onKafka(laid, broker.brokers, dir, tag, { client });
    cpSync(join(dir, 'data'), join(dir, 'elsewhere'), { recursive: true });
    return dir;
  }

  async function expectEqual(dir: string, tag: string): Promise<void> {
    const { own, foreign } = await kafkaAnswers(laid.pair, broker.brokers, dir, tag);
    expect(await disorder(broker.brokers, tag)).toEqual([]);
    expect(difference(laid.expected, own)).toBe('');
    expect(difference(laid.expected, foreign)).toBe('');
  }

  const RECORDS: readonly string[] = ['--only', 'preprocess'];

  /** Others have come to the end of the input meanwhile: what the process that wakes up has in hand is refused, and it takes part again. */
  async function wake(one: Millrace, dir: string, tag: string): Promise<void> {
    one.child.kill('SIGCONT');
    await Promise.race([one.saw('slot_taken Another process has taken over slot '), one.finished]);
    expect(one.said).toContain('slot_taken');
    expect(await one.kill('SIGTERM'), one.said).toMatchObject({ code: 0 });
    expect(await start(dir, [...TO_END, '--only', 'analyze']).finished).toMatchObject({ code: 0 });
    await expectEqual(dir, tag);
  }

  for (const client of ['fast', 'kafkajs'] as const) {
    test(`${client}: a second process of both stages starts while the first works: they share the records, the first keeps the analyzer, and the second has it when the first is killed`, async () => {
      const tag = `second-${client}`;
      const dir = await laidFor(tag, client);
      const one = start(dir);
      expect(await begun(one, broker.brokers, `${tag}.dear`)).toBe(true);
      const two = start(dir, TO_END, { dataDir: 'elsewhere' });
      await Promise.race([two.saw('standing_by Another process has the analyzer'), two.finished]);
      await Promise.race([two.saw(' slots Working on '), two.finished]);
      expect([one.child.exitCode, two.child.exitCode], one.said + two.said).toEqual([null, null]);
      await one.kill();
      const { code, stderr } = await two.finished;
      expect(code, stderr).toBe(0);
      expect(one.said + stderr).not.toMatch(/fenced|_taken/);
      await expectEqual(dir, tag);
    });

    test(`${client}: a process stands still, another on an empty data directory has its slots when the session is over, and ends; the first wakes up`, async () => {
      const tag = `still-${client}`;
      const dir = await laidFor(tag, client);
      const one = start(dir, RECORDS);
      expect(await begun(one, broker.brokers, `${tag}.scored`)).toBe(true);
      one.child.kill('SIGSTOP');
      const { code, stderr } = await start(dir, [...TO_END, ...RECORDS], { dataDir: 'elsewhere' }).finished;
      expect(code, stderr).toBe(0);
      await wake(one, dir, tag);
    });

    test.each(['kafka.appended', 'kafka.committed'])(
      `${client}: a process is stopped inside a commit, at %s, another takes over, the first goes on`,
      async (point) => {
        const tag = `${point}-${client}`.replace('.', '-');
        const dir = await laidFor(tag, client);
        const one = start(dir, RECORDS, { env: { MILLRACE_PROBE: `${point}:25:stop` } });
        await Promise.race([one.saw(`probe ${point}\n`), one.finished]);
        expect(one.said).toContain(`probe ${point}\n`);
        const { code, stderr } = await start(dir, [...TO_END, ...RECORDS], { dataDir: 'elsewhere' }).finished;
        expect(code, stderr).toBe(0);
        expect(one.child.exitCode).toBe(null);
        await wake(one, dir, tag);
      },
    );
  }

  test('each stage alone: the analyzer that stood still is followed by a second and stands by, the record stage goes on', async () => {
    const tag = 'alone';
    const dir = await laidFor(tag, 'fast');
    cpSync(join(dir, 'data'), join(dir, 'third'), { recursive: true });
    const before = start(dir, ['--only', 'preprocess']);
    const one = start(dir, ['--only', 'analyze'], { dataDir: 'elsewhere' });
    expect(await begun(one, broker.brokers, `${tag}.dear`)).toBe(true);
    one.child.kill('SIGSTOP');
    const already = await records(broker.brokers, `${tag}.dear`);
    const two = start(dir, ['--only', 'analyze'], { dataDir: 'third' });
    expect(await begun(two, broker.brokers, `${tag}.dear`, already)).toBe(true);
    one.child.kill('SIGCONT');
    await Promise.race([one.saw('standing_by Another process has the analyzer'), one.finished]);
    for (const run of [before, one, two]) expect(await run.kill('SIGTERM'), run.said).toMatchObject({ code: 0 });
    expect(two.said).not.toContain('analyzer_taken');
    for (const [only, dataDir] of [
      ['preprocess', 'data'],
      ['analyze', 'third'],
    ] as const)
      expect(await start(dir, [...TO_END, '--only', only], { dataDir }).finished).toMatchObject({ code: 0 });
    await expectEqual(dir, tag);
  });
});
