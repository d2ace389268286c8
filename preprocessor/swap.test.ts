import { rmSync } from 'node:fs';
import { systemClock } from '@millrace/runtime/clock.ts';
import { seededRandom } from '@millrace/runtime/random.ts';
import { modelKey } from '@millrace/shared-schemas/model-decision.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { constant, Decider, expected, MINUTE, type Payment, pipeline, probability, Shop, START } from './swap.case.ts';

let shop: Shop;
beforeEach(() => {
  shop = new Shop();
});
afterEach(() => rmSync(shop.dir, { recursive: true, force: true }));

/** some out of order; partition p begins p · 20 s later */
function payments(partition: number, count: number, step = 500): Payment[] {
  const random = seededRandom(5, partition);
  return Array.from({ length: count }, (_, i) => ({
    id: `${partition}-${String(i).padStart(5, '0')}`,
    amount: random.below(100),
    at: START + partition * 20_000 + i * step - random.below(9) * 1000,
  }));
}

/** starts over after every death; gives how many there were */
async function untilDone(every: number): Promise<number> {
  for (let deaths = 0; ; deaths++) {
    try {
      await shop.run({ every, maxRecords: 30 });
      return deaths;
    } catch (error) {
      if ((error as Error).message !== 'killed') throw error;
    }
  }
}

/** odd seeds: the last commit of the record stage is lost; even: it stands */
function deathsBy(seed: number): void {
  const random = seededRandom(seed);
  let life = 3;
  let lives = 10;
  const die = ({ puts }: { puts: readonly (readonly [string, Uint8Array | null])[] }): void => {
    if (!puts.some(([key]) => key.endsWith('/progress')) || lives === 0 || --life > 0) return;
    life = 1 + random.below(7);
    lives--;
    throw new Error('killed');
  };
  if (seed % 2 === 1) shop.transport.beforeCommit = die;
  else shop.transport.afterCommit = die;
}

describe('immediate', () => {
  it('scores NULL before a model is promoted, and by the newest from then on, whatever kills it', async () => {
    await shop.load(pipeline({ swap: 'immediate' }));
    shop.pay([payments(0, 2000)]);
    deathsBy(2);
    const hashes = [1, 4].map((odds) => shop.store(constant(odds)));
    const die = shop.transport.afterCommit;
    let commits = 0;
    shop.transport.afterCommit = (commit) => {
      const ours = commit.puts.some(([key]) => key.endsWith('/progress'));
      if (ours && ++commits % 6 === 3 && hashes.length > 0) shop.decide(null, hashes.shift() as string);
      die?.(commit);
    };
    expect(await untilDone(0)).toBeGreaterThan(3);
    const scored = shop.scored();
    expect(scored.map(({ id }) => id)).toEqual(payments(0, 2000).map(({ id }) => id));
    // never back, and each for a good while
    const runs = scored.map(({ p }) => p).filter((p, i) => i === 0 || p !== scored[i - 1].p);
    expect(runs).toEqual([null, probability(1), probability(4)]);
    for (const { p, flagged } of scored) expect(flagged).toBe(p === probability(4));
  });

  it.each([1, 2, 3, 4])('leaves the same answer wherever it dies, as every choice is in the journal (seed %i)', async (seed) => {
    const partitions = [payments(0, 700), payments(1, 900), payments(2, 300)];
    await shop.load(pipeline({ swap: 'immediate' }));
    shop.pay(partitions);
    shop.decide(null, shop.store(constant(2)));
    deathsBy(seed);
    expect(await untilDone(seed > 2 ? 1e9 : 0)).toBeGreaterThan(2);
    expect(new Set(shop.scored().map(({ p }) => p))).toEqual(new Set([probability(2)]));
    expect(shop.scored()).toHaveLength(1900);
    shop.transport.beforeCommit = null;
    shop.transport.afterCommit = null;
    // a model that is promoted now is for what comes now
    shop.decide(null, shop.store(constant(3)));
    shop.append('payments', 0, JSON.stringify({ id: '9', amount: 1, at: START + 10 * MINUTE }));
    await shop.run();
    expect(shop.scored().filter(({ p }) => p === probability(3))).toEqual([{ id: '9', p: probability(3), flagged: true }]);
  });

  it('is what at_event_time comes to when nothing trains the model', async () => {
    await shop.load(pipeline({ train: '' }));
    shop.pay([payments(0, 300)]);
    shop.decide(START, shop.store(constant(2)));
    await shop.run();
    expect(new Set(shop.scored().map(({ p }) => p))).toEqual(new Set([probability(2)]));
  });

  it('says which model is missing or spoilt, and goes on once another is promoted', async () => {
    await shop.load(pipeline({ swap: 'immediate' }));
    shop.pay([payments(0, 300)]);
    shop.decide(null, 'ab'.repeat(32));
    await expect(shop.run()).rejects.toMatchObject({ code: 'model_missing', message: expect.stringContaining('model fraud abababababab') as string });
    const hash = shop.store(constant(1));
    shop.transport.commit({ appenders: [], puts: [[modelKey('shop', hash), Buffer.from('{"format":1')]] });
    shop.decide(null, hash);
    await expect(shop.run()).rejects.toMatchObject({ code: 'model_invalid', message: expect.stringContaining(`model fraud ${hash.slice(0, 12)}`) as string });
    shop.store(constant(2), 'cd'.repeat(32));
    shop.decide(null, 'cd'.repeat(32));
    await expect(shop.run()).rejects.toMatchObject({ code: 'model_invalid', message: expect.stringContaining('another model') as string });
    shop.append('shop.models', 0, 'no decision');
    shop.decide(null, shop.store(constant(3)));
    await shop.run();
    expect(new Set(shop.scored().map(({ p }) => p))).toEqual(new Set([probability(3)]));
  });

  it('says so, and scores NULL, when the model was trained on other features', async () => {
    await shop.load(pipeline({ swap: 'immediate' }));
    shop.pay([payments(0, 10), payments(1, 10)]);
    shop.decide(null, shop.store(constant(1, { features: ['at'] })));
    await shop.run();
    expect(shop.scored().every(({ p }) => p === null)).toBe(true);
    expect(shop.events.filter(({ code }) => code === 'model_mismatch')).toHaveLength(1);
  });
});

