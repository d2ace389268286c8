import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Host } from './command.ts';
import { stopOnSignal } from './stop.ts';

type Listener = Parameters<Host['onSignal']>[0];
let heard: Listener | undefined;
const exits: number[] = [];
const host = {
  exit: (code: number) => void exits.push(code),
  onSignal(listener: Listener) {
    heard = listener;
    return () => {
      heard = undefined;
    };
  },
} as unknown as Host;

beforeEach(() => {
  exits.length = 0;
  vi.useFakeTimers();
});
afterEach(() => vi.useRealTimers());

test('the first signal aborts, a second Ctrl-C ends with 130 at once', () => {
  const onStop = vi.fn();
  const { signal } = stopOnSignal(host, onStop);
  heard?.('SIGINT');
  expect([signal.aborted, onStop.mock.calls.length, exits]).toEqual([true, 1, []]);
  heard?.('SIGINT');
  expect(exits).toEqual([130]);
});

test('a second SIGTERM changes nothing', () => {
  stopOnSignal(host);
  heard?.('SIGTERM');
  heard?.('SIGTERM');
  expect(exits).toEqual([]);
});

test('a stop that takes too long ends with 0 within 10 seconds', () => {
  const onImpatient = vi.fn();
  stopOnSignal(host, undefined, onImpatient);
  heard?.('SIGTERM');
  vi.advanceTimersByTime(9_999);
  expect([onImpatient.mock.calls.length, exits]).toEqual([1, [0]]);
});

test('once disposed of it hears nothing and ends nothing', () => {
  const stop = stopOnSignal(host);
  heard?.('SIGTERM');
  stop.dispose();
  expect(heard).toBeUndefined();
  vi.advanceTimersByTime(20_000);
  expect(exits).toEqual([]);
});
