import { MillraceError } from '@millrace/runtime/errors.ts';
import { expect, test } from 'vitest';
import { Outage } from './outage.ts';

const away = new MillraceError('broker_unreachable', 'No broker answers.');

/** A stage that works and loses its brokers, finds none `tries` times, and ends well. */
function stage(tries: number): { start: (working: () => void) => Promise<string>; starts: () => number } {
  let starts = 0;
  const start = async (working: () => void): Promise<string> => {
    starts++;
    if (starts === 1 || starts > tries + 1) working();
    if (starts <= tries + 1) throw away;
    return 'done';
  };
  return { start, starts: () => starts };
}

test('stages that had begun are opened again until their brokers are back; an outage is said once, and its end', async () => {
  const said: string[] = [];
  const outage = new Outage(({ code }) => void said.push(code), new AbortController().signal);
  const [one, two] = [stage(3), stage(2)];
  expect(await Promise.all([outage.outlive(one.start), outage.outlive(two.start)])).toEqual(['done', 'done']);
  expect([one.starts(), two.starts()]).toEqual([5, 4]);
  expect(said.filter((code) => code === 'broker_unreachable').length).toBeLessThanOrEqual(2);
  expect(said[0]).toBe('broker_unreachable');
  expect(said.at(-1)).toBe('brokers_back');
});

test('one that never came to work fails at once, as does any other error, and one that is told to stop', async () => {
  const stop = new AbortController();
  const outage = new Outage(() => expect.unreachable(), stop.signal);
  const failing = (error: Error, works: boolean) => (working: () => void) => {
    if (works) working();
    return Promise.reject(error);
  };
  await expect(outage.outlive(failing(away, false))).rejects.toBe(away);
  const fenced = new MillraceError('fenced', 'Another process has taken over.');
  await expect(outage.outlive(failing(fenced, true))).rejects.toBe(fenced);
  stop.abort();
  await expect(outage.outlive(failing(away, true))).rejects.toBe(away);
});
