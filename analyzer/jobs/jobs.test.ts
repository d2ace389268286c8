/** Batches in parts, over a board that forgets, repeats itself and is late: everything is, to the byte, what it is when the analyzer does all by itself. */
import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '@millrace/runtime/clock.ts';
import { MillraceError } from '@millrace/runtime/errors.ts';
import { type Random, seededRandom } from '@millrace/runtime/random.ts';
import { describe, expect, it } from 'vitest';
import type { Harness } from '../harness.case.ts';
import type { OpenJobs } from '../open.ts';
import { shops, shopYaml } from '../shop.case.ts';
import type { Board, Posted } from './board.ts';
import { JobReading } from './job-reading.ts';
import { decodeJob, partName } from './part.ts';
import { PartFiles } from './part-files.ts';
import { PartWorker } from './part-worker.ts';
import { workOn } from './work.ts';

const yaml = shopYaml(
  `  queries:
    - { id: per_shop, type: aggregate, from: sales, where: "amount > 0", group_by: [shop], window: { tumbling: 10s }, watermark: bridge, select: { n: "count(*)", total: "sum(amount)", first: "first(code)", top: "arg_max(code, amount)", spread: "stddev_pop(amount)" } }
    - { id: coded, type: aggregate, from: sales, group_by: [shop], mode: update, select: { n: "count(*)", codes: "sum(CAST(code AS BIGINT))" } }
    - { id: all_time, type: aggregate, from: sales, group_by: [shop, fraud], window: { sliding: 8s, every: 4s }, mode: complete, select: { n: "count(*)", last: "last(amount)" } }
    - { id: delayed, type: aggregate, from: sales, group_by: [shop], window: { tumbling: 10s }, watermark: 3s, select: { n: "count(*)", least: "min(code)" } }
    - { id: big, type: sql, from: sales, sql: "SELECT shop, amount * 2 AS twice, len(tags) AS tags FROM sales WHERE amount > 90" }
    - { id: scored, type: score, from: sales, model: fraud, as: p }
    - { id: likely, type: aggregate, from: scored, where: "p > 0.5", select: { n: "count(*)", p: "avg(p)" }, mode: update }
    - { id: seen, type: aggregate, from: notes, window: { sliding: 4s, every: 2s }, watermark: 1s, select: { n: "count(*)" } }
  sinks:
    - { id: windows, from: per_shop, type: file, path: windows.jsonl, format: json }
    - { id: codes, from: coded, type: topic, topic: codes }
    - { id: ever, from: all_time, type: file, path: ever.csv, format: csv }
    - { id: delays, from: delayed, type: topic, topic: delays }
    - { id: tops, from: big, type: topic, topic: tops }
    - { id: all, from: sales, type: topic, topic: all, key: shop }
    - { id: odd, from: sales, where: "CAST(code AS BIGINT) % 2 = 1", type: file, path: odd.jsonl, format: json }
    - { id: scores, from: scored, where: "p > 0.2", type: topic, topic: scores }
    - { id: likely_out, from: likely, type: topic, topic: likely }
    - { id: notes_out, from: seen, type: topic, topic: seen }
models:
  fraud: { type: logistic_regression, features: [amount], label: { field: fraud }, train: { from: sales, window: 60s, every: 60s } }
`,
  {
    sale: '{ name: shop, type: ["null", string] }, { name: amount, type: double }, { name: code, type: string }, { name: fraud, type: boolean }, { name: tags, type: { type: array, items: string } }',
  },
);

const made = shops();
const shop = (): Promise<Harness> => made(yaml, 3);

/** with NULL keys, texts that are no numbers, records that are none, rows that come late */
function sell(to: Harness, count: number, seed: number, from: number): void {
  const random = seededRandom(seed);
  for (let i = 0; i < count; i++) {
    const t = from + i * 500 - (random.below(20) === 0 ? 20_000 : 0);
    const amount = Math.round(random.uniform() * 110_000) / 1000 - 10;
    const shop = random.below(12) === 0 ? null : `shop${random.below(3)}`;
    const code = random.below(15) === 0 ? 'none' : String(random.below(100));
    const row = { shop, amount, code, fraud: amount + random.below(60) > 100, tags: Array.from({ length: random.below(3) }, (_, n) => `tag${n}`) };
    to.write('sales', random.below(3), [{ t, row }], i % 2, from + i * 500 - 1000);
    if (i % 20 === 19) for (const writer of [0, 1]) to.heartbeat('sales', from + i * 500 - 500, 'watermark', writer);
  }
  for (let i = 0; i < count / 4; i++) to.write('notes', i % 3, [{ t: 0, row: { id: i, at: from + i * 700 } }]);
  to.raw('notes', 1, 'broken');
}

