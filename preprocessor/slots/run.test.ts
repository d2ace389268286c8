import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadPipeline } from '@millrace/pipeline/load.ts';
import type { Plan } from '@millrace/pipeline/plan.ts';
import { defaultProfile } from '@millrace/pipeline/profile.ts';
import { type Clock, systemClock } from '@millrace/runtime/clock.ts';
import { seededRandom } from '@millrace/runtime/random.ts';
import { HeaderReader } from '@millrace/shared-schemas/header.ts';
import { murmur2 } from '@millrace/shared-schemas/murmur2.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { RunProgress } from '../run-options.ts';
import { FakeCluster } from './fake-parts.case.ts';
import { runShared } from './run.ts';

const yaml = (amount: string) => `
version: 1
name: sales
schemas:
  sale: { type: record, name: Sale, fields: [{ name: id, type: string }, { name: shop, type: string }, { name: amount, type: long }, { name: at, type: long }] }
preprocess:
  sources:
    - { id: sales, type: topic, topic: sales, format: json, schema: sale, key: id, event_time: { field: at, out_of_order: 5s, idle_after: 1s } }
  steps:
    - { id: positive, type: filter, where: "amount > ${amount}" }
    - { id: seen, type: rolling, key: id, range: 1m, add: { times: "count(*)" } }
    - { id: windows, type: window, from: positive, key: shop, window: { tumbling: 10s }, select: { n: "count(*)", total: "sum(amount)" } }
  outputs:
    - { id: enriched, from: seen, topic: enriched, format: json }
    - { id: per_shop, from: windows, topic: per_shop, format: json }
`;
const RECORDS = 4000;
/** ms in which what is waited for comes, on a busy machine too */
const WITHIN = 30_000;

let dir: string;
let plan: Plan;
const planOf = async (amount = '0'): Promise<Plan> => {
  writeFileSync(join(dir, 'p.yaml'), yaml(amount));
  const loaded = await loadPipeline(join(dir, 'p.yaml'), { env: {} });
  expect(loaded.findings).toEqual([]);
  return loaded.plan as Plan;
};
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'millrace-slots-'));
  plan = await planOf();
});
afterEach(() => rmSync(dir, { recursive: true }));

const profile = { ...defaultProfile, checkpoint: { path: null, every: 50 } };

async function fill(cluster: FakeCluster, from = 0, to = RECORDS): Promise<void> {
  const { log } = cluster.memory;
  await log.ensure('sales', 4);
  const out = log.appender('sales');
  for (let i = from; i < to; i++) {
    const random = seededRandom(11, i);
    const id = `s${random.below(500)}`;
    const key = Buffer.from(id);
    const at = 1_700_000_000_000 + i * 50 - random.below(4) * 1000;
    const value = Buffer.from(JSON.stringify({ id, shop: `shop${random.below(20)}`, amount: random.below(100) - 10, at }));
    const partition = (murmur2(key, 0, key.length) & 0x7fffffff) % 4;
    let pos = out.begin(partition, i, key, 0, key.length);
    while (out.buffer.length - pos < value.length) pos = out.grow();
    out.buffer.set(value, pos);
    out.end(pos + value.length);
  }
  await out.flush();
}

interface Running {
  readonly id: string;
  readonly stop: AbortController;
  readonly done: Promise<RunProgress>;
  readonly events: string[];
  kill(): void;
}

function start(cluster: FakeCluster, id: string, { untilEnd = true, with: of = plan, clock = systemClock as Clock } = {}): Running {
  const { parts, kill } = cluster.process(id);
  const stop = new AbortController();
  const events: string[] = [];
  const done = runShared({
    plan: of,
    profile,
    dataDir: dir,
    untilEnd,
    clock,
    signal: stop.signal,
    onProgress: () => undefined,
    onEvent: ({ code }) => void events.push(code),
    parts,
    maxRecords: 37,
  });
  done.catch(() => undefined);
  return { id, stop, done, events, kill };
}

