import { systemClock } from '@millrace/runtime/clock.ts';
import { expect, test } from 'vitest';
import { Journal } from './journal.ts';
import { OpenTask } from './open-task.ts';

test('a task that has nothing to take did nothing, however long what it did before waits for its commit', () => {
  const journal = new Journal(false);
  const ready = [3, 0, 0, 2, 0];
  const policy = { turn: () => void journal.take(0, ready.shift() ?? 0), draining: false };
  const parts = { journal, policy, wall: { now: 0 }, clock: systemClock, saved: null };
  const task = new OpenTask(parts as unknown as ConstructorParameters<typeof OpenTask>[0], false);
  // else a host would go round and round without a rest until the commit
  expect([0, 1, 2, 3, 4].map((now) => task.turn(now, false))).toEqual([true, false, false, true, false]);
});
