import { setTimeout as sleep } from 'node:timers/promises';
import { defaultProfile } from '@millrace/pipeline/profile.ts';
import { type Clock, systemClock } from '@millrace/runtime/clock.ts';
import { MillraceError } from '@millrace/runtime/errors.ts';
import { expect, test } from 'vitest';
import type { Harness } from '../harness.case.ts';
import type { AnalyzeProgress } from '../run-options.ts';
import { shops, shopYaml } from '../shop.case.ts';
import { FakeGroup } from './fake-group.case.ts';
import { analyzeInGroup, type GroupOptions } from './run.ts';

const made = shops();
const yaml = (trigger = 'every: 0s, max_records: 7'): string =>
  shopYaml(
    `  queries:
    - { id: per_shop, type: aggregate, from: sales, group_by: [shop], window: { tumbling: 10s }, watermark: bridge, select: { n: "count(*)", total: "sum(amount)" } }
  sinks:
    - { id: windows, from: per_shop, type: topic, topic: windows }
    - { id: all, from: sales, type: topic, topic: all, key: shop }
`,
    { trigger },
  );

interface Running {
  readonly stop: AbortController;
  readonly done: Promise<AnalyzeProgress>;
  readonly events: string[];
  readonly states: AnalyzeProgress['state'][];
  last: AnalyzeProgress | null;
}

const kafka = { instance: null } as unknown as NonNullable<GroupOptions['profile']['transport']['kafka']>;

function start(group: FakeGroup, id: string, of: Harness, more: Partial<GroupOptions> = {}): Running {
  const stop = new AbortController();
  const running: Running = { stop, events: [], states: [], last: null, done: Promise.resolve(null as never) };
  const done = analyzeInGroup(
    {
      plan: of.plan,
      profile: { ...defaultProfile, transport: { type: 'kafka', partitions: 2, kafka } },
      dataDir: `${of.dir}/data`,
      clock: systemClock,
      signal: stop.signal,
      untilEnd: null,
      onProgress(progress) {
        running.last = progress;
        if (running.states.at(-1) !== progress.state) running.states.push(progress.state);
      },
      onBatch: () => {},
      onEvent: ({ code }) => void running.events.push(code),
      parts: group.parts(id),
      ...more,
    },
    null,
  );
  done.catch(() => {});
  return Object.assign(running, { done });
}

function sellOne(to: Harness, i: number): void {
  to.write('sales', i % 2, [{ t: i * 500, row: { shop: `shop${i % 3}`, amount: i } }], i % 2, i * 500 - 1000);
}

/** a note for every fourth sale, which is none of the record stage's */
function sell(to: Harness, from: number, until: number): void {
  for (let i = from; i < until; i++) sellOne(to, i);
  for (let i = from; i < until; i += 4) to.write('notes', 0, [{ t: 0, row: { id: i, at: i * 500 } }]);
}

const left = (of: Harness): string[][] =>
  ['all', 'windows'].map((topic) =>
    of
      .topic(topic)
      .map(({ value }) => value)
      .sort(),
  );
/** rows that these have taken, all together */
const taken =
  (...all: Running[]) =>
  (): number =>
    all.reduce((sum, { last }) => sum + (last?.rowsIn ?? 0), 0);
const sold = (of: Harness) => () => of.topic('all').length;

/** what one alone makes of so many sales */
async function alone(sales: number): Promise<string[][]> {
  const one = await made(yaml());
  sell(one, 0, sales);
  await one.run();
  return left(one);
}

const toEnd = { untilEnd: Promise.resolve() };
const within = { timeout: 30_000 };

test('one works, the other says once that it stands by, and takes over at once when the first leaves', async () => {
  const shop = await made(yaml());
  const group = new FakeGroup(shop.transport);
  sell(shop, 0, 50);
  const [a, b] = [start(group, 'a', shop), start(group, 'b', shop)];
  await expect.poll(taken(a), within).toBe(63);
  await expect.poll(() => b.states, within).toEqual(['standing_by']);
  await sleep(1200);
  expect([group.taken, b.events]).toEqual([['a'], ['standing_by']]);
  expect(b.last).toMatchObject({ rowsIn: 0, batch: a.last?.batch });
  a.stop.abort();
  expect(await a.done).toMatchObject({ state: 'done', rowsIn: 63 });
  sell(shop, 50, 80);
  await expect.poll(taken(b), within).toBe(38);
  expect(b.events).toEqual(['standing_by', 'taking_over']);
  b.stop.abort();
  expect(await b.done).toMatchObject({ state: 'done', rowsIn: 38 });
  await start(group, 'c', shop, toEnd).done;
  expect(left(shop)).toEqual(await alone(80));
});

