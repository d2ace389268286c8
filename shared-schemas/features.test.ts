import { expect, it } from 'vitest';
import { featureReader } from './features.ts';

const read = featureReader([
  { slot: 'a', type: { kind: 'DECIMAL', width: 9, scale: 2 } },
  { slot: 'b', type: { kind: 'BOOLEAN' } },
  { slot: 'c', type: { kind: 'HUGEINT' } },
]);

it('reads numbers of every kind as doubles', () => {
  const into = new Float64Array(3);
  expect(read({ a: 1234, b: true, c: 2n ** 80n }, into)).toBe(true);
  expect([...into]).toEqual([12.34, 1, 2 ** 80]);
});

it('says when one is missing or not finite', () => {
  expect(read({ a: null, b: true, c: 1 }, new Float64Array(3))).toBe(false);
  expect(featureReader([{ slot: 'x', type: { kind: 'DOUBLE' } }])({ x: Number.POSITIVE_INFINITY }, new Float64Array(1))).toBe(false);
});