describe('at_event_time', () => {
  const partitions = [payments(0, 1000), payments(1, 960), payments(2, 920)];

  async function withDecider<T>(work: () => Promise<T>): Promise<T> {
    const decider = new Decider(shop);
    const working = decider.work();
    try {
      return await work();
    } finally {
      decider.stop();
      await working;
    }
  }

  beforeEach(async () => {
    await shop.load(pipeline());
    shop.pay(partitions);
  });

  it.each([1, 37, 5000])('scores each record by the model of the boundary behind it, however records are fetched (%i at a time)', async (maxRecords) => {
    await withDecider(() => shop.run({ maxRecords }));
    expect(shop.scored()).toEqual(expected(partitions));
    expect(new Set(shop.scored().map(({ p }) => p)).size).toBeGreaterThan(7);
  });

  it.each([1, 2, 3, 4, 5, 6])('and wherever it dies (seed %i)', async (seed) => {
    deathsBy(seed);
    const deaths = await withDecider(() => untilDone(seed % 3 === 0 ? 0 : seed % 3 === 1 ? 5 : 1e9));
    expect(deaths).toBeGreaterThan(3);
    expect(shop.scored()).toEqual(expected(partitions));
  });

  it('takes nothing while a decision is out, says so once, stops when told, and goes on with it', async () => {
    const stop = new AbortController();
    // 5 s are 50 ms here
    const clock = { ...systemClock, monotonic: () => systemClock.monotonic() * 100 };
    const waiting = shop.run({ clock, signal: stop.signal, untilEnd: false });
    await expect.poll(() => shop.events.map(({ code }) => code)).toEqual(['waiting_for_model']);
    await new Promise((resolve) => setTimeout(resolve, 100));
    const before = shop.scored();
    // each partition up to the record that brought its watermark to the first boundary behind its first
    const first = partitions.flatMap((list) => {
      const boundary = (Math.floor((list[0].at - 5000) / MINUTE) + 1) * MINUTE;
      return list.slice(0, list.findIndex(({ at }) => at - 5001 >= boundary - 1) + 1);
    });
    expect(before.map(({ id }) => id)).toEqual(first.map(({ id }) => id).sort());
    expect(shop.events).toHaveLength(1);
    stop.abort();
    await waiting;
    await withDecider(() => shop.run());
    expect(shop.scored()).toEqual(expected(partitions));
  });

  it('a second run goes on with the models of the first, and waits for none behind what has ended', async () => {
    await withDecider(() => shop.run());
    const more = payments(3, 100).map((payment) => ({ ...payment, at: payment.at + 10 * MINUTE }));
    for (const payment of more) shop.append('payments', 0, JSON.stringify(payment));
    await withDecider(() => shop.run());
    const all = [[...partitions[0], ...more], partitions[1], partitions[2]];
    const least = Math.min(...partitions.slice(1).map((list) => Math.max(...list.map(({ at }) => at))));
    expect(shop.scored()).toEqual(expected(all, Math.floor((least - 5000) / MINUTE)));
  });
});

describe('at_event_time, to the end of inputs that end apart', () => {
  // in the second form the bridge is written behind an exchange
  it.each([
    pipeline(),
    pipeline().replace(
      '  outputs:\n    - { id: bridge,',
      '    - { id: recent, type: rolling, key: id, range: 1m, add: { n: "count(*)" } }\n  outputs:\n    - { id: bridge,',
    ),
  ])('waits for no decision that cannot come in this run (%#)', async (yaml) => {
    await shop.load(yaml);
    // the second ends within its second minute: the analyzer hears nothing of a later one before the run is over
    const partitions = [payments(0, 1000), payments(1, 150)];
    shop.pay(partitions);
    const decider = new Decider(shop);
    const working = decider.work();
    await shop.run();
    decider.stop();
    await working;
    const lastOf = Math.max(...(partitions[1] as Payment[]).map(({ at }) => at));
    expect(shop.scored()).toEqual(expected(partitions, Math.floor((lastOf - 5000) / MINUTE)));
  });
});

describe('at_event_time, behind an exchange with one writer', () => {
  const one = [payments(0, 1500)];
  const exchanged = pipeline().replace(
    '    - { id: live,',
    '    - { id: recent, type: rolling, key: id, range: 1m, add: { n: "count(*)" } }\n    - { id: live,',
  );

  it.each([
    [1, 0],
    [60, 1],
    [5000, 0],
    [5000, 2],
  ])('scores each record by the watermark it came with, whether or not word of that came before it (%i at a time, deaths by %i)', async (maxRecords, seed) => {
    await shop.load(exchanged);
    shop.pay(one);
    if (seed > 0) deathsBy(seed);
    const decider = new Decider(shop);
    const working = decider.work();
    for (let done = false; !done; )
      done = await shop.run({ maxRecords, every: seed > 1 ? 1e9 : 5 }).then(
        () => true,
        (error: Error) => {
          if (error.message !== 'killed') throw error;
          return false;
        },
      );
    decider.stop();
    await working;
    expect(shop.scored()).toEqual(expected(one));
  });
});
