import { expect, it } from 'vitest';
import { batchRanges, isEmpty } from './ranges.ts';
import { nextDue } from './trigger.ts';

const backlog = (...ends: number[]) => ({ positions: ends.map(() => 0), ends });

it('takes everything within the limit', () => {
  expect(batchRanges([backlog(3, 0), { positions: [5], ends: [7] }], 5)).toEqual([
    [
      [0, 3],
      [0, 0],
    ],
    [[5, 7]],
  ]);
  expect(batchRanges([backlog(1e9)], null)).toEqual([[[0, 1e9]]]);
});

it('gives each partition its share of the backlog, one at least', () => {
  expect(batchRanges([backlog(90, 9), backlog(1)], 50)).toEqual([
    [
      [0, 45],
      [0, 4],
    ],
    [[0, 1]],
  ]);
  expect(batchRanges([backlog(5, 3)], 1)).toEqual([
    [
      [0, 1],
      [0, 1],
    ],
  ]);
});

it('comes to an end whatever the limit', () => {
  for (let limit = 1; limit < 8; limit++) {
    const positions = [0, 2, 10];
    const ends = [7, 2, 11];
    for (let i = 0; i < 20; i++) for (const [p, [, to]] of (batchRanges([{ positions, ends }], limit)[0] ?? []).entries()) positions[p] = to;
    expect(positions).toEqual(ends);
    expect(isEmpty(batchRanges([{ positions, ends }], limit))).toBe(true);
  }
});

it('never goes back where a log has become shorter', () => {
  expect(batchRanges([{ positions: [9], ends: [4] }], null)).toEqual([[[9, 9]]]);
});

it('is due at wall multiples, and a late batch at the next one', () => {
  expect(nextDue({ every: 1000 }, 5000)).toBe(6000);
  expect(nextDue({ every: 1000 }, 5999)).toBe(6000);
  expect(nextDue({ every: 1000 }, 7001)).toBe(8000);
  expect(nextDue({ every: 0 }, 7001)).toBe(7001);
});
