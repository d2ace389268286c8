import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { called, tempDir } from './millrace.case.ts';

const dir = tempDir();
const PIPELINE = `version: 1
name: both
schemas:
  order: { type: record, name: Order, fields: [{ name: id, type: long }, { name: shop, type: string }, { name: at, type: long }] }
preprocess:
  sources:
    - { id: orders, type: file, path: in.jsonl, format: json, schema: order, event_time: { field: at } }
  outputs:
    - { id: bridge, topic: orders.clean, schema: order, key: shop }
analyze:
  trigger: { every: 0s }
  sources: [{ id: clean, output: bridge }]
  queries:
    - { id: per_shop, type: aggregate, group_by: [shop], window: { tumbling: 1s }, watermark: bridge, select: { n: "count(*)" }, mode: append }
  sinks:
    - { id: rows, type: file, path: rows.jsonl, format: json }
`;
const rows = (): string[] => readFileSync(join(dir.path, 'rows.jsonl'), 'utf8').trim().split('\n').sort();
const lines = (...orders: [id: number, shop: string, at: number][]): string => orders.map(([id, shop, at]) => `${JSON.stringify({ id, shop, at })}\n`).join('');
const run = (...args: string[]) => called(dir.path, ['run', 'p.yaml', ...args]);

function setUp(): void {
  writeFileSync(join(dir.path, 'p.yaml'), PIPELINE);
  writeFileSync(join(dir.path, 'in.jsonl'), lines([1, 'a', 100], [2, 'b', 200], [3, 'a', 900], [4, 'a', 1100]));
}

test.each([[[]], [['--profile', 'memory.yaml']]])('both stages run to the end of the input, %j', async (profile) => {
  setUp();
  writeFileSync(join(dir.path, 'memory.yaml'), 'transport: { type: memory }\n');
  const { code, stdout } = await run('--until', 'end', ...profile);
  expect(code).toBe(0);
  expect(stdout).toMatch(/4 records in.*; 4 rows in \d+ batch/);
  expect(stdout).toMatch(/^ {2}rows +3 {2}file rows\.jsonl$/m);
  expect(rows()).toEqual([
    '{"shop":"a","n":1,"window_start":1000,"window_end":2000}',
    '{"shop":"a","n":2,"window_start":0,"window_end":1000}',
    '{"shop":"b","n":1,"window_start":0,"window_end":1000}',
  ]);
});

test('one stage at a time comes to the same, and to nothing more when nothing is new', async () => {
  setUp();
  expect((await run('--until', 'end', '--only', 'preprocess')).stdout).not.toContain('batch');
  const first = await run('--until', 'end', '--only', 'analyze');
  expect(first.stdout).toMatch(/4 records in/);
  expect(rows()).toHaveLength(3);
  expect((await run('--until', 'end')).code).toBe(0);
  expect(rows()).toHaveLength(3);
  appendFileSync(join(dir.path, 'in.jsonl'), lines([5, 'b', 1200]));
  expect((await run('--until', 'end')).code).toBe(0);
  expect(rows()).toHaveLength(4);
});

test('batches are documents of their own, and a failing stage ends the other', async () => {
  setUp();
  const { stdout } = await run('--until', 'end', '--json');
  const documents = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(documents.filter(({ event }) => event === 'batch').reduce((sum, { numInputRows }) => sum + numInputRows, 0)).toBe(4);
  expect(documents.at(-1)).toMatchObject({ event: 'done', records_in: 4, analyze: { rows_in: 4, rows_out: { rows: 3 } } });
  appendFileSync(join(dir.path, 'in.jsonl'), lines([6, 'b', 5000]));
  writeFileSync(join(dir.path, 'rows.jsonl'), '');
  const failed = await run();
  expect(failed.code).toBe(1);
  expect(failed.stderr).toContain('sink_truncated');
});
