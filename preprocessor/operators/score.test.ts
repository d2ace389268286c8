import type { ScorePlan } from '@millrace/pipeline/plan.ts';
import type { Model } from '@millrace/shared-schemas/model.ts';
import { expect, test } from 'vitest';
import { Harness } from './harness.case.ts';
import { plain } from './harness-plans.case.ts';

const features = [
  { name: 'x', type: { kind: 'DOUBLE' }, nullable: true, slot: 'x' },
  { name: 'd', type: { kind: 'DECIMAL', width: 9, scale: 2 }, nullable: true, slot: 'd' },
  { name: 'b', type: { kind: 'BOOLEAN' }, nullable: true, slot: 'b' },
] as const;
const node = (alarmSlot: string | null): ScorePlan =>
  plain<ScorePlan>({ type: 'score', model: 'm', swap: 'immediate', every: null, features, slot: 'p', alarmSlot });
const modelOf = (intercept: number, coefficients: readonly number[], threshold: number | null = null): Model =>
  ({ intercept, coefficients, threshold }) as unknown as Model;
const slots = [['x', 'd', 'b', 'p', 'flagged']];

test('NULL before a model and for a feature that is NULL or not finite, else the probability; a new model counts from the next row', () => {
  const harness = new Harness(node(null), slots);
  const rows = [
    [null, { x: 1, d: 100, b: true }],
    [modelOf(0, [0, 0, 0]), { x: 1, d: 100, b: true }],
    [modelOf(0.5, [2, 3, -1]), { x: 1, d: 150, b: true }],
    [modelOf(0.5, [2, 3, -1]), { x: null, d: 150, b: true }],
    [modelOf(0.5, [2, 3, -1]), { x: Number.NaN, d: 150, b: true }],
    [null, { x: 1, d: 150, b: true }],
  ] as const;
  for (const [t, [model, row]] of rows.entries()) {
    harness.model.model = model;
    harness.feed({ t, row });
  }
  const scores = harness.emitted.map(({ p }) => p as number | null);
  expect(scores.map((p) => p?.toFixed(12) ?? null)).toEqual([null, '0.500000000000', (1 / (1 + Math.exp(-6))).toFixed(12), null, null, null]);
});

test('the alarm is TRUE from the threshold on, FALSE below, without a score, and without a threshold', () => {
  const harness = new Harness(node('flagged'), slots);
  const logit = (p: number): number => Math.log(p / (1 - p));
  const cases: [Model | null, number | null][] = [
    [modelOf(0, [1, 0, 0], 0.5), 0],
    [modelOf(0, [1, 0, 0], 0.5), -1e-9],
    [modelOf(0, [1, 0, 0], 0.9), logit(0.91)],
    [modelOf(0, [1, 0, 0], 0), null],
    [modelOf(0, [1, 0, 0], null), 100],
    [null, 100],
  ];
  for (const [t, [model, x]] of cases.entries()) {
    harness.model.model = model;
    harness.feed({ t, row: { x, d: 0, b: false } });
  }
  expect(harness.emitted.map(({ flagged }) => flagged)).toEqual([true, false, true, false, false, false]);
});
