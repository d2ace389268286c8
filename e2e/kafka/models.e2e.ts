/** `millrace model …` on a cluster: what a run has trained there is what it trains in a data directory, and what is promoted there is taken. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom } from '@millrace/runtime/random.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Millrace, succeed } from '../support/cli.ts';
import { kafkaProfile } from '../support/kafka/pair.ts';
import { type Broker, describeKafka, startBroker } from '../support/kafka.ts';

const DAY = 86_400_000;
const BEGIN = Date.UTC(2018, 3, 1);
const DAYS = 9;

const pipeline = (tag: string): string => `version: 1
name: ${tag}
schemas:
  payment:
    type: record
    name: Payment
    fields: [{ name: card, type: string }, { name: amount, type: double }, { name: night, type: boolean }, { name: fraud, type: boolean }, { name: at, type: long }]
preprocess:
  sources:
    - { id: payments, type: topic, topic: ${tag}.payments, format: json, schema: payment, key: card, event_time: { field: at } }
  steps:
    - { id: live, type: score, model: fraud, as: p, alarm: flagged }
  outputs:
    - { id: bridge, from: payments, topic: ${tag}.clean, schema: payment, key: card }
    - { id: scored, from: live, topic: ${tag}.scored, format: json, key: card }
analyze:
  trigger: { every: 0s }
  sources: [{ id: clean, output: bridge }]
  sinks: [{ id: rows, type: topic, topic: ${tag}.rows, format: json }]
models:
  fraud:
    type: logistic_regression
    features: [amount, night]
    label: { field: fraud, known_after: 1d }
    train: { from: clean, window: 2d, every: 1d }
    evaluate: { card: card, alerts_per_day: 3 }
`;

function payments(): string {
  const random = seededRandom(3);
  const lines = Array.from({ length: DAYS * 200 }, (_, i) => {
    const at = BEGIN + Math.floor((i * DAY) / 200);
    const [amount, night] = [100 * random.uniform(), at % DAY < DAY / 4];
    return `${JSON.stringify({ card: `c${random.below(60)}`, amount, night, fraud: amount + (night ? 20 : 0) + 10 * random.normal() > 95, at })}\n`;
  });
  return lines.join('');
}

interface Listed {
  readonly hash: string;
  readonly in_force: boolean;
}

describeKafka('models on a cluster', () => {
  const base = mkdtempSync(join(tmpdir(), 'millrace-models-'));
  let broker: Broker;
  let trained: readonly Listed[];
  let judged: unknown;

  /** runs a command in the directory of all of them; `on`: a data directory, or a profile */
  const millrace = (args: readonly string[], on: readonly string[], input?: string): Promise<string> =>
    succeed([...args, ...on], { cwd: base, ...(input === undefined ? {} : { input }) });
  const embedded = ['--data-dir', 'data'] as const;

  async function models(tag: string, on: readonly string[]): Promise<readonly Listed[]> {
    return (JSON.parse(await millrace(['model', 'list', `${tag}.yaml`, '--json'], on)) as { models: readonly Listed[] }).models;
  }

  async function lay(tag: string, on: readonly string[]): Promise<void> {
    writeFileSync(join(base, `${tag}.yaml`), pipeline(tag));
    await millrace(['topic', 'produce', `${tag}.payments`, '--key', 'card', '--partitions', '1'], on, payments());
  }

  beforeAll(async () => {
    writeFileSync(join(base, 'one.yaml'), 'transport: { topics: { partitions: 1 } }\n');
    const undisturbed = async (): Promise<void> => {
      await lay('base', embedded);
      await millrace(['run', 'base.yaml', '--until', 'end', '--profile', './one.yaml'], embedded);
      trained = await models('base', embedded);
      judged = JSON.parse(await millrace(['model', 'evaluate', 'base.yaml', '--json'], embedded));
    };
    [broker] = await Promise.all([startBroker(), undisturbed()]);
    for (const client of ['fast', 'kafkajs'] as const)
      writeFileSync(join(base, `${client}-profile.yaml`), kafkaProfile(broker.brokers, { client }).replace('partitions: 4', 'partitions: 1'));
    expect(trained.length).toBeGreaterThan(4);
  });
  afterAll(async () => {
    await broker?.close();
    rmSync(base, { recursive: true, force: true });
  });

  for (const client of ['fast', 'kafkajs'] as const) {
    const on = ['--profile', `./${client}-profile.yaml`];
    const here = ['--data-dir', `${client}-data`];
    const file = `${client}.yaml`;

    test(`over ${client}: list, show and evaluate answer as they do where all is in a data directory`, async () => {
      await lay(client, on);
      await millrace(['run', file, '--until', 'end'], [...on, ...here]);
      expect(await models(client, on)).toEqual(trained);
      expect(JSON.parse(await millrace(['model', 'evaluate', file, '--json'], on))).toEqual(judged);
      const inForce = trained.find(({ in_force }) => in_force) as Listed;
      expect(JSON.parse(await millrace(['model', 'show', file, '--json'], on))).toMatchObject({ hash: inForce.hash });
    });
  }

  test('promoted and rolled back by hand, a pipeline that runs takes it at once', async () => {
    const [client, file] = ['fast', 'fast.yaml'];
    const on = ['--profile', './fast-profile.yaml'];
    const run = new Millrace(['run', file, ...on, '--data-dir', 'fast-data'], { cwd: base });
    const scores = async (id: string): Promise<number[]> =>
      (await millrace(['topic', 'cat', `${client}.scored`, '--json', '--until', 'end'], on))
        .split('\n')
        .filter((line) => line.includes(`"card":"${id}"`))
        .map((line) => (JSON.parse(line) as { value: { p: number } }).value.p);
    let made = 0;
    /** what a payment is scored with just now */
    const scoredNow = async (): Promise<number> => {
      const id = `${client}-${made++}`;
      const payment = { card: id, amount: 80, night: false, fraud: false, at: BEGIN + DAYS * DAY };
      await millrace(['topic', 'produce', `${client}.payments`, '--key', 'card'], on, `${JSON.stringify(payment)}\n`);
      await expect.poll(() => scores(id), { timeout: 30_000 }).toHaveLength(1);
      return (await scores(id))[0] as number;
    };
    const scoreOf = async (hash: string): Promise<number> => {
      const shown = await millrace(['model', 'show', file, hash, '--json'], on);
      const { intercept, coefficients } = JSON.parse(shown) as { intercept: number; coefficients: number[] };
      return 1 / (1 + Math.exp(-(intercept + (coefficients[0] as number) * 80)));
    };
    const [first, second] = trained as [Listed, Listed];
    const last = trained.find(({ in_force }) => in_force) as Listed;
    for (const { hash } of [second, first]) {
      expect(await millrace(['model', 'promote', file, hash.slice(0, 16)], on)).toContain('is in force now');
      expect((await models(client, on)).filter(({ in_force }) => in_force).map((one) => one.hash)).toEqual([hash]);
      expect(await scoredNow()).toBeCloseTo(await scoreOf(hash), 12);
    }
    for (const hash of [second.hash, last.hash]) {
      expect(JSON.parse(await millrace(['model', 'rollback', file, '--json'], on))).toMatchObject({ promoted: hash });
      expect(await scoredNow()).toBeCloseTo(await scoreOf(hash), 12);
    }
    expect((await run.kill('SIGTERM')).code).toBe(0);
  });

  test('a pipeline that has never run there, and brokers that are not', async () => {
    writeFileSync(join(base, 'never.yaml'), pipeline('never'));
    const never = await new Millrace(['model', 'list', 'never.yaml', '--profile', './fast-profile.yaml'], { cwd: base }).finished;
    expect(never).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('unknown_topic never has not run on 127.0.0.1') });
    const gone = kafkaProfile(['127.0.0.1:1']);
    writeFileSync(join(base, 'gone.yaml'), gone);
    const away = await new Millrace(['model', 'list', 'never.yaml', '--profile', './gone.yaml'], { cwd: base }).finished;
    expect(away).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('broker_unreachable') });
  });
});
