import { expect, test } from 'vitest';
import { SnapshotBudget } from './snapshot-budget.ts';

test('a snapshot is due after two seconds of work', () => {
  const budget = new SnapshotBudget();
  expect(budget.worked(1500)).toBe(false);
  expect(budget.worked(499)).toBe(false);
  expect(budget.worked(1)).toBe(true);
  budget.begun();
  budget.saved(10);
  expect(budget.worked(1999)).toBe(false);
  expect(budget.worked(1)).toBe(true);
});

test('what is done while one is written counts towards the next', () => {
  const budget = new SnapshotBudget();
  budget.begun();
  budget.worked(500);
  budget.saved(10);
  expect(budget.worked(1500)).toBe(true);
});

test('one that cost much is not due again before twenty times that', () => {
  const budget = new SnapshotBudget();
  budget.saved(300);
  expect(budget.worked(5999)).toBe(false);
  expect(budget.worked(1)).toBe(true);
  budget.begun();
  budget.saved(1);
  expect(budget.worked(2000)).toBe(true);
});