/** what stands in a topic, as sorted texts without what names no record; and whether every writer's numbers go up by one */
function outputs(cluster: FakeCluster, topic: string): string[] {
  const { log } = cluster.memory;
  const texts: string[] = [];
  for (let p = 0; p < (log.topic(topic)?.partitions ?? 0); p++) {
    const seqs = new Map<number, number>();
    const header = new HeaderReader();
    const reader = log.reader(topic, p, { offset: 0 });
    for (let view = reader.poll(1 << 20); view; view = reader.poll(1 << 20)) {
      for (let i = 0; i < view.count; i++) {
        if ((view.valueEnd[i] as number) < 0) continue;
        if (header.read(view.buffer, view.headersStart[i] as number, view.headersEnd[i] as number)) {
          expect(header.seq).toBe((seqs.get(header.writer) ?? 0) + 1);
          seqs.set(header.writer, header.seq);
        }
        texts.push(view.buffer.toString('utf8', view.valueStart[i], view.valueEnd[i]));
      }
      view.release();
    }
  }
  return texts.sort();
}

const both = (cluster: FakeCluster) => [outputs(cluster, 'enriched'), outputs(cluster, 'per_shop')];

/** Two that have half of the slots each: the second has come while the first worked on all. */
async function half(cluster: FakeCluster): Promise<[Running, Running]> {
  const a = start(cluster, 'a', { untilEnd: false });
  await expect.poll(() => outputs(cluster, 'enriched').length, { timeout: WITHIN }).toBeGreaterThan(0);
  const b = start(cluster, 'b', { untilEnd: false });
  await expect.poll(() => cluster.taken.filter((taken) => taken.endsWith('b')).length, { timeout: WITHIN }).toBe(2);
  return [a, b];
}

async function alone(records = RECORDS): Promise<string[][]> {
  const cluster = new FakeCluster();
  await fill(cluster, 0, records);
  await start(cluster, 'a').done;
  const found = both(cluster);
  expect(found[0]?.length).toBeGreaterThan(records / 2);
  return found;
}

test('one process has all slots, and a second run finds nothing to do', async () => {
  const cluster = new FakeCluster();
  await fill(cluster);
  await start(cluster, 'a').done;
  expect(cluster.taken.sort()).toEqual(['0 a', '1 a', '2 a', '3 a']);
  const once = both(cluster);
  await start(cluster, 'a').done;
  expect(both(cluster)).toEqual(once);
});

test('two processes share the slots, and answer as one does', async () => {
  const cluster = new FakeCluster();
  await fill(cluster);
  await Promise.all([start(cluster, 'a').done, start(cluster, 'b').done]);
  expect(new Set(cluster.taken.map((taken) => taken.split(' ')[1]))).toEqual(new Set(['a', 'b']));
  expect(both(cluster)).toEqual(await alone());
});

const seeds = [1, 2, 3, 4, 5, 6].flatMap((seed) => [
  { seed, immediate: false },
  { seed, immediate: true },
]);
test.each(seeds)('processes come, go and die while they work: the answer is the same (seed $seed, at once: $immediate)', async ({ seed, immediate }) => {
  const random = seededRandom(5, seed);
  const cluster = new FakeCluster(immediate);
  await fill(cluster);
  const alive: Running[] = [start(cluster, 'p0', { untilEnd: false })];
  for (let n = 1; n <= 8; n++) {
    await sleep(random.below(60));
    if (alive.length > 1 && random.below(2) === 0) {
      const [gone] = alive.splice(random.below(alive.length), 1) as [Running];
      if (random.below(2) === 0) gone.kill();
      else gone.stop.abort();
    } else alive.push(start(cluster, `p${n}`, { untilEnd: false }));
  }
  for (const { stop } of alive) stop.abort();
  await Promise.allSettled(alive.map(({ done }) => done));
  await start(cluster, 'last').done;
  expect(both(cluster)).toEqual(await alone());
});

