/** The same file embedded and on a broker, over both clients: the same records everywhere, for our readers and for others'. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { succeed } from '../support/cli.ts';
import { kafkaAnswers, type Laid, layPair, onKafka } from '../support/kafka/pair.ts';
import { both } from '../support/kafka/pairs.ts';
import { type Broker, describeKafka, startBroker } from '../support/kafka.ts';
import { difference, runArgs } from '../support/kills.ts';

/** rows that a console sink has shown, sorted */
function shown(stdout: string): string[] {
  const events = stdout.split('\n').filter((line) => line.startsWith('{"event":"rows"'));
  return events.flatMap((line) => (JSON.parse(line) as { rows: unknown[] }).rows.map((row) => JSON.stringify(row))).sort();
}

describeKafka('one pipeline file, embedded and on a broker', () => {
  const base = mkdtempSync(join(tmpdir(), 'millrace-pipelines-'));
  let broker: Broker;
  let laid: Laid;
  beforeAll(async () => {
    [broker, laid] = await Promise.all([startBroker(), layPair(both('both', 20_000), base)]);
    for (const [output, lines] of Object.entries(laid.expected)) expect(lines.length, `${output} has lines`).toBeGreaterThan(0);
    console.log(
      Object.entries(laid.expected)
        .map(([output, lines]) => `${output} ${lines.length}`)
        .join(', '),
    );
  });
  afterAll(async () => {
    await broker?.close();
    rmSync(base, { recursive: true, force: true });
  });

  for (const client of ['fast', 'kafkajs'] as const) {
    test(`over ${client}: both stages in one process, once and once more`, async () => {
      const dir = join(base, client);
      const scenario = await onKafka(laid, broker.brokers, dir, client, { client });
      const stdout = await succeed(runArgs(scenario), { cwd: dir });
      expect(shown(laid.stdout).length).toBeGreaterThan(0);
      expect(shown(stdout)).toEqual(shown(laid.stdout));
      // a second run with nothing new writes nothing
      await succeed(runArgs(scenario), { cwd: dir });
      const { own, foreign } = await kafkaAnswers(laid.pair, broker.brokers, dir, client, client);
      expect(difference(laid.expected, own)).toBe('');
      expect(difference(laid.expected, foreign)).toBe('');
    });

    test(`over ${client}: a process a stage`, async () => {
      const tag = `${client}2`;
      const dir = join(base, tag);
      const scenario = await onKafka(laid, broker.brokers, dir, tag, { client });
      await succeed([...runArgs(scenario), '--only', 'preprocess'], { cwd: dir });
      // the analyzer may be on another machine: nothing of the record stage's directory is there but the schemas, as from a registry
      cpSync(join(laid.template, 'data'), join(dir, 'elsewhere'), { recursive: true, filter: (path) => !path.includes('.mdb') });
      await succeed(
        [...runArgs(scenario), '--only', 'analyze'].map((arg) => (arg === 'data' ? 'elsewhere' : arg)),
        { cwd: dir },
      );
      const { own, foreign } = await kafkaAnswers(laid.pair, broker.brokers, dir, tag, client);
      expect(difference(laid.expected, own)).toBe('');
      expect(difference(laid.expected, foreign)).toBe('');
    });
  }
});
