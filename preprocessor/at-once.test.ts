import type { Clock } from '@millrace/runtime/clock.ts';
import type { Appender, Commit, Immediate, Sending, Transport } from '@millrace/transport/log.ts';
import { expect, test } from 'vitest';
import { AtOnce } from './at-once.ts';
import type { Ends } from './ends.ts';
import { Work } from './outflow.ts';
import type { OpenTask } from './task/open-task.ts';

const clock = { now: () => 0, monotonic: () => 0, cpu: () => 0 } as Clock;

/** A task that has done something: `chosen`, what its journal says; `records`, whether it made any. */
function taskOf(chosen: boolean, records: boolean): OpenTask {
  const appenders = records ? [{ topic: 'out', pendingBytes: 1 } as Appender] : [];
  const commit = { appenders: [], puts: [['journal', new Uint8Array(1)]] };
  return { chosen, leaving: () => appenders, commit: () => commit, speak: () => false, wary: false, undeclared: false } as unknown as OpenTask;
}

/** What one turn of such a task sends. */
async function sent(chosen: boolean, records: boolean): Promise<Sending[]> {
  const sends: Sending[] = [];
  const immediate: Immediate = {
    fence: async () => ({ id: 1, refused: 1 }),
    async send(what) {
      sends.push(what);
      return [];
    },
  };
  const task = taskOf(chosen, records);
  const work = new Work([task], null);
  work.worked.add(task);
  const ends = { took() {} } as unknown as Ends;
  const outflow = new AtOnce(work, {} as Transport, immediate, clock, undefined, { every: 1000, bytes: 1e6 }, ends);
  await outflow.turn(0, 0, false);
  return sends;
}

const shape = (sends: readonly Sending[]) => sends.map(({ appenders, puts, leads }) => [appenders.length, puts.length, leads]);

test('a choice leads all that is sent behind it, also where nothing was made with it', async () => {
  expect(shape(await sent(true, false))).toEqual([[0, 1, true]]);
});

test('what was only taken is noted behind what it made, and leads nothing', async () => {
  expect(shape(await sent(false, true))).toEqual([
    [1, 0, false],
    [0, 1, false],
  ]);
});

test.each([
  ['while records leave, and takes its time', false],
  ['without a rest where a choice waits for it, and the records behind that', true],
])('a snapshot is written %s', async (_, choosing) => {
  const seen: string[] = [];
  const commits: Commit[] = [];
  const immediate = {
    async send() {
      seen.push('sent');
      return [];
    },
  } as unknown as Immediate;
  const transport = { commit: async (commit: Commit) => void commits.push(commit) } as unknown as Transport;
  function* slices(): Generator<undefined, void, undefined> {
    for (let n = 0; n < 100; n++) {
      seen.push('slice');
      yield;
    }
  }
  let making = false;
  const task = {
    get chosen() {
      return making && choosing;
    },
    leaving: () => (making ? [{ topic: 'out', pendingBytes: 1 }] : []),
    speak: () => false,
    snapshot: () => ({ slices: slices(), commit: () => ({ appenders: [], puts: [] }) }),
    ends: () => ['ends', new Uint8Array(1)],
    budget: { saved() {} },
  } as unknown as OpenTask;
  const work = new Work([task], null);
  const ends = { took() {}, of: () => ({}), async look() {} } as unknown as Ends;
  // every look at the clock is a millisecond
  let cpu = 0;
  const outflow = new AtOnce(work, transport, immediate, { ...clock, cpu: () => cpu++ }, undefined, { every: 1e9, bytes: 1e6 }, ends);
  work.due.add(task);
  await outflow.turn(0, 0, false);
  making = true;
  while (commits.length === 0) {
    await outflow.turn(1, 0, false);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(commits[0]?.gently).toBe(!choosing);
  expect(seen.slice(seen.indexOf('slice'), seen.lastIndexOf('slice')).includes('sent')).toBe(!choosing);
});
