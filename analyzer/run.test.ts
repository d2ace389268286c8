import { seededRandom } from '@millrace/runtime/random.ts';
import { describe, expect, it } from 'vitest';
import type { Harness } from './harness.case.ts';
import { shops, shopYaml } from './shop.case.ts';

const yaml = (trigger = 'every: 0s'): string =>
  shopYaml(
    `  queries:
    - { id: per_shop, type: aggregate, from: sales, where: "amount > 0", group_by: [shop], window: { tumbling: 10s }, watermark: bridge, select: { n: "count(*)", total: "sum(amount)" } }
    - { id: big, type: sql, from: sales, sql: "SELECT shop, amount * 2 AS twice FROM sales WHERE amount > 90" }
    - { id: seen, type: aggregate, from: notes, window: { sliding: 4s, every: 2s }, watermark: 1s, select: { n: "count(*)" } }
  sinks:
    - { id: windows, from: per_shop, type: file, path: windows.jsonl, format: json }
    - { id: tops, from: big, type: topic, topic: tops }
    - { id: all, from: sales, type: topic, topic: all, key: shop }
    - { id: notes_out, from: seen, type: topic, topic: seen }
`,
    { trigger },
  );

const made = shops();
const harness = (text = yaml()): Promise<Harness> => made(text);

/** two writers' sales, spread over both partitions, and what they say of the time */
function sell(to: Harness, count: number, seed = 1, from = 0): void {
  const random = seededRandom(seed);
  for (let i = 0; i < count; i++) {
    const t = from + i * 500;
    const row = { shop: `shop${random.below(3)}`, amount: random.below(110) - 10 };
    to.write('sales', random.below(2), [{ t, row }], i % 2, t - 1000);
    if (i % 20 === 19) for (const writer of [0, 1]) to.heartbeat('sales', t - 500, 'watermark', writer);
  }
  for (let i = 0; i < count / 4; i++) to.write('notes', i % 2, [{ t: 0, row: { id: i, at: from + i * 700 } }]);
  to.raw('notes', 1, 'broken');
}

function left(of: Harness): Record<string, string[]> {
  const values = (topic: string): string[] =>
    of
      .topic(topic)
      .map(({ value }) => value)
      .sort();
  return { windows: of.lines('windows.jsonl').sort(), tops: values('tops'), all: values('all'), seen: values('seen'), dead: values('shop.dead') };
}

