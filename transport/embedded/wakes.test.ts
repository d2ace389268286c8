import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Wakes } from './wakes.ts';

// without timers there is no polling: what ends a wait is the notification itself
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval'] });
});
afterEach(() => {
  vi.useRealTimers();
});

test('another thread that shares the counter wakes at once, any number of times', async () => {
  const wake = new SharedArrayBuffer(4);
  const [one, other] = [new Wakes(wake), new Wakes(wake)];
  for (let round = 0; round < 3; round++) {
    let appended = false;
    const waited = Promise.all([one.wait(1e6, () => appended), one.wait(1e6, () => appended)]);
    appended = true;
    other.notify();
    await waited;
  }
});

test('the same thread wakes at once, without a shared counter', async () => {
  const wakes = new Wakes(undefined);
  let appended = false;
  const waited = wakes.wait(1e6, () => appended);
  wakes.notify();
  appended = true;
  wakes.notify();
  await waited;
});

test('what has changed already ends a wait, and time does', async () => {
  const wakes = new Wakes(undefined);
  await wakes.wait(1e6, () => true);
  const waited = wakes.wait(20, () => false);
  vi.advanceTimersByTime(21);
  await waited;
  const failed = wakes.wait(20, () => {
    throw new Error('closed');
  });
  await expect(failed).rejects.toThrow('closed');
});