/** Everything there is: topics with their headers, files, and the checkpoint. An exact sum of doubles may be saved as other doubles of the same sum; `jobs` tells epochs. */
function left(of: Harness): Record<string, unknown> {
  const topics = ['codes', 'delays', 'tops', 'all', 'scores', 'likely', 'seen', 'shop.dead', 'shop.models'];
  const state = [...of.transport.ledger.entries('analyze/')]
    .filter(([key]) => /\/(state|core|commits|offsets)/.test(key) && !/\/state\/(per_shop|likely)\/p/.test(key))
    .map(([key, value]) => [key, Buffer.from(value).toString(key.includes('/state/') ? 'hex' : 'utf8')]);
  return {
    ...Object.fromEntries(topics.map((topic) => [topic, of.topic(topic)])),
    windows: of.lines('windows.jsonl'),
    ever: of.lines('ever.csv'),
    odd: of.lines('odd.jsonl'),
    state,
  };
}

/** what batches reported, but for times and room: a part is merged from a cell of its own */
function reports({ batches }: Harness): unknown[] {
  return batches.map(({ numInputRows, stateOperators, sinks }) => [numInputRows, stateOperators.map((each) => ({ ...each, memoryUsedBytes: 0 })), sinks]);
}

/** How a board treats the jobs it is given. */
interface Whims {
  /** the jobs are done, in this order and as often as they stand here; the rest is never done */
  order(jobs: readonly Posted[]): readonly Posted[];
  /** what it says then; null: nothing, ever */
  says(): 'done' | 'lost' | null;
}

/** Jobs as over Redis, but the workers are in this process and the board does as it likes. */
function jobsOver(whims: Whims, seen: { batches: number; jobs: number }): OpenJobs {
  return async ({ dataDir, plan, signal }) => {
    const files = new PartFiles(dataDir, plan.name);
    let reading: JobReading | null = null;
    return {
      claim: () => Promise.reject(new Error('memory has no claims')),
      fitting: (here) => here,
      async reading(parts, registry, listened) {
        const { epoch } = await parts.checkpoint.takeEpoch('test');
        const newWorker = (): PartWorker =>
          new PartWorker({ plan: plan.analyze, expressions: {}, log: parts.transport.log, registry, listened, model: (hash) => parts.models.byHash(hash) });
        const workers = [newWorker(), newWorker()].map((worker) => workOn({ checkpoint: parts.checkpoint, files, worker }));
        const board: Board = {
          away: false,
          async batch(_, jobs) {
            seen.batches++;
            for (const { data } of whims.order(jobs)) await workers[seen.jobs++ % 2]?.(data, false, () => {});
            return whims.says() ?? new Promise(() => {});
          },
          single: () => Promise.reject(new Error('no fits here')),
          over: () => {},
          close: async () => {},
        };
        reading = new JobReading({ ...parts, plan: plan.analyze, epoch, listened, board, files, worker: newWorker(), signal });
        return reading;
      },
      close: async () => reading?.close(),
    };
  };
}

function whimsical(random: Random): Whims {
  return {
    order(jobs) {
      const all = jobs.flatMap((job) => Array.from({ length: random.below(10) === 0 ? 0 : 1 + random.below(2) }, () => job));
      for (let i = all.length - 1; i > 0; i--) {
        const j = random.below(i + 1);
        [all[i], all[j]] = [all[j] as Posted, all[i] as Posted];
      }
      return all;
    },
    says: () => (random.below(3) === 0 ? 'lost' : 'done'),
  };
}

const ROUNDS = [
  { count: 90, from: Date.UTC(2024, 0, 1) },
  { count: 150, from: Date.UTC(2024, 0, 1) + 45_000 },
  { count: 60, from: Date.UTC(2024, 0, 1) + 120_000 },
];

