import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { defaultProfile } from '@millrace/pipeline/profile.ts';
import { systemClock } from '@millrace/runtime/clock.ts';
import { seededRandom } from '@millrace/runtime/random.ts';
import type { Commit } from '@millrace/transport/log.ts';
import { type MemoryTransport, openMemory } from '@millrace/transport/memory.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { run } from '../run.ts';
import type { RunProgress } from '../run-options.ts';
import { readCatalog } from './catalog.ts';
import { Sales, shops, WITHIN } from './sales.case.ts';

const PARTITIONS = 3;

let transport: MemoryTransport;
let sales: Sales;
beforeEach(async () => {
  transport = openMemory();
  const sums = '{ id: sums, type: window, from: known, key: shop, window: { tumbling: 1h }, select: { n: "count(*)", risk: "sum(risk)" } }';
  sales = await Sales.begin(transport, PARTITIONS, [sums], ['{ id: totals, from: sums, topic: totals, format: json }']);
});
afterEach(() => sales.close());

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
    plan: sales.plan,
    profile: { ...defaultProfile, transport: { type: 'memory', partitions: PARTITIONS, kafka: null }, checkpoint: { path: null, every } },
    dataDir: join(sales.dir, 'data'),
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

/** as sales are, and the window sums of what the rows say */
function whole(): void {
  sales.whole();
  const last = new Map<string, { n: number; risk: number }>();
  for (const [p, of] of sales.read<{ shop: string; window_start: number; n: number; risk: number }>('totals').entries())
    for (const total of of) last.set(`${p} ${total.shop} ${total.window_start}`, total);
  const sums = [...last.values()];
  expect(sums.reduce((sum, { n }) => sum + n, 0)).toBe(sales.sent);
  expect(sums.reduce((sum, { risk }) => sum + risk, 0)).toBe(sales.rows().reduce((sum, { risk }) => sum + risk, 0));
}

describe('a table that is edited while the pipeline runs', () => {
  test('its new version counts from some record on, for all that come after, and in the next run from the first', async () => {
    const running = start();
    await sales.inForce(1);
    sales.edit(shops(2));
    await sales.inForce(2);
    await sales.sell(300);
    await expect.poll(() => sales.rows().length, { timeout: WITHIN }).toBe(sales.sent);
    const progress = await running.stop();
    expect(progress.tables).toEqual({ taken: 1, refused: 0 });
    expect(running.events).toEqual([expect.stringMatching(/^table_taken table shops: .*shops\.csv has changed, its new version \(10 rows\)/)]);
    const before = sales.rows().length;
    sales.edit(shops(3));
    await sales.sell(30);
    await start({ untilEnd: true }).done;
    whole();
    expect(sales.rows().filter(({ risk }) => risk === 3)).toHaveLength(sales.sent - before);
  });

  test.each([
    ['two rows of one key', `${shops(2)}s1,7\n`, 'two rows have the key s1'],
    ['a column less', 'shop\ns1\n', 'risk'],
    ['a value of another type', shops(2).replace('s4,2', 's4,high'), 'Could not convert string "high" to \'BIGINT\''],
    ['nothing', '', ''],
  ])('with %s is not taken: that is said once, the version before stays, and a better one is taken', async (_, text, why) => {
    const running = start();
    await sales.inForce(1);
    sales.edit(text);
    await expect.poll(() => running.events.length, { timeout: WITHIN }).toBe(1);
    expect(running.events[0]).toMatch(/^table_refused table shops: the change of .*shops\.csv is not taken, the version before stays in force: /);
    expect(running.events[0]).toContain(why);
    await sleep(200);
    await sales.inForce(1);
    sales.edit(shops(2));
    await sales.inForce(2);
    const progress = await running.stop();
    expect(progress.tables).toEqual({ taken: 1, refused: 1 });
    expect(running.events).toHaveLength(2);
    await start({ untilEnd: true }).done;
    whole();
  });

  test('whose file goes away keeps its version; one that comes back as it was is none', async () => {
    const running = start();
    await sales.inForce(1);
    rmSync(join(sales.dir, 'shops.csv'));
    await expect.poll(() => running.events, { timeout: WITHIN }).toEqual([expect.stringContaining('the file is not there')]);
    await sales.inForce(1);
    sales.edit(shops(1));
    await sleep(200);
    expect((await running.stop()).tables).toEqual({ taken: 0, refused: 1 });
  });

  test('is kept no longer than a recovery may ask for it, a content that comes back included', async () => {
    const running = start();
    await sales.inForce(1);
    for (const version of [2, 3, 2, 4]) {
      sales.edit(shops(version));
      await expect.poll(() => sales.rows().at(-1)?.risk === version || sales.sell(), { timeout: WITHIN }).toBe(true);
    }
    const old = async (): Promise<readonly string[]> => {
      await sales.sell();
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
          if (random.below(3) === 0) sales.edit(shops(++version));
          await sales.sell(1 + random.below(30));
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
      expect(new Set(sales.rows().map(({ risk }) => risk)).size).toBeGreaterThan(3);
    },
    60_000,
  );
});