test('one that loses the analyzer says so, stands by again, and has it back when the other is gone; what it did is counted once', async () => {
  const shop = await made(yaml());
  const group = new FakeGroup(shop.transport);
  sell(shop, 0, 50);
  const a = start(group, 'a', shop);
  await expect.poll(taken(a), within).toBe(63);
  const membership = group.membership('a');
  // it stands still: the group goes on, and it believes what it was told last
  group.forget('a');
  const b = start(group, 'b', shop);
  await expect.poll(() => group.taken, within).toEqual(['a', 'b']);
  sell(shop, 50, 90);
  await expect.poll(() => a.events, within).toEqual(['analyzer_taken', 'standing_by']);
  group.remember('a', membership);
  await expect.poll(taken(a, b), within).toBe(113);
  expect(group.taken).toEqual(['a', 'b']);
  b.stop.abort();
  await b.done;
  sell(shop, 90, 100);
  await expect.poll(taken(a, b), within).toBe(126);
  expect([group.taken, a.events]).toEqual([
    ['a', 'b', 'a'],
    ['analyzer_taken', 'standing_by', 'taking_over'],
  ]);
  a.stop.abort();
  const rows = (await a.done).rowsIn + (await b.done).rowsIn;
  expect(rows).toBe(126);
  await start(group, 'c', shop, toEnd).done;
  expect(left(shop)).toEqual(await alone(100));
});

test('taken by one that is in no group: left alone for a while, and for as long as the group was not heard, then opened again', async () => {
  const shop = await made(yaml());
  const group = new FakeGroup(shop.transport);
  const later = { ms: 0 };
  const clock: Clock = { ...systemClock, monotonic: () => systemClock.monotonic() + later.ms };
  sell(shop, 0, 20);
  const a = start(group, 'a', shop, { clock });
  await expect.poll(sold(shop), within).toBe(20);
  await group.parts('thief').part(null);
  sell(shop, 20, 40);
  await expect.poll(() => a.events, within).toEqual(['analyzer_taken', 'standing_by']);
  await sleep(300);
  expect(group.taken).toEqual(['a', 'thief']);
  group.membership('a').confirmed = false;
  later.ms = 10_000;
  await sleep(300);
  expect(group.taken).toEqual(['a', 'thief']);
  group.membership('a').confirmed = true;
  await expect.poll(sold(shop), within).toBe(40);
  expect(group.taken).toEqual(['a', 'thief', 'a']);
  a.stop.abort();
  await a.done;
});

test('told by the group to give it up, it ends its batch and stands by', async () => {
  const shop = await made(yaml());
  const group = new FakeGroup(shop.transport);
  sell(shop, 0, 20);
  const a = start(group, 'a', shop);
  const b = start(group, 'b', shop);
  await expect.poll(sold(shop), within).toBe(20);
  const [first, second] = [group.membership('a'), group.membership('b')];
  first.told([], 9, 2);
  await expect.poll(() => first.named, within).toEqual([]);
  second.told([0], 10, 2);
  sell(shop, 20, 40);
  await expect.poll(sold(shop), within).toBe(40);
  expect([group.taken, a.events, a.states.at(-1)]).toEqual([['a', 'b'], ['standing_by'], 'standing_by']);
  for (const { stop } of [a, b]) stop.abort();
  await Promise.all([a.done, b.done]);
  expect(b.events).not.toContain('analyzer_taken');
});

test('to the end: the one that stands by ends when the other has come to the end of all that its own record stage has made', async () => {
  const shop = await made(yaml());
  const group = new FakeGroup(shop.transport);
  sell(shop, 0, 40);
  const stage = Promise.withResolvers<void>();
  const [a, b] = [start(group, 'a', shop, { untilEnd: stage.promise }), start(group, 'b', shop, { untilEnd: stage.promise })];
  await expect.poll(taken(a, b), within).toBe(50);
  for (let i = 40; i < 60; i++) sellOne(shop, i);
  stage.resolve();
  const [one, two] = await Promise.all([a.done, b.done]);
  expect([one, two]).toMatchObject([
    { state: 'done', rowsIn: 70 },
    { state: 'done', rowsIn: 0 },
  ]);
  expect(left(shop)).toEqual(await alone(60));
});

