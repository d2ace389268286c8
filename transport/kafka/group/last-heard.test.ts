import type { Clock } from '@millrace/runtime/clock.ts';
import { expect, test } from 'vitest';
import { clockOf, LastHeard, momentOf } from './last-heard.ts';

const SESSION = 10_000;

function begin(): { readonly clock: Clock; readonly time: { ticks: number; wall: number }; readonly last: LastHeard } {
  const time = { ticks: 50, wall: 1_700_000_000_000 };
  const clock: Clock = { now: () => time.wall, monotonic: () => time.ticks, cpu: () => 0 };
  return { clock, time, last: new LastHeard(clock, SESSION) };
}

test('a member is one for a session after it asked what was answered', () => {
  const { clock, time, last } = begin();
  expect(last.member).toBe(false);
  last.heard(momentOf(clock));
  time.ticks += SESSION - 1;
  time.wall += SESSION - 1;
  expect(last.member).toBe(true);
  time.ticks++;
  expect(last.member).toBe(false);
  last.heard(momentOf(clock));
  expect(last.member).toBe(true);
  last.heard(null);
  expect(last.member).toBe(false);
});

test('a machine that slept, whose monotonic clock stood, and one whose wall clock was set back', () => {
  const { clock, time, last } = begin();
  last.heard(momentOf(clock));
  time.wall += SESSION;
  expect(last.member).toBe(false);
  last.heard(momentOf(clock));
  time.wall -= 5 * SESSION;
  expect(last.member).toBe(true);
  time.ticks += SESSION;
  expect(last.member).toBe(false);
});

test('what a thread with a clock of its own has heard, and what waited for this thread meanwhile', () => {
  const { clock, time, last } = begin();
  const startedAt = clock.monotonic();
  // the thread takes 300 ms to start, and its clock began elsewhere
  const own = { ticks: 7_000 };
  time.ticks += 300;
  const theirs = clockOf({ ...clock, monotonic: () => own.ticks }, startedAt);
  own.ticks += 1_000;
  time.ticks += 1_000;
  const heard = momentOf(theirs);
  expect(heard.ticks).toBe(startedAt + 1_000);
  // this process stands still before it hears of it
  time.ticks += SESSION - 301;
  last.heard(heard);
  expect(last.member).toBe(true);
  time.ticks++;
  expect(last.member).toBe(false);
});
