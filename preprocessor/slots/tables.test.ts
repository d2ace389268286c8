import { setTimeout as sleep } from 'node:timers/promises';
import { defaultProfile } from '@millrace/pipeline/profile.ts';
import type { loadTable } from '@millrace/pipeline/tables.ts';
import { systemClock } from '@millrace/runtime/clock.ts';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { RunProgress } from '../run-options.ts';
import { Sales, shops, WITHIN } from '../tables/sales.case.ts';
import { FakeCluster } from './fake-parts.case.ts';
import { runShared } from './run.ts';

/** what the reading of tables waits for */
const reading = vi.hoisted(() => ({ begun: 0, held: Promise.resolve() }));
vi.mock('@millrace/pipeline/tables.ts', async (original) => {
  const tables = (await original()) as { readonly loadTable: typeof loadTable };
  const held: typeof loadTable = async (table, bytes) => {
    reading.begun++;
    await reading.held;
    return tables.loadTable(table, bytes);
  };
  return { ...tables, loadTable: held };
});

const SLOTS = 4;

let cluster: FakeCluster;
let sales: Sales;
beforeEach(async () => {
  cluster = new FakeCluster();
  sales = await Sales.begin(cluster.memory, SLOTS);
});
afterEach(() => sales.close());

interface Running {
  readonly done: Promise<RunProgress>;
  readonly events: string[];
  readonly stop: AbortController;
  kill(): void;
}

function start(id: string, untilEnd = false): Running {
  const { parts, kill } = cluster.process(id);
  const stop = new AbortController();
  const events: string[] = [];
  const done = runShared({
    plan: sales.plan,
    profile: { ...defaultProfile, checkpoint: { path: null, every: 50 } },
    dataDir: sales.dir,
    untilEnd,
    clock: systemClock,
    signal: stop.signal,
    onProgress: () => undefined,
    onEvent: ({ code }) => void events.push(code),
    parts,
    maxRecords: 3,
  });
  done.catch(() => undefined);
  return { done, events, stop, kill };
}

async function whole(): Promise<void> {
  await start('last', true).done;
  sales.whole();
}

test('whoever has slot 0 looks at the file: all slots of all processes take its new version, and none is opened anew', async () => {
  const a = start('a');
  await sales.inForce(1);
  const b = start('b');
  await expect.poll(() => cluster.taken.filter((taken) => taken.endsWith('b')).length, { timeout: WITHIN }).toBe(2);
  await sales.inForce(1);
  const taken = [...cluster.taken];
  sales.edit(shops(2));
  await sales.inForce(2);
  expect(cluster.taken).toEqual(taken);
  expect([...a.events, ...b.events].filter((code) => code.startsWith('table'))).toEqual(['table_taken']);
  a.stop.abort();
  b.stop.abort();
  const counts = (await Promise.all([a.done, b.done])).map(({ tables }) => tables.taken);
  expect(counts.sort()).toEqual([0, 1]);
  await whole();
});

test('after a kill of all, slots without slot 0 go on with the version before, and take the new one once somebody has slot 0', async () => {
  const dead = start('dead');
  await sales.inForce(1);
  dead.kill();
  // what it does with that is refused
  await sales.sell();
  await expect(dead.done).rejects.toThrow('killed');
  sales.edit(shops(2));
  // it has slot 0, and does nothing
  const silent = await cluster
    .process('silent')
    .parts.join({ group: 'shops', slots: SLOTS, topics: new Map(), plan: sales.plan.hash, instance: null, onEvent: () => undefined });
  silent.owns([0]);
  const a = start('a');
  await expect.poll(() => cluster.taken.filter((taken) => taken.endsWith('a')).length, { timeout: WITHIN }).toBeGreaterThan(0);
  const slots = [1, 2, 3].filter((slot) => cluster.taken.includes(`${slot} a`));
  const before = sales.read('rows').map((of) => of.length);
  await sales.sell();
  await expect.poll(() => slots.every((slot) => (sales.read('rows')[slot]?.length as number) > (before[slot] as number)), { timeout: WITHIN }).toBe(true);
  await sales.inForce(1, slots);
  await silent.leave();
  await sales.inForce(2);
  a.stop.abort();
  await a.done;
  await whole();
});

test('whoever gives slot 0 up while it reads an edited file says nothing of it; the next one takes it', async () => {
  const a = start('a');
  await sales.inForce(1);
  const { promise, resolve } = Promise.withResolvers<void>();
  reading.held = promise;
  const before = reading.begun;
  sales.edit(shops(2));
  await expect.poll(() => reading.begun, { timeout: WITHIN }).toBe(before + 1);
  a.stop.abort();
  await a.done;
  resolve();
  await sleep(100);
  expect(a.events.filter((code) => code.startsWith('table'))).toEqual([]);
  const b = start('b');
  await sales.inForce(2);
  b.stop.abort();
  await b.done;
  await whole();
});
