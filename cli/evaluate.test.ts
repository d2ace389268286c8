import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { seededRandom } from '@millrace/runtime/random.ts';
import type { Model } from '@millrace/shared-schemas/model.ts';
import { expect, test } from 'vitest';
import { called, start, tempDir } from './millrace.case.ts';

const dir = tempDir();
const DAY = 86_400_000;
const BEGIN = Date.UTC(2018, 3, 1);

const PIPELINE = `version: 1
name: shop
schemas:
  payment:
    type: record
    name: Payment
    fields: [{ name: card, type: string }, { name: amount, type: double }, { name: night, type: boolean }, { name: fraud, type: boolean }, { name: at, type: long }]
preprocess:
  sources:
    - { id: payments, type: file, path: in.jsonl, format: json, schema: payment, event_time: { field: at } }
  outputs:
    - { id: bridge, topic: payments.clean, schema: payment, key: card }
analyze:
  trigger: { every: 0s }
  sources: [{ id: clean, output: bridge }]
  sinks: [{ id: rows, type: topic, topic: rows, format: json }]
models:
  fraud:
    type: logistic_regression
    features: [amount, night]
    label: { field: fraud, known_after: 1d }
    train: { from: clean, window: 2d, every: 1d }
    evaluate: { card: card, alerts_per_day: 3 }
`;

/** Writes the payments of so many days, behind those of `there` days that stand in the file: a run may be reading it. */
function write(days: number, there = 0): void {
  const random = seededRandom(3);
  const lines = Array.from({ length: days * 200 }, (_, i) => {
    const at = BEGIN + Math.floor((i * DAY) / 200);
    const [amount, night] = [100 * random.uniform(), at % DAY < DAY / 4];
    return `${JSON.stringify({ card: `c${random.below(60)}`, amount, night, fraud: amount + (night ? 20 : 0) + 10 * random.normal() > 95, at })}\n`;
  });
  appendFileSync(join(dir.path, 'in.jsonl'), lines.slice(there * 200).join(''));
  writeFileSync(join(dir.path, 'p.yaml'), PIPELINE);
}

const evaluate = (...args: string[]) => called(dir.path, ['model', 'evaluate', 'p.yaml', ...args]);
const json = async (...args: string[]) => JSON.parse((await evaluate(...args, '--json')).stdout);
const until = (at: number): string => new Date(BEGIN + at * DAY).toISOString().slice(0, 10);

test('a model that a run has trained, on its next window and on another', async () => {
  write(9);
  expect((await called(dir.path, ['run', 'p.yaml', '--until', 'end'])).code).toBe(0);
  const found = await json();
  const model = JSON.parse((await called(dir.path, ['model', 'show', 'p.yaml', found.hash, '--json'])).stdout) as Model;
  expect(found).toMatchObject({ model: 'fraud', boundary: BEGIN + 7 * DAY, on: { from: BEGIN + 7 * DAY, to: BEGIN + 9 * DAY }, k: 3, recorded: false });
  expect(found).toMatchObject({ labels_complete: true, seen_in_training: false });
  expect(found.coefficients).toEqual({ intercept: model.intercept, amount: model.coefficients[0], night: model.coefficients[1] });
  const { mean, std } = model.scaler as NonNullable<Model['scaler']>;
  expect(found.standardized.night).toBeCloseTo((model.coefficients[1] as number) * (std[1] as number), 12);
  const atMean = model.intercept + (model.coefficients[0] as number) * (mean[0] as number) + (model.coefficients[1] as number) * (mean[1] as number);
  expect(found.standardized.intercept).toBeCloseTo(atMean, 12);
  expect(found.auc_roc).toBeGreaterThan(0.95);
  for (const name of ['average_precision', 'card_precision_at_k', 'log_loss', 'brier']) {
    expect(found[name]).toBeGreaterThan(0);
    expect(found[name]).toBeLessThan(1);
  }

  // the same by its name and window
  expect(await json(found.hash.slice(0, 8), '--from', until(7), '--to', until(9), '--model', 'fraud')).toEqual(found);
  const earlier = await json('--to', `${until(8)}T12:00Z`);
  expect([earlier.boundary, earlier.on.to]).toEqual([BEGIN + 6 * DAY, BEGIN + 8.5 * DAY]);

  const { stdout } = await evaluate();
  expect(stdout).toMatch(/^fraud [0-9a-f]{12}, trained on 400 rows of 2018-04-05 00:00:00 to 2018-04-07 00:00:00\njudged on \d+ rows, \d+ of them positive/);
  expect(stdout).toContain(`AUC ROC            ${found.auc_roc.toFixed(4)}\n`);
  expect(stdout).toMatch(/^night +[\d.]+ +[\d.]+$/m);

  expect(await evaluate('--from', until(8))).toMatchObject({ code: 1, stderr: expect.stringContaining('window_incomplete Rows are there up to 2018-04-10,') });
  expect(await evaluate('--from', until(4), '--to', until(5))).toMatchObject({ code: 1, stderr: expect.stringContaining('rows_forgotten') });
  expect(await evaluate('--from', '2018-02-30')).toMatchObject({ code: 2, stderr: expect.stringContaining('--from 2018-02-30 is no date.') });
  expect((await evaluate('--from', until(8), '--to', until(7))).stderr).toContain('wrong_usage');

  writeFileSync(join(dir.path, 'p.yaml'), PIPELINE.replace('[amount, night]', '[night, amount]'));
  expect(await evaluate(found.hash)).toMatchObject({ code: 1, stderr: expect.stringContaining('model_mismatch') });
  expect(await evaluate()).toMatchObject({ code: 1, stderr: expect.stringContaining('plan_changed The rows kept to train fraud') });
  writeFileSync(join(dir.path, 'p.yaml'), PIPELINE.replace(/^ {4}(label|train|evaluate):.*\n/gm, ''));
  expect((await evaluate(found.hash)).stderr).toContain('it does not train it');
});

test('while the pipeline runs: nothing yet, then what there is', async () => {
  write(2);
  const first = start(dir.path, ['run', 'p.yaml', '--json']);
  await first.seen('"event":"batch"');
  expect(await evaluate()).toMatchObject({ code: 1, stderr: expect.stringContaining('model_unknown No model fraud was trained here yet.') });
  write(6, 2);
  let found = await evaluate('--json');
  for (const end = Date.now() + 20_000; found.code !== 0 && Date.now() < end; ) found = await evaluate('--json');
  const { hash } = JSON.parse(found.stdout) as { hash: string };
  expect(hash).toMatch(/^[0-9a-f]{64}$/);
  first.child.kill('SIGTERM');
  expect((await first.done).code).toBe(0);
});
