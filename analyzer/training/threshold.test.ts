import { expect, test } from 'vitest';
import { alertThreshold } from './threshold.ts';

const DAY = 86_400_000;
const row = (day: number, card: string | null, score: number | null) => ({ time: day * DAY + 5, card, score });

test('so many cards a day, each counted once a day by its highest score', () => {
  const rows = [row(0, 'a', 0.9), row(0, 'a', 0.8), row(0, 'b', 0.7), row(1, 'a', 0.6), row(1, 'c', 0.2), row(1, 'd', null)];
  expect(alertThreshold(rows, 1)).toBe(0.7);
  expect(alertThreshold(rows, 2)).toBe(0.2);
  expect(alertThreshold(rows, 50)).toBe(0.2);
  expect(alertThreshold([row(0, null, 0.3), row(0, null, 0.4)], 1)).toBe(0.4);
  expect(alertThreshold([row(0, 'a', null)], 1)).toBeNull();
});
