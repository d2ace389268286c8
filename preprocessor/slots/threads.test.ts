import { expect, test } from 'vitest';
import type { RunProgress } from '../run-options.ts';
import { merged } from './threads.ts';

const part: RunProgress = {
  elapsedMs: 1000,
  recordsIn: 10,
  out: { a: 3 },
  deadLetters: 1,
  deadLettersByCode: { late: 1 },
  dropped: 2,
  watermark: 500,
  lag: { in: 7 },
  fraction: 0.5,
  state: 'done',
  silentMs: 4,
  commits: { count: 5, snapshots: 1, ms: 20 },
  tables: { taken: 1, refused: 2 },
};

test('counts add up; what is least or worst counts for all', () => {
  const other: RunProgress = {
    ...part,
    elapsedMs: 900,
    out: { a: 1, b: 2 },
    deadLettersByCode: { null_key: 1 },
    watermark: 300,
    fraction: 0.25,
    state: 'running',
    silentMs: 9,
  };
  expect(merged([part, other])).toEqual({
    elapsedMs: 1000,
    recordsIn: 20,
    out: { a: 4, b: 2 },
    deadLetters: 2,
    deadLettersByCode: { late: 1, null_key: 1 },
    dropped: 4,
    watermark: 300,
    lag: { in: 14 },
    fraction: 0.25,
    state: 'running',
    silentMs: 9,
    commits: { count: 10, snapshots: 2, ms: 40 },
    tables: { taken: 2, refused: 4 },
  });
});

test('the watermark is the least of those at work; at the end the furthest, however the slots were shared out', () => {
  const at = (watermark: number | null, state: RunProgress['state']): RunProgress => ({ ...part, watermark, state });
  expect(merged([at(100, 'done'), at(500, 'running'), at(700, 'running')]).watermark).toBe(500);
  expect(merged([at(100, 'done'), at(null, 'running')]).watermark).toBeNull();
  expect(merged([at(100, 'done'), at(700, 'done'), at(null, 'done')]).watermark).toBe(700);
});

test('what one alone has done is what all have', () => {
  expect(merged([part])).toEqual(part);
});