test('a slot that moves goes on where it was: its old owner saves first, and each record is counted by one of them', async () => {
  const cluster = new FakeCluster();
  await fill(cluster);
  const [a, b] = await half(cluster);
  a.stop.abort();
  await a.done;
  await expect.poll(() => cluster.taken.filter((taken) => taken.endsWith('b')).length, { timeout: WITHIN }).toBe(4);
  // nobody was fenced: each slot was given up before it was taken
  expect([...a.events, ...b.events]).not.toContain('slot_taken');
  b.stop.abort();
  const counts = [await a.done, await b.done, await start(cluster, 'c').done];
  expect(both(cluster)).toEqual(await alone());
  expect(counts.reduce((sum, { recordsIn }) => sum + recordsIn, 0)).toBe(RECORDS);
});

test('a slot that reads a file is given up as others are', async () => {
  const at = 1_700_000_000_000;
  writeFileSync(
    join(dir, 'sales.jsonl'),
    Array.from({ length: 100 }, (_, i) => `${JSON.stringify({ id: `s${i}`, shop: 'shop', amount: 1, at: at + i })}\n`).join(''),
  );
  writeFileSync(
    join(dir, 'file.yaml'),
    yaml('0').replace('type: topic, topic: sales,', 'type: file, path: sales.jsonl,').replace(', key: id, event_time', ', event_time'),
  );
  const { plan: reads, findings } = await loadPipeline(join(dir, 'file.yaml'), { env: {} });
  expect(findings).toEqual([]);
  const cluster = new FakeCluster();
  const a = start(cluster, 'a', { untilEnd: false, with: reads as Plan });
  await expect.poll(() => outputs(cluster, 'enriched').length, { timeout: 30_000 }).toBe(100);
  a.stop.abort();
  expect(await a.done).toMatchObject({ recordsIn: 100, out: { enriched: 100 } });
});

test('a slot whose records leave at once is fenced anew after half a day, by either clock, and goes on', async () => {
  const cluster = new FakeCluster(true);
  await fill(cluster);
  const later = { wall: 0, ticks: 0 };
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + later.wall, monotonic: () => systemClock.monotonic() + later.ticks };
  const a = start(cluster, 'a', { untilEnd: false, clock });
  await expect.poll(() => outputs(cluster, 'enriched').length, { timeout: WITHIN }).toBeGreaterThan(0);
  const hours = 3600 * 1000;
  const before = [...cluster.fences];
  const fencedMore = (times: number) => () => [0, 1, 2, 3].every((slot) => cluster.fences[slot] === (before[slot] as number) + times);
  later.wall += 11 * hours;
  await sleep(400);
  expect(fencedMore(0)()).toBe(true);
  later.wall += 2 * hours;
  await expect.poll(fencedMore(1), { timeout: WITHIN }).toBe(true);
  later.ticks += 13 * hours;
  await expect.poll(fencedMore(2), { timeout: WITHIN }).toBe(true);
  await sleep(400);
  expect(fencedMore(2)()).toBe(true);
  // the same owner all the time
  expect(cluster.owners).toEqual([1, 1, 1, 1]);
  expect(a.events).not.toContain('slot_taken');
  a.stop.abort();
  await a.done;
  await start(cluster, 'b').done;
  expect(both(cluster)).toEqual(await alone());
});

test('says so, once, where the brokers have forgotten who sent last', async () => {
  const [cluster, reference] = [new FakeCluster(true), new FakeCluster()];
  const said: boolean[] = [];
  for (const [n, signer] of [1, 2, 2].entries()) {
    cluster.signer = signer;
    for (const of of [cluster, reference]) await fill(of, n * 1000, (n + 1) * 1000);
    const run = start(cluster, `p${n}`);
    await run.done;
    said.push(run.events.filter((code) => code === 'owner_forgotten').length === 1);
    await start(reference, `p${n}`).done;
  }
  expect(said).toEqual([false, true, false]);
  expect(both(cluster)).toEqual(both(reference));
});

