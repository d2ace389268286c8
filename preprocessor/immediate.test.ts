import { rmSync } from 'node:fs';
import { defaultProfile, type Profile } from '@millrace/pipeline/profile.ts';
import { seededRandom } from '@millrace/runtime/random.ts';
import type { openMemory } from '@millrace/transport/memory.ts';
import { openOwner } from '@millrace/transport/owner.case.ts';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Bench, Deaths, disorder, each, type Input, killed, survive } from './immediate.case.ts';
import { Decider, expected, pipeline, Shop, START } from './swap.case.ts';
import { Journal } from './task/journal.ts';
import { type Left, ReadBack } from './task/left.ts';
import { Task } from './task/task.ts';

const schema = `
version: 1
name: sales
schemas:
  sale:
    type: record
    name: Sale
    fields: [ { name: id, type: string }, { name: shop, type: string }, { name: amount, type: long }, { name: at, type: long } ]
`;
const source = (id: string): string =>
  `{ id: ${id}, type: topic, topic: ${id}, format: json, schema: sale, event_time: { field: at, out_of_order: 2s, idle_after: 15ms } }`;
const T0 = 1_700_000_000_000;

function sales(topic: string, count: number, partitions: number, keys = 40, broken = true): Input[] {
  const random = seededRandom(count, partitions);
  return Array.from({ length: count }, (_, i) => {
    const at = T0 + i * 100 - random.below(3000);
    const value = JSON.stringify({ id: `s${i}`, shop: `shop${random.below(keys)}`, amount: random.below(100) - 10, at });
    return { topic, partition: random.below(partitions), value: broken && i % 41 === 5 ? `broken ${i}` : value };
  });
}

let bench: Bench;
afterEach(() => bench.close());

/** the steps at which one owner after the other dies; `aim`: of those whose name begins so */
type Try = readonly [lives: readonly number[], aim?: string];

/** `lives` of each try: dies at these steps, one after the other */
async function everyDeath(topics: readonly string[], inputs: readonly Input[], tries: Iterable<Try>, options: Parameters<Bench['go']>[1] = {}) {
  const calm = await bench.medium(inputs);
  await bench.go(calm);
  const expected = bench.left(calm);
  await each(bench, tries, async ([lives, aim = ''], own) => {
    const medium = await own.medium(inputs);
    const deaths = new Deaths(lives, seededRandom(lives[0] ?? 0, lives.length), aim);
    await survive(own, medium, deaths, options);
    const wrong = topics.flatMap((topic) => disorder(medium, topic));
    expect({ lives, died: deaths.died, wrong }).toEqual({ lives, died: deaths.died, wrong: [] });
    expect({ lives, died: deaths.died, left: own.left(medium) }).toEqual({ lives, died: deaths.died, left: expected });
    if (aim !== '') expect({ aim, died: deaths.died.length }).toEqual({ aim, died: lives.length });
    // a life longer than the run: all steps had their turn
    else if (deaths.died.length < lives.length && lives.length === 1) return 'enough';
    return 'on';
  });
  return expected;
}

function* steps(by: number): Generator<Try> {
  for (let step = 1; step < 2000; step += by) yield [[step]];
}

/** around everything that an owner does, at several of the times that it does it */
function* points(topics: readonly string[]): Generator<Try> {
  for (const side of ['before', 'behind'])
    for (const what of ['puts', 'commit', ...topics.map((topic) => `append ${topic}/`)]) for (const time of [1, 3]) yield [[time, time], `${side} ${what}`];
}

function* random(count: number, lives: number, least: number, span: number): Generator<Try> {
  for (let seed = 1; seed <= count; seed++) {
    const random = seededRandom(seed, 11);
    yield [Array.from({ length: lives }, () => least + random.below(span))];
  }
}

