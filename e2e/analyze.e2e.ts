import { existsSync, globSync } from 'node:fs';
import { basename, join } from 'node:path';
import { openDuckdb } from '@millrace/runtime/duckdb.ts';
import { seededRandom } from '@millrace/runtime/random.ts';
import { describe, expect, test } from 'vitest';
import { workshop } from './support/workshop.ts';

interface Sale {
  readonly shop: string;
  readonly amount: number;
  readonly at: number;
}

const START = 1_532_736_000_000;
const MINUTE = 60_000;
/** how far sales come out of order, ms */
const JITTER = 5_000;

function sales(count: number, seed: number, from = START): Sale[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, i) => ({
    shop: `shop ${random.below(4)}`,
    amount: random.below(10_000) / 4,
    at: from + i * 700 + random.below(JITTER),
  }));
}

const lines = (rows: readonly object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

const pipeline = (queries: string, sinks: string, trigger = 'every: 0s, max_records: 60'): string => `
version: 1
name: shops
schemas:
  sale: { type: record, name: Sale, fields: [{ name: shop, type: string }, { name: amount, type: double }, { name: at, type: long }] }
preprocess:
  sources:
    - { id: in, type: file, path: in.jsonl, format: json, schema: sale, event_time: { field: at, out_of_order: 6s } }
  outputs:
    - { id: bridge, topic: sales, schema: sale, key: shop }
analyze:
  trigger: { ${trigger} }
  sources:
    - { id: sales, output: bridge }
  queries:
${queries}
  sinks:
${sinks}
`;

const MINUTES =
  '    - { id: minutes, type: aggregate, from: sales, group_by: [shop], window: { tumbling: 1m }, watermark: bridge, select: { n: "count(*)", total: "sum(amount)" } }';
const TOTALS = '    - { id: totals, type: aggregate, from: sales, group_by: [shop], mode: complete, select: { n: "count(*)", total: "sum(amount)" } }';
const CHANGES = '    - { id: changes, type: aggregate, from: sales, group_by: [shop], mode: update, select: { n: "count(*)", total: "sum(amount)" } }';

interface Count {
  shop: string;
  n: number;
  total: number;
}

/** sums by hand, of the sales and of each shop's minutes */
function totalsOf(rows: readonly Sale[]): Map<string, Count> {
  const totals = new Map<string, Count>();
  for (const { shop, amount } of rows) {
    const total = totals.get(shop) ?? { shop, n: 0, total: 0 };
    totals.set(shop, { shop, n: total.n + 1, total: total.total + amount });
  }
  return totals;
}

function minutesOf(rows: readonly Sale[]): object[] {
  const byMinute = Map.groupBy(rows, ({ at }) => Math.floor(at / MINUTE) * MINUTE);
  return [...byMinute].flatMap(([start, inIt]) => [...totalsOf(inIt).values()].map((total) => ({ ...total, window_start: start, window_end: start + MINUTE })));
}

const sorted = (rows: readonly object[]): string[] => rows.map((row) => JSON.stringify(row)).sort();

describe('queries and sinks', () => {
  const shop = workshop();

  async function parquet(directory: string): Promise<Record<string, unknown>[]> {
    const paths = globSync(`${directory}/**/*.parquet`, { cwd: shop.path }).map((path) => join(shop.path, path));
    const duckdb = await openDuckdb({ allowedPaths: paths });
    const { columns, rows } = await duckdb.query(`SELECT * FROM read_parquet([${paths.map((path) => `'${path}'`).join()}], hive_partitioning = true)`);
    duckdb.close();
    return rows.map((row) => Object.fromEntries(columns.map(({ name }, i) => [name, row[i]])));
  }

  const everySink = pipeline(
    [
      MINUTES,
      TOTALS,
      CHANGES,
      `    - { id: big, type: sql, from: sales, sql: "SELECT shop, amount, CAST(amount * 2 AS DECIMAL(12,2)) AS twice FROM sales WHERE amount > 2000" }`,
    ].join('\n'),
    `    - { id: minutes_json, from: minutes, type: file, path: out/minutes.jsonl, format: json }
    - { id: minutes_topic, from: minutes, type: topic, topic: minutes, key: shop }
    - { id: totals_csv, from: totals, type: file, path: out/totals.csv, format: csv }
    - { id: totals_parquet, from: totals, type: file, path: out/totals, format: parquet }
    - { id: changed, from: changes, where: "n > 0", type: file, path: out/changed.jsonl, format: json }
    - { id: archive, from: big, type: file, path: out/big, format: parquet, partition_by: shop }
    - { id: raw, from: sales, type: file, path: out/raw, format: csv, partition_by: [shop] }
    - { id: screen, from: minutes, type: console, limit: 2 }`,
  );

  async function expectResults(of: readonly Sale[]): Promise<void> {
    expect(sorted(shop.rows('out/minutes.jsonl'))).toEqual(sorted(minutesOf(of)));
    expect(sorted((await shop.cat('minutes')).map(({ value }) => value as object))).toEqual(sorted(minutesOf(of)));
    const totals = totalsOf(of);
    const [header, ...records] = shop.text('out/totals.csv').trimEnd().split('\n');
    expect(header).toBe('shop,n,total');
    expect(records.sort()).toEqual([...totals.values()].map(({ shop: name, n, total }) => `${name},${n},${total}`).sort());
    expect(sorted(await parquet('out/totals'))).toEqual(sorted([...totals.values()]));
    // the last of each shop's changes is what it came to
    const changed = new Map(shop.rows('out/changed.jsonl').map((row) => [row.shop, row]));
    expect(sorted([...changed.values()])).toEqual(sorted([...totals.values()]));
    const big = of.filter(({ amount }) => amount > 2000);
    const archived = await parquet('out/big');
    expect(sorted(archived.map(({ shop: name, amount, twice }) => ({ shop: name, amount, twice: Number(twice) / 100 })))).toEqual(
      sorted(big.map(({ shop: name, amount }) => ({ shop: name, amount, twice: amount * 2 }))),
    );
    const raw = globSync('out/raw/*/*.csv', { cwd: shop.path }).flatMap((path) => {
      const [columns, ...rows] = shop.text(path).trimEnd().split('\n');
      expect(columns).toBe('amount,at');
      const [name] = /(?<=shop=)[^/]*/.exec(path) as RegExpExecArray;
      return rows.map((row) => `${decodeURIComponent(name)},${row}`);
    });
    expect(raw.sort()).toEqual(of.map(({ shop: name, amount, at }) => `${name},${amount},${at}`).sort());
  }

  test('hold what sums by hand come to, and nothing more after a second run', async () => {
    const input = sales(1000, 1);
    shop.put('p.yaml', everySink);
    shop.put('in.jsonl', lines(input));
    const { code, stdout, stderr } = await shop.call(['run', 'p.yaml', '--until', 'end', '--data-dir', 'data']);
    expect([code, stderr]).toEqual([0, '']);
    await expectResults(input);
    expect(stdout).toMatch(/Batch \d+ of screen\nshop +n +total +window_start +window_end\n/);
    expect(stdout).toMatch(/… and \d+ more\n/);
    expect(globSync('out/**/.*', { cwd: shop.path }).filter((path) => basename(path) !== '.')).toEqual([]);
    await shop.run();
    await expectResults(input);
  });

  test('begin anew on a fresh data directory', async () => {
    shop.put('p.yaml', everySink);
    shop.put('in.jsonl', lines(sales(500, 2)));
    await shop.run();
    const other = sales(200, 3);
    shop.put('in.jsonl', lines(other));
    await shop.run('--data-dir', 'data2');
    const rows = shop.rows('out/minutes.jsonl');
    expect(sorted(rows)).toEqual(sorted(minutesOf(other)));
    expect(sorted(await parquet('out/totals'))).toEqual(sorted([...totalsOf(other).values()]));
  });

  test('hold the same when the run is killed time and again', async () => {
    const input = sales(6000, 4);
    shop.put('p.yaml', everySink);
    shop.put('in.jsonl', lines(input));
    let kills = 0;
    for (const ms of [350, 450, 550, 650, 500, 400, 600, 700]) {
      const run = shop.start(['run', 'p.yaml', '--until', 'end', '--data-dir', 'data']);
      const end = await Promise.race([run.finished, new Promise<null>((resolve) => setTimeout(() => resolve(null), ms))]);
      if (end !== null) break;
      if ((await run.kill()).signal === 'SIGKILL') kills++;
    }
    await shop.run();
    expect(kills).toBeGreaterThan(0);
    await expectResults(input);
  });

  test('say so when a file of theirs was cut', async () => {
    shop.put('p.yaml', pipeline(MINUTES, '    - { id: out, type: file, path: out.csv, format: csv }'));
    shop.put('in.jsonl', lines(sales(300, 5)));
    await shop.run();
    shop.put('out.csv', 'shop,n');
    const { code, stderr } = await shop.refuse();
    expect([code, stderr]).toEqual([1, expect.stringContaining('sink_truncated')]);
    expect(shop.text('out.csv')).toBe('shop,n');
  });

  test('go on where they ended: a window that the end closed comes again with everything in it', async () => {
    const rows = [0, 10_000, 70_000].map((t) => ({ shop: 'a', amount: 1, at: START + t }));
    shop.put('p.yaml', pipeline(MINUTES, '    - { id: out, type: file, path: out.jsonl, format: json }'));
    shop.put('in.jsonl', lines(rows));
    await shop.run();
    const first = shop.rows('out.jsonl');
    expect(first.map(({ n, total }) => [n, total])).toEqual([
      [2, 2],
      [1, 1],
    ]);
    shop.put('in.jsonl', lines([...rows, { shop: 'a', amount: 4, at: START + 80_000 }]));
    await shop.run();
    expect(shop.rows('out.jsonl')).toEqual([...first, { shop: 'a', n: 2, total: 5, window_start: START + MINUTE, window_end: START + 2 * MINUTE }]);
  });

  test('available_now and once end by themselves', async () => {
    for (const trigger of ['available_now', 'once']) {
      shop.put('p.yaml', pipeline(TOTALS, '    - { id: out, type: file, path: out.jsonl, format: json }').replace('{ every: 0s, max_records: 60 }', trigger));
      const input = sales(200, 6);
      shop.put('in.jsonl', lines(input));
      await shop.run('--data-dir', trigger, '--only', 'preprocess');
      expect(existsSync(join(shop.path, 'out.jsonl')) && shop.rows('out.jsonl').length > 0).toBe(false);
      const { code } = await shop.call(['run', 'p.yaml', '--only', 'analyze', '--data-dir', trigger]);
      expect(code).toBe(0);
      expect(sorted(shop.rows('out.jsonl'))).toEqual(sorted([...totalsOf(input).values()]));
      shop.put('out.jsonl', '');
    }
  });

  test('are refused where Structured Streaming refuses them', async () => {
    const lint = async (queries: string): Promise<string[]> => {
      shop.put('p.yaml', pipeline(queries, '    - { id: out, type: console }'));
      const { stdout } = await shop.call(['lint', 'p.yaml', '--json']);
      const { findings } = JSON.parse(stdout) as { findings: { severity: string; code: string; line: number }[] };
      return findings.filter(({ severity }) => severity === 'error').map(({ code }) => code);
    };
    expect(await lint(MINUTES)).toEqual([]);
    expect(await lint(MINUTES.replace(', watermark: bridge', ''))).toEqual(['missing_watermark']);
    expect(await lint(CHANGES.replace('update', 'append'))).not.toEqual([]);
    expect(await lint(TOTALS.replace('aggregate', 'agregate'))).not.toEqual([]);
  });
});