test('more processes than slots: the last stands by, and takes over', async () => {
  const cluster = new FakeCluster();
  await fill(cluster);
  const all = ['a', 'b', 'c', 'd', 'e'].map((id) => start(cluster, id, { untilEnd: false }));
  await expect.poll(() => new Set(cluster.taken.map((taken) => taken.slice(2))).size, { timeout: WITHIN }).toBe(4);
  const [first] = all as [Running];
  first.kill();
  await expect(first.done).rejects.toThrow('killed');
  await expect.poll(() => new Set(cluster.taken.map((taken) => taken.slice(2))).size, { timeout: WITHIN }).toBe(5);
  for (const { stop } of all) stop.abort();
  await Promise.allSettled(all.map(({ done }) => done));
  await start(cluster, 'f').done;
  expect(both(cluster)).toEqual(await alone());
});

test('a run to the end begins when nobody is left who runs without one', async () => {
  const cluster = new FakeCluster();
  await fill(cluster);
  const endless = start(cluster, 'a', { untilEnd: false });
  await expect.poll(() => outputs(cluster, 'enriched').length, { timeout: WITHIN }).toBeGreaterThan(0);
  const ending = start(cluster, 'b');
  await expect.poll(() => ending.events, { timeout: WITHIN }).toContain('endless_run');
  endless.stop.abort();
  await endless.done;
  await ending.done;
  expect(both(cluster)).toEqual(await alone());
});

test('an edited file is taken when all have stopped, and refused while one runs or after one died', async () => {
  const cluster = new FakeCluster();
  await fill(cluster);
  const edited = await planOf('20');
  const a = start(cluster, 'a', { untilEnd: false });
  await expect.poll(() => outputs(cluster, 'enriched').length, { timeout: WITHIN }).toBeGreaterThan(0);
  await expect(start(cluster, 'b', { with: edited }).done).rejects.toMatchObject({ code: 'plan_changed' });
  a.kill();
  await a.done.catch(() => undefined);
  await expect(start(cluster, 'b', { with: edited }).done).rejects.toMatchObject({ code: 'plan_changed' });
  await start(cluster, 'a').done;
  await start(cluster, 'b', { with: edited }).done;
});

test('what came after a run to the end was killed is answered by the next one too', async () => {
  const cluster = new FakeCluster();
  await fill(cluster);
  const dead = start(cluster, 'a');
  await expect.poll(() => outputs(cluster, 'enriched').length, { timeout: WITHIN }).toBeGreaterThan(0);
  dead.kill();
  await expect(dead.done).rejects.toThrow('killed');
  const before = outputs(cluster, 'enriched').length;
  await fill(cluster, RECORDS, RECORDS + 1000);
  const next = start(cluster, 'b');
  await next.done;
  expect(next.events).toContain('run_resumed');
  const [all] = await alone(RECORDS + 1000);
  expect(before).toBeLessThan(all?.length as number);
  expect(outputs(cluster, 'enriched').length).toBe(all?.length);
});

test('a slot that was taken from a process which had kept it over a generation is left alone until the group has spoken', async () => {
  const cluster = new FakeCluster();
  await fill(cluster);
  const [a, b] = await half(cluster);
  const kept = [0, 1, 2, 3].find((slot) => cluster.taken.findLast((taken) => taken.startsWith(`${slot} `))?.endsWith('a')) as number;
  await cluster.process('thief').parts.part(kept);
  await fill(cluster, RECORDS, RECORDS + 1000);
  await expect.poll(() => a.events, { timeout: WITHIN }).toContain('slot_taken');
  await sleep(400);
  expect(cluster.taken.at(-1)).toBe(`${kept} thief`);
  cluster.rebalance();
  await expect.poll(() => cluster.taken.at(-1), { timeout: WITHIN }).toBe(`${kept} a`);
  for (const { stop } of [a, b]) stop.abort();
  await Promise.all([a.done, b.done]);
  await start(cluster, 'last').done;
  expect(both(cluster)).toEqual(await alone(RECORDS + 1000));
});

