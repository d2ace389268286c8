import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Model, modelHash, modelText } from '@millrace/shared-schemas/model.ts';
import { modelKey } from '@millrace/shared-schemas/model-decision.ts';
import { openEmbedded } from '@millrace/transport/embedded/open.ts';
import { beforeEach, describe, expect, test } from 'vitest';
import { called, start, tempDir } from './millrace.case.ts';

const dir = tempDir();
const DAY = 86_400_000;
const BOUNDARY = Date.UTC(2018, 7, 8);

const yaml = `
version: 1
name: shop
schemas:
  payment: { type: record, name: P, fields: [{ name: id, type: string }, { name: amount, type: double }] }
preprocess:
  sources: [{ id: payments, type: topic, topic: payments, format: json, schema: payment }]
  steps: [{ id: live, type: score, model: fraud, as: p, alarm: flagged }]
  outputs: [{ id: out, topic: scored }]
models:
  fraud: { type: logistic_regression, features: [amount] }
  other: { type: logistic_regression, features: [amount] }
`;

function model(n: number, more: Partial<Model> = {}): Model {
  const training = { from: BOUNDARY + (n - 14) * DAY, to: BOUNDARY + (n - 7) * DAY, rows: 66_928 + n, positives: 600 + n, l2: 1, l1: 0 };
  return {
    format: 1,
    type: 'logistic_regression',
    name: 'fraud',
    features: ['amount'],
    schema: '',
    intercept: n,
    coefficients: [0.1 + 0.2],
    scaler: null,
    threshold: 0.5,
    training: { ...training, class_weight: 'none', standardize: true, iterations: 5, converged: true, engine: 'float64' },
    metrics: null,
    parent: null,
    boundary: BOUNDARY + n * DAY,
    ...more,
  };
}

const metrics = {
  from: BOUNDARY,
  to: BOUNDARY + 7 * DAY,
  rows: 9,
  positives: 2,
  auc_roc: 0.87051,
  average_precision: 0.60574,
  card_precision_at_k: null,
  k: 100,
  log_loss: 0.1,
  brier: 0.1,
};
const models = [model(0, { metrics }), model(1), model(2)];
const hashes = models.map(modelHash);
const short = (i: number): string => hashes[i].slice(0, 12);

async function store(...all: readonly Model[]): Promise<void> {
  const transport = openEmbedded(join(dir.path, '.millrace', 'shop'));
  await transport.commit({ appenders: [], puts: all.map((one) => [modelKey('shop', modelHash(one)), Buffer.from(modelText(one))]) });
  await transport.close();
}

const command = (...args: string[]) => called(dir.path, ['model', ...args]);
async function promoted(i: number): Promise<void> {
  expect(await command('promote', 'p.yaml', hashes[i].slice(0, 10))).toEqual({ code: 0, stdout: `fraud: ${short(i)} is in force now\n`, stderr: '' });
}

beforeEach(() => writeFileSync(join(dir.path, 'p.yaml'), yaml));

