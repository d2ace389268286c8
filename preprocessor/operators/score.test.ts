import type { ScorePlan } from '@millrace/pipeline/plan.ts';
import type { Model } from '@millrace/shared-schemas/model.ts';
import type { Row } from '@millrace/shared-schemas/types.ts';
import { expect, test } from 'vitest';
import type { OperatorContext } from './operator.ts';
import { createScore } from './score.ts';

const node = {
  type: 'score',
  model: 'm',
  features: [
    { name: 'x', type: { kind: 'DOUBLE' }, nullable: true, slot: 'x' },
    { name: 'd', type: { kind: 'DECIMAL', width: 9, scale: 2 }, nullable: true, slot: 'd' },
    { name: 'b', type: { kind: 'BOOLEAN' }, nullable: true, slot: 'b' },
  ],
  slot: 'p',
} as unknown as ScorePlan;
const modelOf = (intercept: number, coefficients: readonly number[]): Model => ({ intercept, coefficients }) as unknown as Model;
const row = (x: number | null, d: number, b: boolean): Row => ({ x, d, b, p: -1 });

test('NULL before a model and for a feature that is NULL or not finite, else the probability; a new model counts from the next row', () => {
  const seen: (number | null)[] = [];
  const score = createScore(node, { next: (out: Row) => seen.push(out['p'] as number | null) } as unknown as OperatorContext);
  score.process(row(1, 100, true));
  score.setModel(modelOf(0, [0, 0, 0]));
  score.process(row(1, 100, true));
  score.setModel(modelOf(0.5, [2, 3, -1]));
  score.process(row(1, 150, true));
  score.process(row(null, 150, true));
  score.process(row(Number.NaN, 150, true));
  score.setModel(null);
  score.process(row(1, 150, true));
  expect(seen.map((p) => (p === null ? null : Number(p.toFixed(12))))).toEqual([null, 0.5, Number((1 / (1 + Math.exp(-6))).toFixed(12)), null, null, null]);
});