test('to the end: what came behind the end of the first is for the one that stands by', async () => {
  const shop = await made(yaml());
  const group = new FakeGroup(shop.transport);
  sell(shop, 0, 40);
  const stage = Promise.withResolvers<void>();
  const a = start(group, 'a', shop);
  await expect.poll(taken(a), within).toBe(50);
  const b = start(group, 'b', shop, { untilEnd: stage.promise });
  a.stop.abort();
  await a.done;
  await expect.poll(() => b.events, within).toContain('taking_over');
  const c = start(group, 'c', shop, toEnd);
  const d = start(group, 'd', shop, { untilEnd: stage.promise });
  await expect.poll(() => d.events, within).toEqual(['standing_by']);
  sell(shop, 40, 60);
  stage.resolve();
  expect(await b.done).toMatchObject({ rowsIn: 25 });
  expect([(await c.done).rowsIn, (await d.done).rowsIn]).toEqual([0, 0]);
  expect(left(shop)).toEqual(await alone(60));
});

test('to the end beside one without: it waits until that one leaves, and comes to the end itself', async () => {
  const shop = await made(yaml());
  const group = new FakeGroup(shop.transport);
  sell(shop, 0, 40);
  const a = start(group, 'a', shop);
  await expect.poll(sold(shop), within).toBe(40);
  const b = start(group, 'b', shop, toEnd);
  await sleep(1500);
  expect(b.states).toEqual(['standing_by']);
  a.stop.abort();
  await Promise.all([a.done, b.done]);
  expect(left(shop)).toEqual(await alone(40));
});

test('a record stage that fails ends one that stands by; so does the end of its membership one that works', async () => {
  const shop = await made(yaml());
  const group = new FakeGroup(shop.transport);
  sell(shop, 0, 20);
  const a = start(group, 'a', shop);
  await expect.poll(sold(shop), within).toBe(20);
  const b = start(group, 'b', shop, { untilEnd: Promise.reject(new Error('the record stage failed')) });
  await expect(b.done).rejects.toThrow('the record stage failed');
  group.membership('a').failure = new MillraceError('fenced', 'Another process has joined as this instance.');
  await expect(a.done).rejects.toMatchObject({ code: 'fenced', message: expect.stringContaining('instance') });
});

test('a failure that is its own ends it, also where what it is called is that another has a file', async () => {
  const shop = await made(yaml());
  const group = new FakeGroup(shop.transport);
  sell(shop, 0, 20);
  const parts = group.parts('a');
  const failing = async (): ReturnType<typeof parts.part> => {
    const part = await parts.part(null);
    const commit: typeof part.commit = (what) => {
      if (what.appenders.length > 0) throw new MillraceError('fenced', 'Another process has taken over out/file.');
      return part.commit(what);
    };
    return { ...part, commit };
  };
  await expect(start(group, 'a', shop, { parts: { ...parts, part: failing } }).done).rejects.toThrow('taken over out/file');
});

test('what is missing because another has removed it is told as what it is', async () => {
  const shop = await made(yaml());
  const group = new FakeGroup(shop.transport);
  sell(shop, 0, 20);
  const parts = group.parts('a');
  let robbed = false;
  const robbing = async (): ReturnType<typeof parts.part> => {
    const part = await parts.part(null);
    const commit: typeof part.commit = async (what) => {
      if (!robbed && what.appenders.length > 0) {
        robbed = true;
        await parts.part(null);
        throw new MillraceError('parts_missing', 'it is not there');
      }
      return part.commit(what);
    };
    return { ...part, commit };
  };
  const later = { ms: 0 };
  const clock: Clock = { ...systemClock, monotonic: () => systemClock.monotonic() + later.ms };
  const a = start(group, 'a', shop, { clock, parts: { ...parts, part: robbing } });
  await expect.poll(() => a.events, within).toEqual(['analyzer_taken', 'standing_by']);
  later.ms = 10_000;
  await expect.poll(sold(shop), within).toBe(20);
  a.stop.abort();
  await a.done;
});