describe('model list and show', () => {
  test('what there is, what is in force, and metrics where they are known', async () => {
    await store(...models, model(5, { name: 'other', boundary: null }));
    await promoted(1);
    const { stdout } = await command('list', 'p.yaml');
    expect(stdout.split('\n')).toEqual([
      'model  hash                    boundary    trained from  to            rows  positives     AUC      AP  CP@k',
      `fraud  ${short(0)}            2018-08-08  2018-07-25    2018-08-01  66,928        600  0.8705  0.6057     –`,
      `fraud  ${short(1)}  in force  2018-08-09  2018-07-26    2018-08-02  66,929        601       –       –     –`,
      `fraud  ${short(2)}            2018-08-10  2018-07-27    2018-08-03  66,930        602       –       –     –`,
      `other  ${modelHash(model(5, { name: 'other', boundary: null })).slice(0, 12)}            –           2018-07-30    2018-08-06  66,933        605       –       –     –`,
      '',
    ]);
    const json = JSON.parse((await command('list', 'p.yaml', '--model', 'fraud', '--json')).stdout) as { models: Record<string, unknown>[] };
    expect(json.models.map(({ hash, in_force }) => [hash, in_force])).toEqual(hashes.map((hash, i) => [hash, i === 1]));
    expect(json.models[0]).toMatchObject({ boundary: BOUNDARY, trained: { from: BOUNDARY - 14 * DAY }, rows: 66_928, threshold: 0.5, metrics });
  });

  test('show: every digit, of the one in force or of a hash', async () => {
    await store(...models);
    await promoted(2);
    const shown = await command('show', 'p.yaml', '--model', 'fraud');
    expect(JSON.parse(shown.stdout)).toEqual({ ...models[2], hash: hashes[2] });
    expect(shown.stdout).toContain('0.30000000000000004');
    expect((await command('show', 'p.yaml', hashes[0].toUpperCase(), '--json')).stdout).toBe(`${modelText(models[0])}\n`);
  });

  test('an empty registry, a wrong name, a hash of nobody’s and of several', async () => {
    await store();
    expect((await command('list', 'p.yaml')).stdout).toBe('.millrace/shop holds no models\n');
    expect(await command('show', 'p.yaml', '--model', 'fraud')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('model_unknown No model fraud is in force yet'),
    });
    expect((await command('show', 'p.yaml')).stderr).toContain('wrong_usage The file has several models: fraud, other.');
    await store(...models);
    expect((await command('list', 'p.yaml', '--model', 'fruad')).stderr).toContain('There is no model fruad in p.yaml.\n  hint: Did you mean fraud?');
    const typo = `${hashes[0].slice(0, 10)}${hashes[0][11]}${hashes[0][10]}`;
    expect(await command('promote', 'p.yaml', typo)).toMatchObject({ code: 1, stderr: expect.stringContaining(`Did you mean ${short(0)}?`) });
    const many = Array.from({ length: 20 }, (_, i) => model(i));
    await store(...many);
    const first = many.map(modelHash).map((hash) => hash[0]);
    const twice = first.find((one, i) => first.indexOf(one) !== i) as string;
    expect((await command('show', 'p.yaml', twice)).stderr).toMatch(
      new RegExp(`model_unknown \\d+ models begin with ${twice}: ${twice}[0-9a-f]{11}, .*\n  hint: Give more`),
    );
  });

  test('where the profile says that it ran; --data-dir wins', async () => {
    await store(models[0]);
    writeFileSync(join(dir.path, 'here.yaml'), 'checkpoint: { path: .millrace/shop }\n');
    writeFileSync(join(dir.path, 'there.yaml'), 'checkpoint: { path: nowhere }\n');
    const hash = async (...args: string[]): Promise<string> =>
      (JSON.parse((await command('list', 'p.yaml', '--json', ...args)).stdout) as { models: { hash: string }[] }).models[0].hash;
    expect(await hash('--profile', './here.yaml')).toBe(hashes[0]);
    expect(await command('list', 'p.yaml', '--profile', './there.yaml')).toMatchObject({ code: 1, stderr: expect.stringContaining('data_dir_missing') });
    expect(await hash('--profile', './there.yaml', '--data-dir', '.millrace/shop')).toBe(hashes[0]);
  });

  test('no data directory', async () => {
    expect(await command('list', 'p.yaml', '--data-dir', 'nowhere')).toMatchObject({ code: 1, stderr: expect.stringContaining('data_dir_missing') });
  });
});

describe('model promote and rollback', () => {
  test('goes back one by one, and not forward again', async () => {
    await store(...models);
    for (const i of [0, 1, 2]) await promoted(i);
    expect((await command('promote', 'p.yaml', hashes[2])).stdout).toBe(`fraud: ${short(2)} is in force already\n`);
    const back = () => command('rollback', 'p.yaml', '--model', 'fraud');
    expect((await back()).stdout).toBe(`fraud: ${short(1)} is in force again, in place of ${short(2)}\n`);
    expect((await back()).stdout).toBe(`fraud: ${short(0)} is in force again, in place of ${short(1)}\n`);
    expect(await back()).toMatchObject({ code: 1, stderr: expect.stringContaining('There is no model to go back to: fraud has had one in force.') });
    await promoted(2);
    expect(JSON.parse((await command('rollback', 'p.yaml', '--model', 'fraud', '--json')).stdout)).toEqual({
      model: 'fraud',
      promoted: hashes[0],
      before: hashes[2],
    });
  });

  test('refuses a model of other features', async () => {
    const odd = model(1, { features: ['id'] });
    await store(odd);
    expect(await command('promote', 'p.yaml', modelHash(odd))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('was trained on id, and fraud takes amount now'),
    });
  });

  test('a pipeline takes a promotion while it runs, and one it finds when it starts', async () => {
    await store(...models);
    await promoted(1);
    const running = start(dir.path, ['run', 'p.yaml']);
    const data = ['--data-dir', '.millrace/shop'];
    const produce = (id: string) => called(dir.path, ['topic', 'produce', 'payments', ...data, '--partitions', '4'], { input: `{"id":"${id}","amount":0}\n` });
    const scored = async (): Promise<string[]> =>
      (await called(dir.path, ['topic', 'cat', 'scored', '--json', '--until', 'end', ...data])).stdout
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as { value: { id: string; p: number | null; flagged: boolean } })
        .map(({ value: { id, p, flagged } }) => `${id} ${p?.toFixed(6)} ${flagged}`)
        .sort();
    await produce('a');
    await expect.poll(scored, { timeout: 15_000 }).toEqual(['a 0.731059 true']);
    await promoted(2);
    // the promotion is on the log before the record is
    await produce('b');
    await expect.poll(scored, { timeout: 15_000 }).toEqual(['a 0.731059 true', 'b 0.880797 true']);
    running.child.kill('SIGINT');
    expect((await running.done).code).toBe(0);
  });
});
