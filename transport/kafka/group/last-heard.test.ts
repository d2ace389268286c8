import { Worker } from 'node:worker_threads';
import { type Clock, commonClock } from '@millrace/runtime/clock.ts';
import { expect, test } from 'vitest';
import { LastHeard, momentOf } from './last-heard.ts';

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

test('what another thread has heard is dated by a clock that both read', async () => {
  const before = momentOf(commonClock);
  const clock = new URL('../../../runtime/clock.ts', import.meta.url);
  const code = `const { commonClock } = await import(${JSON.stringify(clock.href)}); (await import('node:worker_threads')).parentPort.postMessage(commonClock.monotonic());`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`));
  const theirs = await new Promise<number>((resolve, reject) => worker.once('message', resolve).once('error', reject));
  expect(theirs).toBeGreaterThan(before.ticks);
  expect(theirs).toBeLessThan(momentOf(commonClock).ticks);
});
