import type { Model } from '@millrace/shared-schemas/model.ts';
import { expect, test } from 'vitest';
import { KeptRows } from './kept-rows.ts';
import { DAY, fraud, id, plan, rows, train, x } from './training.case.ts';
import { verdict } from './verdict.ts';

type Trained = Awaited<ReturnType<typeof train>>;
type Asked = Partial<Pick<Parameters<typeof verdict<{ model: Model }>>[0], 'plan' | 'chosen' | 'range'>>;

const byBoundary = ({ models }: Trained) => [...models.values()].map((model) => ({ model })).sort((a, b) => (a.model.boundary ?? 0) - (b.model.boundary ?? 0));

function ask(trained: Trained, asked: Asked = {}, models = byBoundary(trained)) {
  const kept = new KeptRows(asked.plan ?? plan);
  kept.restore(trained.saved);
  const { found, ...rest } = verdict({ plan, kept, models, chosen: null, range: null, ...asked });
  return { ...rest, boundary: (found.model.boundary as number) / DAY };
}

test('the newest model whose window lies wholly in the rows is judged as the trainer judges it', async () => {
  const trained = await train(plan, 100);
  const { boundary, metrics, ...rest } = ask(trained);
  // ten days of rows, windows of two
  expect(boundary).toBe(8);
  expect(rest).toEqual({ recorded: false, labelsComplete: true, seenInTraining: false });
  expect(metrics).toMatchObject({ from: 8 * DAY, to: 10 * DAY, k: 3 });
  const [chosen] = byBoundary(trained).filter(({ model }) => model.boundary === 7 * DAY);
  expect(chosen?.model.metrics).not.toBeNull();
  expect(ask(trained, { chosen }).metrics).toEqual(chosen?.model.metrics);
});

test('a range takes the newest model there was when it began; one that has learnt from it is told of', async () => {
  const trained = await train(plan, 100);
  const range = { from: 7.5 * DAY, to: 9 * DAY };
  const { boundary, metrics, seenInTraining } = ask(trained, { range });
  expect([boundary, metrics.from, metrics.to, seenInTraining]).toEqual([7, range.from, range.to, false]);
  const chosen = byBoundary(trained).at(-1) as { model: Model };
  expect(ask(trained, { range, chosen }).seenInTraining).toBe(true);
  expect(() => ask(trained, { range: { from: 2 * DAY, to: 3 * DAY } })).toThrow('There was no model m at 1970-01-03 yet.');
});

test('a window is judged only once it is over', async () => {
  const trained = await train(plan, 100, { data: rows().filter(({ time }) => time < 4 * DAY) });
  expect(byBoundary(trained).map(({ model }) => (model.boundary as number) / DAY)).toEqual([3, 4]);
  const told = 'Rows are there up to 1970-01-05, and the window 1970-01-04 to 1970-01-06 ends after that.';
  expect(() => ask(trained)).toThrow(told);
  expect(() => ask(trained, { chosen: byBoundary(trained)[0] as { model: Model } })).toThrow(told);
  expect(ask(trained, { range: { from: 3 * DAY, to: 4 * DAY } }).boundary).toBe(3);
  expect(() => ask(trained, {}, [])).toThrow('No model m was trained here yet.');
});

test('where rows are gone the metrics found at the time stand in, of the same window', async () => {
  const trained = await train(plan, 100);
  const [chosen] = byBoundary(trained) as { model: Model }[];
  expect(ask(trained, { chosen })).toMatchObject({ boundary: 3, recorded: true, metrics: chosen?.model.metrics });
  const range = { from: 3 * DAY, to: 4 * DAY };
  expect(() => ask(trained, { chosen, range })).toThrow('To judge on 1970-01-04 takes rows from 1970-01-01 on; those before 1970-01-05 are gone.');
});

test('labels count as they are known now', async () => {
  const other = { ...plan, label: { source: 'labels', on: [[id, id]] as const, field: fraud, knownAfter: DAY } };
  const data = rows();
  const said = (late: number) => data.filter(({ row }) => row.fraud === true).map(({ row, time }) => ({ row, time: time + late }));
  const inside = ask(await train(plan, 100));
  const known = ask(await train(other, 100, { labels: said(DAY - 1) }), { plan: other });
  expect(known.labelsComplete).toBe(false);
  // of the last day nobody has said anything yet
  expect(known.metrics.positives).toBeLessThan(inside.metrics.positives);
  const range = { from: 7 * DAY, to: 9 * DAY };
  const over = ask(await train(other, 100, { labels: said(DAY - 1) }), { plan: other, range });
  expect(over.labelsComplete).toBe(true);
  expect(over.metrics).toEqual(ask(await train(plan, 100), { range }).metrics);
});

test('rows kept for other features are not read', async () => {
  const { saved } = await train(plan, 1000);
  const kept = new KeptRows({ ...plan, features: ['x'], train: { ...plan.train, columns: [x] } });
  expect(() => kept.restore(saved)).toThrow('The rows kept to train m do not fit it any more');
});