describe('parts', () => {
  it.each([1, 2, 3, 4])('leave what the inline run leaves, seed %i', async (seed) => {
    const random = seededRandom(seed);
    const [inline, parted] = [await shop(), await shop()];
    const clock = { ...systemClock, now: () => 1_700_000_000_000 };
    const seen = { batches: 0, jobs: 0 };
    for (const [round, { count, from }] of ROUNDS.entries()) {
      for (const harness of [inline, parted]) sell(harness, count, seed * 10 + round, from);
      const maxRecords = [15, 60, 1000][random.below(3)] as number;
      await inline.run({ clock, maxRecords });
      await parted.run({ clock, maxRecords }, undefined, jobsOver(whimsical(random), seen));
      expect(left(parted)).toEqual(left(inline));
      expect(reports(parted)).toEqual(reports(inline));
    }
    expect(seen.jobs).toBeGreaterThan(seen.batches);
    expect(inline.topic('shop.dead').length).toBeGreaterThan(20);
    expect(inline.topic('scores').length).toBeGreaterThan(20);
  });

  it('are seen when they are there, though nobody ever says so', async () => {
    const [inline, parted] = [await shop(), await shop()];
    const clock = { ...systemClock, now: () => 1_700_000_000_000 };
    for (const harness of [inline, parted]) sell(harness, 60, 1, ROUNDS[0].from);
    await inline.run({ clock });
    await parted.run({ clock }, undefined, jobsOver({ order: (jobs) => jobs, says: () => null }, { batches: 0, jobs: 0 }));
    expect(left(parted)).toEqual(left(inline));
  });

  it('that never come though they are said to be done end the run, by name', async () => {
    const harness = await shop();
    sell(harness, 20, 1, 0);
    const failure = await harness
      .run({}, undefined, jobsOver({ order: () => [], says: () => 'done' }, { batches: 0, jobs: 0 }))
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(MillraceError);
    expect((failure as MillraceError).code).toBe('parts_missing');
    expect(harness.topic('all')).toEqual([]);
  });

  it('that fail end the run as inline', async () => {
    const text = yaml.replace('key: shop }', 'key: shop }').replace('path: odd.jsonl, format: json }', 'path: odd.jsonl, format: json, on_error: fail }');
    const [inline, parted] = [await made(text, 3), await made(text, 3)];
    for (const harness of [inline, parted]) sell(harness, 60, 1, ROUNDS[0].from);
    const of = async (run: Promise<unknown>): Promise<string> =>
      run.then(
        () => 'none',
        (error: MillraceError) => `${error.code} ${error.message}`,
      );
    const wanted = await of(inline.run());
    expect(wanted).toMatch(/^record_failed odd/);
    expect(await of(parted.run({}, undefined, jobsOver({ order: (jobs) => jobs, says: () => 'done' }, { batches: 0, jobs: 0 })))).toBe(wanted);
  });

  it('that are damaged are made again, and those of batches that are over are gone', async () => {
    const [inline, parted] = [await shop(), await shop()];
    const clock = { ...systemClock, now: () => 1_700_000_000_000 };
    for (const harness of [inline, parted]) sell(harness, 60, 1, ROUNDS[0].from);
    await inline.run({ clock });
    const files = new PartFiles(`${parted.dir}/data`, 'shop');
    const names: [number, string][] = [];
    const damaging: Whims = {
      order(jobs) {
        for (const { data } of jobs) {
          const job = decodeJob(data);
          const name = partName(job);
          if (names.some(([, known]) => known === name)) continue;
          names.push([job.batch, name]);
          files.write(job.batch, name, Buffer.from('a part'));
          truncateSync(join(parted.dir, 'data', 'jobs', 'shop', String(job.batch), name), 7);
        }
        return jobs;
      },
      says: () => 'done',
    };
    await parted.run({ clock }, undefined, jobsOver(damaging, { batches: 0, jobs: 0 }));
    expect(left(parted)).toEqual(left(inline));
    expect(names.length).toBeGreaterThan(3);
    for (const [batch, name] of names) expect(files.has(batch, name)).toBe(false);
  });
});