describe('a run to the end', () => {
  it('takes every row once, closes every window, and dead-letters what is broken', async () => {
    const shop = await harness();
    sell(shop, 400);
    const progress = await shop.run();
    expect(progress).toMatchObject({ state: 'done', rowsIn: 501, deadLettersByCode: { undecodable: 1 } });
    const { windows, all, seen, tops } = left(shop);
    expect(all).toHaveLength(400);
    const rows = all?.map((line) => JSON.parse(line) as { shop: string; amount: number }) ?? [];
    const closed = windows?.map((line) => JSON.parse(line) as { n: number; total: number; window_start: number; window_end: number }) ?? [];
    expect(closed.reduce((sum, { n }) => sum + n, 0)).toBe(rows.filter(({ amount }) => amount > 0).length);
    expect(closed.reduce((sum, { total }) => sum + total, 0)).toBe(rows.reduce((sum, { amount }) => sum + Math.max(0, amount), 0));
    expect(tops).toHaveLength(rows.filter(({ amount }) => amount > 90).length);
    // each note is in two windows
    expect(seen?.reduce((sum, line) => sum + (JSON.parse(line) as { n: number }).n, 0)).toBe(200);
    const [letter] = shop.topic('shop.dead');
    expect(letter).toMatchObject({
      value: 'broken',
      headers: { 'error.code': 'undecodable', 'error.step': 'notes', 'error.topic': 'notes', 'error.partition': '1', 'error.offset': '50' },
    });
  });

  it('writes nothing when it is run again, and goes on where it ended when there is more', async () => {
    const shop = await harness();
    sell(shop, 50);
    await shop.run();
    const first = left(shop);
    expect(await shop.run()).toMatchObject({ rowsIn: 0, batches: 0 });
    expect(left(shop)).toEqual(first);
    // one more sale of a shop in the last window, which the end had closed
    shop.write('sales', 0, [{ t: 24_900, row: { shop: 'shop1', amount: 7 } }], 0, 23_000);
    await shop.run();
    const more = left(shop).windows?.filter((line) => !first['windows']?.includes(line)) ?? [];
    expect(more).toHaveLength(1);
    const had = (first['windows'] ?? []).map((line) => JSON.parse(line)).find((row) => row.shop === 'shop1' && row.window_start === 20_000);
    expect(JSON.parse(more[0] ?? '')).toEqual({ ...had, n: had.n + 1, total: had.total + 7 });
  });

  it('comes to the same in batches of one record', async () => {
    const whole = await harness();
    sell(whole, 60);
    await whole.run();
    const one = await harness();
    sell(one, 60);
    const progress = await one.run({ maxRecords: 1 });
    expect(progress.batches).toBeGreaterThan(35);
    // sliding windows over a topic without completeness follow the cut of the batches
    expect({ ...left(one), seen: [] }).toEqual({ ...left(whole), seen: [] });
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('leaves the same answer wherever it dies (seed %i)', async (seed) => {
    const undisturbed = await harness();
    sell(undisturbed, 60);
    await undisturbed.run({ maxRecords: 25 });
    const shop = await harness();
    sell(shop, 60);
    const random = seededRandom(seed);
    let life = 2;
    let lives = 25;
    const die = (): void => {
      if (lives === 0 || --life > 0) return;
      life = 2 + random.below(4);
      lives--;
      throw new Error('killed');
    };
    // odd: the last commit is lost; even: it stands, and nobody was told
    if (seed % 2 === 1) shop.transport.beforeCommit = die;
    else shop.transport.afterCommit = die;
    let deaths = 0;
    for (;;) {
      try {
        await shop.run({ maxRecords: 25 });
        break;
      } catch (error) {
        if ((error as Error).message !== 'killed') throw error;
        deaths++;
      }
    }
    expect(deaths).toBeGreaterThan(3);
    expect(left(shop)).toEqual(left(undisturbed));
  });
});

describe('a run beside the record stage', () => {
  it.each(['every: 0s', 'every: 20ms', 'every: 1h', 'available_now', 'once'])('takes what comes while it works, and ends when it has (%s)', async (trigger) => {
    const shop = await harness(yaml(trigger.startsWith('every') ? trigger : '').replace('trigger: {  }', `trigger: ${trigger}`));
    let end = (): void => {};
    const recordStage = new Promise<void>((resolve) => {
      end = resolve;
    });
    const run = shop.run({ untilEnd: recordStage });
    for (let i = 0; i < 4; i++) {
      sell(shop, 20, i, i * 10_000);
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
    end();
    await run;
    const { all, windows, dead } = left(shop);
    expect(all).toHaveLength(80);
    // another's topic ends where it did when the run began
    expect(dead?.length).toBeLessThanOrEqual(4);
    const sold = all?.map((line) => JSON.parse(line) as { amount: number }).filter(({ amount }) => amount > 0).length;
    expect(windows?.reduce((sum, line) => sum + (JSON.parse(line) as { n: number }).n, 0)).toBe(sold);
  });

  it('stops when told, between two batches, and goes on', async () => {
    const undisturbed = await harness();
    sell(undisturbed, 60);
    await undisturbed.run({ maxRecords: 10 });
    const shop = await harness();
    sell(shop, 60);
    const stop = new AbortController();
    const progress = await shop.run({ maxRecords: 10, signal: stop.signal, onBatch: ({ batchId }) => void (batchId === 3 && stop.abort()) });
    expect(progress.batch).toBe(3);
    await shop.run({ maxRecords: 10 });
    expect(left(shop)).toEqual(left(undisturbed));
  });

  it('fails when the record stage does', async () => {
    const shop = await harness();
    await expect(shop.run({ untilEnd: Promise.reject(new Error('no record stage')) })).rejects.toThrow('no record stage');
  });
});

describe('an edited file', () => {
  it('is taken when the state still fits, and refused when not', async () => {
    const shop = await harness();
    sell(shop, 20);
    await shop.run();
    await shop.load(yaml().replace('amount > 0', 'amount > 50').replace('name: shop', 'name: shop'));
    await expect(shop.run()).resolves.toMatchObject({ state: 'done' });
    await shop.load(yaml().replace('tumbling: 10s', 'tumbling: 20s'));
    await expect(shop.run()).rejects.toMatchObject({ code: 'plan_changed' });
  });

  it('is refused while a batch is under way', async () => {
    const shop = await harness();
    sell(shop, 20);
    shop.transport.afterCommit = ({ puts }) => {
      if (puts.some(([key]) => key.includes('/offsets/'))) throw new Error('killed');
    };
    await expect(shop.run()).rejects.toThrow('killed');
    shop.transport.afterCommit = null;
    await shop.load(yaml().replace('amount > 0', 'amount > 50'));
    await expect(shop.run()).rejects.toMatchObject({ code: 'plan_changed' });
  });
});

describe('the report of a batch', () => {
  it("has Structured Streaming's fields", async () => {
    const shop = await harness();
    sell(shop, 40);
    await shop.run();
    const [first, last] = [shop.batches[0], shop.batches.at(-1)];
    expect(first).toMatchObject({ name: 'shop', batchId: 0, numInputRows: 51, sink: { numOutputRows: expect.any(Number) } });
    expect(first?.eventTime).toMatchObject({ min: '1970-01-01T00:00:00.000Z', max: '1970-01-01T00:00:19.500Z' });
    expect(first?.stateOperators.map(({ operatorName }) => operatorName)).toEqual(['per_shop', 'seen']);
    expect(first?.sources[0]).toMatchObject({ description: 'sales', startOffset: { sales: { 0: 0, 1: 0 } }, endOffset: first?.sources[0]?.latestOffset });
    expect(Object.keys(first?.durationMs ?? {})).toContain('triggerExecution');
    expect(last).toMatchObject({ numInputRows: 0 });
    expect(last?.runId).toBe(first?.runId);
  });
});
