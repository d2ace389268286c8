import { promotionColumns } from '@millrace/pipeline/models/metrics.ts';
import { openChecker } from '@millrace/pipeline/sql/check.ts';
import type { Checked } from '@millrace/pipeline/sql/expr.ts';
import { linearScore, type Model, modelHash } from '@millrace/shared-schemas/model.ts';
import type { ModelDecision } from '@millrace/shared-schemas/model-decision.ts';
import { expect, test } from 'vitest';
import type { TrainedPlan } from './learning-rows.ts';
import { DAY, fraud, id, plan, rows, train } from './training.case.ts';

test('a model a boundary, from the first whole window on to the first boundary behind the last row', async () => {
  const { decisions, models } = await train(plan, 200);
  expect(decisions.filter(({ trained }) => trained !== null).map(({ boundary }) => (boundary as number) / DAY)).toEqual([3, 4, 5, 6, 7, 8, 9, 10]);
  expect(decisions.filter(({ trained }) => trained === null).map(({ boundary }) => (boundary as number) / DAY)).toEqual([0, 1, 2]);
  for (const { trained, promoted, boundary } of decisions.filter((one) => one.trained !== null)) {
    const model = models.get(trained as string) as Model;
    expect(promoted).toBe(trained);
    expect(modelHash(model)).toBe(trained);
    expect(model.training).toMatchObject({ from: (boundary as number) - 3 * DAY, to: (boundary as number) - DAY, rows: 400 });
    expect(model.coefficients[0]).toBeGreaterThan(1);
    expect(Math.abs(model.coefficients[1] as number)).toBeLessThan(0.5);
  }
  // judged on the two days after its boundary, once those labels are known
  const judged = [...models.values()].filter(({ metrics }) => metrics !== null);
  expect(judged.map(({ boundary, metrics }) => [(boundary as number) / DAY, (metrics?.to as number) / DAY])).toEqual([3, 4, 5, 6, 7].map((b) => [b, b + 2]));
  for (const { metrics } of judged) expect(metrics?.auc_roc).toBeGreaterThan(0.85);
});

test('the threshold is what alerts_per_day cards a day reached in the window before the boundary, labelled or not', async () => {
  const { models } = await train(plan, 200);
  for (const model of models.values()) {
    const boundary = model.boundary as number;
    const best = new Map<string, number>();
    for (const { row, time } of rows()) {
      if (time < boundary - 2 * DAY || time >= boundary) continue;
      const card = `${Math.floor(time / DAY)} ${row.card}`;
      best.set(card, Math.max(best.get(card) ?? 0, linearScore(model, Float64Array.of(row.x as number, row.y as number))));
    }
    expect([...best.values()].filter((score) => score >= (model.threshold as number))).toHaveLength(2 * plan.evaluate.alertsPerDay);
  }
});

test('batches and restarts show in nothing', async () => {
  const expected = await train(plan, 2000);
  for (const [size, reopen] of [
    [1, false],
    [7, true],
    [333, true],
  ] as const) {
    const got = await train(plan, size, { reopen });
    const trained = (decisions: readonly ModelDecision[]) => decisions.filter((one) => one.trained !== null);
    expect(trained(got.decisions)).toEqual(trained(expected.decisions));
    expect(got.models).toEqual(expected.models);
  }
});

test('labels of their own: unsaid is false, too late is unsaid', async () => {
  const other: TrainedPlan = { ...plan, label: { source: 'labels', on: [[id, id]], field: fraud, knownAfter: DAY } };
  const data = rows();
  const frauds = data.filter(({ row }) => row.fraud === true);
  const said = await train(other, 100, { data, labels: frauds.map(({ row, time }) => ({ row, time: time + DAY - 1 })) });
  const inside = await train(plan, 100, { data });
  const coefficients = (models: ReadonlyMap<string, Model>) => [...models.values()].map((model) => model.coefficients);
  expect(coefficients(said.models)).toEqual(coefficients(inside.models));
  const late = await train(other, 100, { data, labels: frauds.map(({ row, time }) => ({ row, time: time + 4 * DAY })) });
  expect(late.decisions.at(-1)?.reason).toMatch(/^one_class/);
  expect(late.models.size).toBe(0);
});

async function condition(sql: string): Promise<Checked> {
  const checker = await openChecker();
  const answer = await checker.scalar(sql, promotionColumns, 'BOOLEAN');
  checker.close();
  if (!answer.ok) throw new Error(answer.flaw.message);
  return answer.checked;
}

test('promote_if judges a model on its next window against the one in force', async () => {
  const judged: TrainedPlan = { ...plan, promoteIf: await condition('average_precision > current.average_precision + 0.2') };
  const { decisions, models } = await train(judged, 50, { data: rows(3) });
  const promotions = decisions.filter(({ promoted }) => promoted !== null);
  const trainedAt = ({ promoted }: ModelDecision): number => (models.get(promoted as string)?.boundary as number) / DAY;
  // rows turn on day 3: the model of day 4 has not learnt of it, that of day 5 has by half, that of day 6 in full; each is judged 3 days later
  expect(promotions.map((one) => [(one.boundary as number) / DAY, trainedAt(one), one.reason])).toEqual([
    [3, 3, 'the first model'],
    [8, 5, 'promote_if holds on the next window'],
    [9, 6, 'promote_if holds on the next window'],
  ]);
  expect(decisions.find(({ boundary }) => boundary === 7 * DAY)?.reason).toBe('promote_if does not hold on the next window');
});
