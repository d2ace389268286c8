import fc from 'fast-check';
import { expect, test } from 'vitest';
import { aucRoc, averagePrecision, brier, logLoss } from './metrics.ts';
import { metricCases, scoresOf } from './vectors.ts';

test.each(metricCases)("scikit-learn's metrics: $name", (it) => {
  const { scores, labels } = scoresOf(it);
  expect(labels.reduce((sum, label) => sum + label, 0)).toBe(it.positives);
  expect(aucRoc(scores, labels)).toBeCloseTo(it.auc_roc, 12);
  expect(averagePrecision(scores, labels)).toBeCloseTo(it.average_precision, 12);
  expect(logLoss(scores, labels)).toBeCloseTo(it.log_loss, 12);
  expect(brier(scores, labels)).toBeCloseTo(it.brier, 12);
});

const rows = fc.array(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.boolean()), { minLength: 1, maxLength: 60 });
const split = (from: readonly (readonly [number, boolean])[]): [Float64Array, Uint8Array] => [
  Float64Array.from(from, ([score]) => score / 10),
  Uint8Array.from(from, ([, label]) => (label ? 1 : 0)),
];

test('the share of pairs ranked rightly, counted one by one', () => {
  fc.assert(
    fc.property(rows, (all) => {
      const good = all.filter(([, label]) => label);
      const bad = all.filter(([, label]) => !label);
      const pairs = good.flatMap(([a]) => bad.map(([b]) => (a > b ? 1 : a === b ? 0.5 : 0) as number));
      const expected = pairs.length === 0 ? null : pairs.reduce((sum, it) => sum + it, 0) / pairs.length;
      const found = aucRoc(...split(all));
      if (expected === null) expect(found).toBeNull();
      else expect(found).toBeCloseTo(expected, 12);
    }),
  );
});

test('rank metrics see only the order of the scores, and none the order of the rows', () => {
  fc.assert(
    fc.property(rows, fc.integer({ min: 1, max: 1000 }), (all, seed) => {
      const [scores, labels] = split(all);
      const bent = scores.map((it) => Math.exp(3 * it) - 7);
      const turned = split(
        all
          .map((it, i) => ({ it, at: (i * 7919 + seed) % 1009 }))
          .sort((a, b) => a.at - b.at)
          .map(({ it }) => it),
      );
      for (const metric of [aucRoc, averagePrecision]) {
        expect(metric(bent, labels)).toBe(metric(scores, labels));
        expect(metric(...turned)).toBe(metric(scores, labels));
      }
      for (const metric of [logLoss, brier]) expect(metric(...turned)).toBeCloseTo(metric(scores, labels) as number, 12);
    }),
  );
});

test('what the rows do not define is null, and certainty costs a finite loss', () => {
  const none = new Float64Array(0);
  expect([aucRoc, averagePrecision, logLoss, brier].map((metric) => metric(none, new Uint8Array(0)))).toEqual([null, null, null, null]);
  expect(aucRoc(Float64Array.of(0.1, 0.2), Uint8Array.of(1, 1))).toBeNull();
  expect(averagePrecision(Float64Array.of(0.1, 0.2), Uint8Array.of(0, 0))).toBeNull();
  expect(averagePrecision(Float64Array.of(0.1, 0.2), Uint8Array.of(1, 1))).toBe(1);
  expect(logLoss(Float64Array.of(0, 1), Uint8Array.of(1, 0))).toBeCloseTo(-Math.log(Number.EPSILON), 9);
});