const chain = `${schema}
preprocess:
  sources: [${source('in')}]
  steps:
    - { id: positive, type: filter, where: "amount > 0" }
    - { id: windows, type: window, key: shop, window: { tumbling: 5s }, select: { n: "count(*)", total: "sum(amount)" } }
  outputs:
    - { id: plain, from: positive, topic: plain, key: shop }
    - { id: per_shop, from: windows, topic: per_shop, key: shop }
    - { id: lines, from: windows, type: file, path: windows.jsonl, format: json }
`;
const chainTopics = ['plain', 'per_shop', 'sales.dead'];
const chainInput = sales('in', 300, 3);

const merge = `${schema}
preprocess:
  sources: [${source('a')}, ${source('b')}]
  steps:
    - { id: both, type: map, from: [a, b], set: { cents: "amount * 100" } }
    - { id: windows, type: window, key: shop, window: { tumbling: 5s }, select: { n: "count(*)", total: "sum(cents)" } }
  outputs:
    - { id: plain, from: both, topic: plain, key: id }
    - { id: per_shop, from: windows, topic: per_shop, key: shop }
`;
const mergeInput = [...sales('a', 150, 2), ...sales('b', 170, 2)];

describe('records that leave at once', () => {
  it('stand once each, and all, wherever the owner dies: stages over exchanges, windows, dead letters, a file', async () => {
    bench = await new Bench(3, chainTopics, ['windows.jsonl']).load(chain);
    const expected = await everyDeath(chainTopics, chainInput, steps(7));
    expect(expected['per_shop']?.length).toBeGreaterThan(100);
    expect(expected['sales.dead']?.length).toBeGreaterThan(5);
    await everyDeath(chainTopics, chainInput, points(chainTopics));
  }, 240_000);

  it('the same with one death after the other, and with neither journal nor snapshots in between', async () => {
    bench = await new Bench(3, chainTopics, ['windows.jsonl']).load(chain);
    await everyDeath(chainTopics, chainInput, random(10, 6, 15, 50));
    const rare = { commitEvery: 1e9, every: 1e9 };
    await everyDeath(chainTopics, chainInput, random(15, 3, 30, 100), rare);
  }, 240_000);

  it('the same where the order of two inputs is a choice', async () => {
    const topics = ['plain', 'per_shop', 'sales.dead'];
    bench = await new Bench(2, topics).load(merge);
    await everyDeath(topics, mergeInput, steps(9));
    await everyDeath(topics, mergeInput, random(8, 3, 20, 80), { commitEvery: 1e9, every: 1e9 });
  }, 240_000);

  it('the same when 10,000 windows close at once', async () => {
    const topics = ['per_shop'];
    bench = await new Bench(2, topics).load(chain.replace(/\n.*id: plain.*/, '').replace(/\n.*id: lines.*/, ''));
    const keys = Array.from({ length: 10_000 }, (_, i) => ({
      topic: 'in',
      partition: i % 2,
      value: JSON.stringify({ id: 's', shop: `shop${i}`, amount: i + 1, at: T0 }),
    }));
    const last = [0, 1].map((partition) => ({ topic: 'in', partition, value: JSON.stringify({ id: 's', shop: 'last', amount: 1, at: T0 + 60_000 }) }));
    const expected = await everyDeath(topics, [...keys, ...last], random(8, 2, 20, 60), { maxRecords: 4000 });
    expect(expected['per_shop']).toHaveLength(10_002 - 1);
  }, 240_000);

  it('the same when a silent partition is found idle, with no end in sight', async () => {
    const topics = ['plain', 'per_shop'];
    bench = await new Bench(2, topics).load(chain.replace(/\n.*id: lines.*/, ''));
    // what partition 1 has to say is said early
    const inputs = [...sales('in', 200, 1, 20, false), { topic: 'in', partition: 1, value: JSON.stringify({ id: 'x', shop: 'shop1', amount: 5, at: T0 }) }];
    const until = async (owner: ReturnType<typeof openOwner>, medium: ReturnType<typeof openMemory>, rows: number, own = bench): Promise<void> => {
      const stop = new AbortController();
      const running = own.go(owner, { signal: stop.signal });
      const watch = setInterval(() => {
        if ((own.left(medium)['per_shop']?.length ?? 0) >= rows) setTimeout(() => stop.abort(), 60);
      }, 10);
      await running.finally(() => clearInterval(watch));
    };
    const calm = await bench.medium(inputs);
    await until(
      openOwner(calm, () => 0),
      calm,
      30,
    );
    const expected = bench.left(calm);
    const rows = expected['per_shop']?.length as number;
    expect(rows).toBeGreaterThan(30);
    let deaths = 0;
    const lives = Array.from({ length: 13 }, (_, i) => 4 + i * 6);
    await each(bench, lives, async (life, own) => {
      const medium = await own.medium(inputs);
      const of = new Deaths([life, life + 17], seededRandom(life));
      for (let over = false; !over; )
        over = await until(openOwner(medium, of.step), medium, rows, own).then(
          () => true,
          (error: Error) => {
            if (error.message !== killed) throw error;
            return false;
          },
        );
      deaths += of.died.length;
      expect({ life, died: of.died, wrong: topics.flatMap((topic) => disorder(medium, topic)) }).toEqual({ life, died: of.died, wrong: [] });
      expect({ life, died: of.died, left: own.left(medium) }).toEqual({ life, died: of.died, left: expected });
    });
    expect(deaths).toBeGreaterThan(15);
  }, 240_000);

  it('the same where models change at boundaries of event time', async () => {
    bench = new Bench(1, []);
    const partitions = [0, 1].map((partition) => {
      const random = seededRandom(5, partition);
      return Array.from({ length: 400 }, (_, i) => ({
        id: `${partition}-${String(i).padStart(5, '0')}`,
        amount: random.below(100),
        at: START + partition * 20_000 + i * 500 - random.below(9) * 1000,
      }));
    });
    let died = 0;
    await each(bench, [1, 2, 3, 4, 5, 6, 7, 8], async (seed) => {
      const shop = await new Shop().load(pipeline());
      shop.pay(partitions);
      const decider = new Decider(shop);
      const deciding = decider.work();
      const chance = seededRandom(seed, 3);
      const deaths = new Deaths(
        [0, 0, 0, 0].map(() => 20 + chance.below(80)),
        chance,
      );
      const kafka = { commitEvery: seed % 2 === 0 ? 5 : 1e9 } as NonNullable<Profile['transport']['kafka']>;
      const profile = { ...defaultProfile, transport: { type: 'memory' as const, partitions: 2, kafka }, checkpoint: { path: null, every: 15 } };
      for (let over = false; !over; )
        over = await shop.run({ transport: openOwner(shop.transport, deaths.step), maxRecords: 20, profile }).then(
          () => true,
          (error: Error) => {
            if (error.message !== killed) throw error;
            return false;
          },
        );
      decider.stop();
      await deciding;
      expect({ seed, died: deaths.died, wrong: disorder(shop.transport, 'enriched') }).toEqual({ seed, died: deaths.died, wrong: [] });
      died += deaths.died.length;
      expect(shop.scored()).toEqual(expected(partitions));
      rmSync(shop.dir, { recursive: true });
    });
    expect(died).toBeGreaterThan(8);
  }, 240_000);

  it('an owner that is taken over while it works appends nothing more', async () => {
    bench = await new Bench(3, chainTopics, ['windows.jsonl']).load(chain);
    const calm = await bench.medium(chainInput);
    await bench.go(calm);
    const expected = bench.left(calm);
    await each(bench, [10, 30, 50, 80, 120], async (at, own) => {
      const medium = await own.medium(chainInput);
      let steps = 0;
      let reached = (): void => {};
      const there = new Promise<void>((resolve) => {
        reached = resolve;
      });
      const zombie = own.go(
        openOwner(medium, () => {
          if (++steps === at) reached();
          return 2;
        }),
      );
      const ended = zombie.then(
        () => 'done',
        (error: { code?: string }) => error.code,
      );
      await Promise.race([there, ended]);
      await own.go(openOwner(medium, () => 1));
      expect(await ended).toBe('fenced');
      expect(chainTopics.flatMap((topic) => disorder(medium, topic))).toEqual([]);
      expect(own.left(medium)).toEqual(expected);
    });
  });

  it('goes over to transactions and back, with deaths in either', async () => {
    bench = await new Bench(3, chainTopics, ['windows.jsonl']).load(chain);
    const calm = await bench.medium(chainInput);
    await bench.go(calm);
    const expected = bench.left(calm);
    let both = 0;
    await each(bench, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], async (seed, own) => {
      const medium = await own.medium(chainInput);
      const chance = seededRandom(seed, 4);
      const alive = { commits: 0 };
      let [now, then] = [0, 0];
      for (let lives = 6; ; lives--) {
        const deaths = new Deaths(lives > 0 ? [20 + chance.below(60)] : [], chance);
        alive.commits = 3 + chance.below(8);
        const atOnce = (seed + lives) % 2 === 0;
        medium.afterCommit = () => {
          if (!atOnce && lives > 0 && --alive.commits === 0) throw new Error(killed);
        };
        try {
          await own.go(atOnce ? openOwner(medium, deaths.step) : medium, { every: seed % 3 === 0 ? 1e9 : 20 });
          break;
        } catch (error) {
          if ((error as Error).message !== killed) throw error;
          if (atOnce) now++;
          else then++;
        }
      }
      if (now > 0 && then > 0) both++;
      expect({ seed, wrong: chainTopics.flatMap((topic) => disorder(medium, topic)) }).toEqual({ seed, wrong: [] });
      expect({ seed, left: own.left(medium) }).toEqual({ seed, left: expected });
    });
    expect(both).toBeGreaterThan(6);
  }, 120_000);

  it('says what is lost when a topic ends before the place that its snapshot saw', async () => {
    bench = await new Bench(3, chainTopics, ['windows.jsonl']).load(chain);
    const medium = await bench.medium(chainInput);
    await bench.go(openOwner(medium, () => 0));
    const [key, value] = [...medium.ledger.entries('p/sales/t/')].find(([name, value]) => name.endsWith('/ends') && Buffer.from(value).includes('"plain"')) as [
      string,
      Uint8Array,
    ];
    const saved = JSON.parse(Buffer.from(value).toString()) as { ends: Record<string, number[]> };
    (saved.ends['plain'] as number[])[1] = 1000;
    medium.commit({ appenders: [], puts: [[key, Buffer.from(JSON.stringify(saved))]] });
    await expect(bench.go(openOwner(medium, () => 0))).rejects.toMatchObject({ code: 'records_gone', message: expect.stringContaining('plain/1') as string });
  });
});