test('a process that was not heard of for a session opens nothing on its old word, however long it waits, and does on a new one', async () => {
  const cluster = new FakeCluster();
  await fill(cluster);
  const later = { ticks: 0 };
  const a = start(cluster, 'a', { untilEnd: false, clock: { ...systemClock, monotonic: () => systemClock.monotonic() + later.ticks } });
  await expect.poll(() => outputs(cluster, 'enriched').length, { timeout: WITHIN }).toBeGreaterThan(0);
  cluster.hears('a', false);
  for (const slot of [0, 1, 2, 3]) await cluster.process('thief').parts.part(slot);
  await fill(cluster, RECORDS, RECORDS + 1000);
  await expect.poll(() => a.events.filter((code) => code === 'slot_taken').length, { timeout: WITHIN }).toBe(4);
  later.ticks += 60_000;
  await sleep(400);
  expect(cluster.taken.slice(-4)).toEqual(['0 thief', '1 thief', '2 thief', '3 thief']);
  cluster.hears('a', true);
  await expect.poll(() => new Set(cluster.taken.slice(-4)), { timeout: WITHIN }).toEqual(new Set(['0 a', '1 a', '2 a', '3 a']));
  a.stop.abort();
  await a.done;
  await start(cluster, 'last').done;
  expect(both(cluster)).toEqual(await alone(RECORDS + 1000));
});

test('a slot that waits for its word is not taken when the process has not been heard of meanwhile', async () => {
  const cluster = new FakeCluster();
  await fill(cluster);
  // it has the slots from 1 on; whoever has slot 0 has not spoken
  const silent = cluster.process('silent');
  const joining = { group: 'sales.preprocess', slots: 4, topics: new Map(), plan: plan.hash, instance: null, onEvent: () => undefined };
  const membership = await silent.parts.join(joining);
  membership.owns([0]);
  const a = start(cluster, 'a', { untilEnd: false });
  await sleep(200);
  expect(cluster.taken).toEqual([]);
  cluster.hears('a', false);
  // as one who has slot 0 does
  const c = start(cluster, 'c', { untilEnd: false });
  await membership.leave();
  await expect.poll(() => cluster.taken, { timeout: WITHIN }).toContain('0 c');
  await expect.poll(() => outputs(cluster, 'enriched').length, { timeout: WITHIN }).toBeGreaterThan(0);
  await sleep(400);
  expect(cluster.taken.filter((taken) => taken.endsWith('a'))).toEqual([]);
  cluster.hears('a', true);
  await expect.poll(() => cluster.taken.filter((taken) => taken.endsWith('a')).length, { timeout: WITHIN }).toBeGreaterThan(0);
  for (const { stop } of [a, c]) stop.abort();
  await Promise.all([a.done, c.done]);
  await start(cluster, 'last').done;
  expect(both(cluster)).toEqual(await alone());
});

test('a slot that another process took for a moment is said to be taken, and worked on again', async () => {
  const cluster = new FakeCluster();
  await fill(cluster);
  const a = start(cluster, 'a', { untilEnd: false });
  await expect.poll(() => outputs(cluster, 'enriched').length, { timeout: WITHIN }).toBeGreaterThan(0);
  await cluster.process('thief').parts.part(2);
  await fill(cluster, RECORDS, RECORDS + 1000);
  await expect.poll(() => a.events, { timeout: WITHIN }).toContain('slot_taken');
  // nobody else claims it: it is this process's again
  cluster.rebalance();
  a.stop.abort();
  await a.done;
  await start(cluster, 'last').done;
  expect(both(cluster)).toEqual(await alone(RECORDS + 1000));
});
