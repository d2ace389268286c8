import { expect, test } from 'vitest';
import { DatasetBuilder, usableRows } from './dataset.ts';
import { moments } from './moments.ts';

test('a builder grows and keeps what was added', () => {
  const builder = new DatasetBuilder(['a', 'b'], 1);
  for (let i = 0; i < 100; i++) builder.add([i, -i], i % 3 === 0);
  const data = builder.build();
  expect(data.rows).toBe(100);
  expect([...data.columns[1]]).toEqual(Array.from({ length: 100 }, (_, i) => -i));
  expect([...data.labels].filter((it) => it === 1)).toHaveLength(34);
});

test('rows without a finite value or a weight above 0 are dropped, whole', () => {
  const data = {
    features: ['a'],
    rows: 5,
    columns: [Float64Array.of(1, Number.NaN, 3, 4, 5)],
    labels: Uint8Array.of(1, 1, 0, 1, 0),
    weights: Float64Array.of(1, 1, 0, 2, Number.NaN),
  };
  expect(usableRows(data)).toEqual({ features: ['a'], rows: 2, columns: [Float64Array.of(1, 4)], labels: Uint8Array.of(1, 1), weights: Float64Array.of(1, 2) });
  const clean = { ...data, columns: [Float64Array.of(1, 2, 3, 4, 5)], weights: null };
  expect(usableRows(clean)).toBe(clean);
});

test('moments keep their digits: equal values, large means, large and small units', () => {
  expect(moments(new Float64Array(1001).fill(0.1))).toEqual({ mean: 0.1, std: 0 });
  const far = moments(Float64Array.from({ length: 10 }, (_, i) => 1e15 + i));
  expect(far.mean).toBe(1e15 + 4.5);
  expect(far.std).toBeCloseTo(Math.sqrt(8.25), 14);
  expect(moments(Float64Array.of(1e300, -1e300))).toEqual({ mean: 0, std: 1e300 });
  expect(moments(Float64Array.of(1e-300, -1e-300)).std).toBeCloseTo(1e-300, 312);
  expect(moments(new Float64Array(0))).toEqual({ mean: 0, std: 0 });
});