describe('a planted bug turns the same deaths red', () => {
  const rare = { commitEvery: 1e9, every: 1e9 };
  afterEach(() => vi.restoreAllMocks());

  async function found(yaml = chain, inputs = chainInput): Promise<string> {
    bench = await new Bench(3, chainTopics, yaml === chain ? ['windows.jsonl'] : []).load(yaml);
    return everyDeath(chainTopics, inputs, random(25, 3, 30, 100), rare).then(
      () => 'green',
      (error: Error) => error.message,
    );
  }

  it('choices and heartbeats before what had left is made again', async () => {
    vi.spyOn(Task.prototype, 'behind', 'get').mockReturnValue(false);
    expect(await found()).not.toBe('green');
  }, 120_000);

  it('what had left is off by one', async () => {
    const { read } = ReadBack.prototype;
    const want = vi.spyOn(ReadBack.prototype, 'want');
    vi.spyOn(ReadBack.prototype, 'read').mockImplementation(async function (this: ReadBack, ends) {
      await read.call(this, ends);
      for (const { value } of want.mock.results.splice(0))
        for (const [p, seq] of (value as Left).seqs.entries()) (value as Left).seqs[p] = Math.max(0, seq - 1);
    });
    expect(await found()).not.toBe('green');
  }, 120_000);

  it('what a choice made leaves before its journal', async () => {
    vi.spyOn(Journal.prototype, 'chosen', 'get').mockReturnValue(false);
    expect(await found(merge, mergeInput)).not.toBe('green');
  }, 120_000);
});
