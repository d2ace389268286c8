import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadPipeline } from '@millrace/pipeline/load.ts';
import type { Plan } from '@millrace/pipeline/plan.ts';
import { defaultProfile } from '@millrace/pipeline/profile.ts';
import { systemClock } from '@millrace/runtime/clock.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { RunProgress } from '../run-options.ts';
import { FakeCluster } from './fake-parts.case.ts';
import { runShared } from './run.ts';

const yaml = `
version: 1
name: shops
schemas:
  sale: { type: record, name: Sale, fields: [{ name: id, type: long }, { name: shop, type: string }, { name: at, type: long }] }
tables:
  shops: { file: shops.csv, key: shop }
preprocess:
  sources:
    - { id: sales, type: topic, topic: sales, format: json, schema: sale, event_time: { field: at } }
  steps:
    - { id: known, type: lookup, table: shops, on: shop, add: [risk], missing: dead_letter }
  outputs:
    - { id: rows, from: known, topic: rows, format: json }
`;
const SLOTS = 4;
const WITHIN = 30_000;

let dir: string;
let plan: Plan;
let cluster: FakeCluster;
let sent: number;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'millrace-slots-'));
  writeFileSync(join(dir, 'p.yaml'), yaml);
  edit(1);
  plan = (await loadPipeline(join(dir, 'p.yaml'), { env: {} })).plan as Plan;
  cluster = new FakeCluster();
  await cluster.memory.log.ensure('sales', SLOTS);
  sent = 0;
});
afterEach(() => rmSync(dir, { recursive: true }));

function edit(version: number): void {
  writeFileSync(join(dir, 'new.csv'), `shop,risk\ns,${version}\n`);
  renameSync(join(dir, 'new.csv'), join(dir, 'shops.csv'));
}

/** one record in each partition */
async function sell(): Promise<void> {
  const out = cluster.memory.log.appender('sales');
  for (const end = sent + SLOTS; sent < end; sent++) {
    const value = Buffer.from(JSON.stringify({ id: sent, shop: 's', at: 1_700_000_000_000 + sent }));
    const pos = out.begin(sent % SLOTS, sent, value, 0, -1);
    out.buffer.set(value, pos);
    out.end(pos + value.length);
  }
  await out.flush();
}

interface Row {
  readonly id: number;
  readonly risk: number;
}

/** by partition, in order */
function rows(): Row[][] {
  const { log } = cluster.memory;
  return Array.from({ length: SLOTS }, (_, p) => {
    const values: Row[] = [];
    if (log.topic('rows') === null) return values;
    const reader = log.reader('rows', p, { offset: 0 });
    for (let view = reader.poll(1 << 20); view; view = reader.poll(1 << 20))
      for (let i = 0; i < view.count; i++)
        if ((view.valueEnd[i] as number) >= 0) values.push(JSON.parse(view.buffer.toString('utf8', view.valueStart[i], view.valueEnd[i])) as Row);
    return values;
  });
}

/** until the last record of these partitions was looked up in that version */
async function inForce(version: number, slots: readonly number[] = [0, 1, 2, 3]): Promise<void> {
  const last = async (): Promise<unknown[]> => {
    await sell();
    await sleep(20);
    const all = rows();
    return slots.map((slot) => all[slot]?.at(-1)?.risk);
  };
  await expect.poll(last, { timeout: WITHIN, interval: 20 }).toEqual(slots.map(() => version));
}

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
    plan,
    profile: { ...defaultProfile, checkpoint: { path: null, every: 50 } },
    dataDir: dir,
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
  const all = rows();
  expect(
    all
      .flat()
      .map(({ id }) => id)
      .sort((a, b) => a - b),
  ).toEqual(Array.from({ length: sent }, (_, id) => id));
  for (const of of all) expect(of.map(({ risk }) => risk)).toEqual(of.map(({ risk }) => risk).sort((a, b) => a - b));
}

test('whoever has slot 0 looks at the file: all slots of all processes take its new version, and none is opened anew', async () => {
  const a = start('a');
  await inForce(1);
  const b = start('b');
  await expect.poll(() => cluster.taken.filter((taken) => taken.endsWith('b')).length, { timeout: WITHIN }).toBe(2);
  await inForce(1);
  const taken = [...cluster.taken];
  edit(2);
  await inForce(2);
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
  await inForce(1);
  dead.kill();
  // what it does with that is refused
  await sell();
  await expect(dead.done).rejects.toThrow('killed');
  edit(2);
  // it has slot 0, and does nothing
  const silent = await cluster
    .process('silent')
    .parts.join({ group: 'shops', slots: SLOTS, topics: new Map(), plan: plan.hash, instance: null, onEvent: () => undefined });
  silent.owns([0]);
  const a = start('a');
  await expect.poll(() => cluster.taken.filter((taken) => taken.endsWith('a')).length, { timeout: WITHIN }).toBeGreaterThan(0);
  const slots = [1, 2, 3].filter((slot) => cluster.taken.includes(`${slot} a`));
  const before = rows().map((of) => of.length);
  await sell();
  await expect.poll(() => slots.every((slot) => (rows()[slot]?.length as number) > (before[slot] as number)), { timeout: WITHIN }).toBe(true);
  await inForce(1, slots);
  await silent.leave();
  await inForce(2);
  a.stop.abort();
  await a.done;
  await whole();
});
