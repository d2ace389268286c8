import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadPipeline } from '@millrace/pipeline/load.ts';
import type { Plan } from '@millrace/pipeline/plan.ts';
import { defaultProfile } from '@millrace/pipeline/profile.ts';
import { systemClock } from '@millrace/runtime/clock.ts';
import { seededRandom } from '@millrace/runtime/random.ts';
import type { Commit } from '@millrace/transport/log.ts';
import { type MemoryTransport, openMemory } from '@millrace/transport/memory.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { run } from '../run.ts';
import type { RunProgress } from '../run-options.ts';
import { readCatalog } from './catalog.ts';

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
    - { id: sums, type: window, from: known, key: shop, window: { tumbling: 1h }, select: { n: "count(*)", risk: "sum(risk)" } }
  outputs:
    - { id: rows, from: known, topic: rows, format: json }
    - { id: totals, from: sums, topic: totals, format: json }
`;
const SHOPS = 10;
const PARTITIONS = 3;
const WITHIN = 30_000;
const shops = (version: number): string => ['shop,risk', ...Array.from({ length: SHOPS }, (_, shop) => `s${shop},${version}`), ''].join('\n');

let dir: string;
let plan: Plan;
let transport: MemoryTransport;
let sent: number;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'millrace-tables-'));
  writeFileSync(join(dir, 'p.yaml'), yaml);
  edit(shops(1));
  const loaded = await loadPipeline(join(dir, 'p.yaml'), { env: {} });
  expect(loaded.findings).toEqual([]);
  plan = loaded.plan as Plan;
  transport = openMemory();
  await transport.log.ensure('sales', PARTITIONS);
  sent = 0;
});
afterEach(() => rmSync(dir, { recursive: true }));

function edit(text: string): void {
  writeFileSync(join(dir, 'new.csv'), text);
  renameSync(join(dir, 'new.csv'), join(dir, 'shops.csv'));
}

async function sell(count: number): Promise<void> {
  const out = transport.log.appender('sales');
  for (const end = sent + count; sent < end; sent++) {
    const value = Buffer.from(JSON.stringify({ id: sent, shop: `s${sent % SHOPS}`, at: 1_700_000_000_000 + sent * 1000 }));
    const pos = out.begin(sent % PARTITIONS, sent, value, 0, -1);
    out.buffer.set(value, pos);
    out.end(pos + value.length);
  }
  await out.flush();
}

/** looks at files 20 times as often as it would */
const clock = { ...systemClock, monotonic: () => systemClock.monotonic() * 20 };

interface Running {
  readonly events: string[];
  readonly done: Promise<RunProgress>;
  stop(): Promise<RunProgress>;
}

function start({ untilEnd = false, every = 5 } = {}): Running {
  const events: string[] = [];
  const abort = new AbortController();
  const done = run({
    plan,
    profile: { ...defaultProfile, transport: { type: 'memory', partitions: PARTITIONS, kafka: null }, checkpoint: { path: null, every } },
    dataDir: join(dir, 'data'),
    untilEnd,
    clock,
    signal: abort.signal,
    onProgress: () => {},
    onEvent: ({ code, message }) => void events.push(`${code} ${message}`),
    transport,
    maxRecords: 7,
  });
  done.catch(() => undefined);
  const stop = (): Promise<RunProgress> => {
    abort.abort();
    return done;
  };
  return { events, done, stop };
}

interface Row {
  readonly id: number;
  readonly risk: number;
}

/** by partition, in order */
function read<T>(topic: string): T[][] {
  return Array.from({ length: transport.log.topic(topic)?.partitions ?? 0 }, (_, p) => {
    const values: T[] = [];
    const reader = transport.log.reader(topic, p, { offset: 0 });
    for (let view = reader.poll(1 << 20); view; view = reader.poll(1 << 20))
      for (let i = 0; i < view.count; i++)
        if ((view.valueEnd[i] as number) >= 0) values.push(JSON.parse(view.buffer.toString('utf8', view.valueStart[i], view.valueEnd[i])) as T);
    return values;
  });
}

const rows = (): Row[] => read<Row>('rows').flat();

/** until the last record of each partition was looked up in that version */
async function inForce(version: number): Promise<void> {
  await expect
    .poll(
      async () => {
        await sell(PARTITIONS);
        await sleep(20);
        return read<Row>('rows').map((of) => of.at(-1)?.risk);
      },
      { timeout: WITHIN, interval: 20 },
    )
    .toEqual(Array.from({ length: PARTITIONS }, () => version));
}

/** each record once, the versions of a partition in their order, and the window sums of what the rows say */
function whole(): void {
  const all = rows();
  expect(all.map(({ id }) => id).sort((a, b) => a - b)).toEqual(Array.from({ length: sent }, (_, id) => id));
  for (const of of read<Row>('rows')) expect(of.map(({ risk }) => risk)).toEqual(of.map(({ risk }) => risk).sort((a, b) => a - b));
  const last = new Map<string, { n: number; risk: number }>();
  for (const [p, of] of read<{ shop: string; window_start: number; n: number; risk: number }>('totals').entries())
    for (const total of of) last.set(`${p} ${total.shop} ${total.window_start}`, total);
  const sums = [...last.values()];
  expect(sums.reduce((sum, { n }) => sum + n, 0)).toBe(sent);
  expect(sums.reduce((sum, { risk }) => sum + risk, 0)).toBe(all.reduce((sum, { risk }) => sum + risk, 0));
}

describe('a table that is edited while the pipeline runs', () => {
  test('its new version counts from some record on, for all that come after, and in the next run from the first', async () => {
    const running = start();
    await inForce(1);
    edit(shops(2));
    await inForce(2);
    await sell(300);
    await expect.poll(() => rows().length, { timeout: WITHIN }).toBe(sent);
    const progress = await running.stop();
    expect(progress.tables).toEqual({ taken: 1, refused: 0 });
    expect(running.events).toEqual([expect.stringMatching(/^table_taken table shops: .*shops\.csv has changed, its new version \(10 rows\)/)]);
    const before = rows().length;
    edit(shops(3));
    await sell(30);
    await start({ untilEnd: true }).done;
    whole();
    expect(rows().filter(({ risk }) => risk === 3)).toHaveLength(sent - before);
  });

  test.each([
    ['two rows of one key', `${shops(2)}s1,7\n`, 'two rows have the key s1'],
    ['a column less', 'shop\ns1\n', 'risk'],
    ['a value of another type', shops(2).replace('s4,2', 's4,high'), 'Could not convert string "high" to \'BIGINT\''],
    ['nothing', '', ''],
  ])('with %s is not taken: that is said once, the version before stays, and a better one is taken', async (_, text, why) => {
    const running = start();
    await inForce(1);
    edit(text);
    await expect.poll(() => running.events.length, { timeout: WITHIN }).toBe(1);
    expect(running.events[0]).toMatch(/^table_refused table shops: the change of .*shops\.csv is not taken, the version before stays in force: /);
    expect(running.events[0]).toContain(why);
    await sleep(200);
    await inForce(1);
    edit(shops(2));
    await inForce(2);
    const progress = await running.stop();
    expect(progress.tables).toEqual({ taken: 1, refused: 1 });
    expect(running.events).toHaveLength(2);
    await start({ untilEnd: true }).done;
    whole();
  });

  test('whose file goes away keeps its version; one that comes back as it was is none', async () => {
    const running = start();
    await inForce(1);
    rmSync(join(dir, 'shops.csv'));
    await expect.poll(() => running.events, { timeout: WITHIN }).toEqual([expect.stringContaining('the file is not there')]);
    await inForce(1);
    edit(shops(1));
    await sleep(200);
    expect((await running.stop()).tables).toEqual({ taken: 0, refused: 1 });
  });

  test('is kept no longer than a recovery may ask for it, a content that comes back included', async () => {
    const running = start();
    await inForce(1);
    for (const version of [2, 3, 2, 4]) {
      edit(shops(version));
      await expect.poll(() => rows().at(-1)?.risk === version || sell(PARTITIONS), { timeout: WITHIN }).toBe(true);
    }
    const old = async (): Promise<readonly string[]> => {
      await sell(PARTITIONS);
      return readCatalog(transport.ledger, 'shops').old;
    };
    await expect.poll(old, { timeout: WITHIN, interval: 50 }).toEqual([]);
    expect([...transport.ledger.entries('p/shops/table/')]).toHaveLength(1);
    await running.stop();
  });

  test.each([1, 2, 3, 4])(
    'a recovery sees what the records saw, wherever it dies (seed %i)',
    async (seed) => {
      const random = seededRandom(seed);
      let life = 20;
      const die = ({ puts }: Commit): void => {
        // not of what this test sells
        if (puts.length === 0 || --life > 0) return;
        life = 5 + random.below(60);
        throw new Error('killed');
      };
      if (seed % 2 === 1) transport.beforeCommit = die;
      else transport.afterCommit = die;
      let over = false;
      let version = 1;
      const world = (async () => {
        for (; !over; await sleep(20)) {
          if (random.below(3) === 0) edit(shops(++version));
          await sell(1 + random.below(30));
        }
      })();
      let deaths = 0;
      for (const end = systemClock.monotonic() + 4000; systemClock.monotonic() < end; deaths++) {
        const running = start({ every: seed > 2 ? 100_000 : 5 });
        await Promise.race([running.done.catch(() => undefined), sleep(1000).then(() => running.stop().catch(() => undefined))]);
        await running.done.catch(() => undefined);
      }
      over = true;
      await world;
      transport.beforeCommit = null;
      transport.afterCommit = null;
      await start({ untilEnd: true }).done;
      await start({ untilEnd: true }).done;
      whole();
      expect(deaths).toBeGreaterThan(3);
      expect(new Set(rows().map(({ risk }) => risk)).size).toBeGreaterThan(3);
    },
    60_000,
  );
});
