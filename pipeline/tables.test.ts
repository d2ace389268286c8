import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { brief, load, pipeline, planOf, unmark } from './load.case.ts';
import type { TablePlan } from './plan.ts';
import { loadTable, sniffTable } from './tables.ts';

const directory = mkdtempSync(join(tmpdir(), 'millrace-tables-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

const merchants = 'merchant_id,risk,category,since,odd name\n1,0.5,"a, b",2024-01-01,x\n2,,,,\n,0.1,c,,\n';

test('a CSV: types as sniffed, rows by key, empty is NULL, a NULL key is never found', async () => {
  const path = file('merchants.csv', merchants);
  const columns = await sniffTable(path, ['merchant_id'], null);
  expect(columns.map(({ name, type }) => `${name} ${type.kind}`)).toEqual(['merchant_id BIGINT', 'risk DOUBLE', 'category VARCHAR', 'since DATE']);
  const rows = await loadTable({ id: 'm', path, key: ['merchant_id'], columns }, Buffer.from(merchants));
  expect([...rows].map(([key, row]) => [key, { ...row }])).toEqual([
    ['1', { merchant_id: 1, risk: 0.5, category: 'a, b', since: 19723 }],
    ['2', { merchant_id: 2, risk: null, category: null, since: null }],
  ]);
});

test('a later version keeps the types of the plan, and one that does not fit is an error that names the table', async () => {
  const table: TablePlan = {
    id: 'm',
    path: '/anywhere/m.csv',
    key: ['k'],
    columns: [
      { name: 'k', type: { kind: 'VARCHAR' } },
      { name: 'v', type: { kind: 'BIGINT' } },
    ],
  };
  const rows = await loadTable(table, Buffer.from('v,k\n7,01\n'));
  expect([...rows.keys()]).toEqual(['01']);
  await expect(loadTable(table, Buffer.from('k,v\na,x\n'))).rejects.toMatchObject({
    code: 'bad_table',
    message: expect.stringMatching(/^table m \(.*m\.csv\): /),
  });
  await expect(loadTable(table, Buffer.from('k,v\na,1\na,2\n'))).rejects.toMatchObject({ message: expect.stringContaining('two rows have the key a') });
});

test('JSON lines, with a key of two columns', async () => {
  const text = '{"a":1,"b":"x","tags":["p","q"]}\n{"a":1,"b":"y","tags":null}\n';
  const path = file('t.jsonl', text);
  const columns = await sniffTable(path, ['a', 'b'], null);
  const rows = await loadTable({ id: 't', path, key: ['a', 'b'], columns }, Buffer.from(text));
  expect([...rows].map(([key, row]) => [key, row.tags])).toEqual([
    ['[1,"x"]', ['p', 'q']],
    ['[1,"y"]', null],
  ]);
});

test.for([
  ['no such column', 'a,b\n1,2\n', ['c'], /no column c; it has a, b/],
  ['a key twice', 'a,b\n1,2\n1,3\n', ['a'], /two rows have the key 1/],
  ['nothing in it', '', ['a'], /./],
] as const)('refused: %s', async ([name, text, key, message]) => {
  await expect(sniffTable(file(`${name}.csv`, text), key, null)).rejects.toMatchObject({ code: 'bad_table', message: expect.stringMatching(message) });
});

const out = '  outputs:\n    - { id: out, topic: out }\n';
const lookup = (rest: string, table = '{ file: merchants.csv, key: merchant_id }'): string =>
  `${pipeline(`  steps:\n    - { id: l, type: lookup, table: merchants, ${rest} }\n${out}`)}tables: { merchants: ${table} }\n`;

test('a lookup adds columns that may be NULL', async () => {
  const plan = await planOf(lookup('on: merchant_id, add: [risk, category]'), { files: { 'merchants.csv': merchants } });
  const node = plan.stages[0].nodes[0];
  expect(node.columns.slice(-2)).toEqual([
    { name: 'risk', type: { kind: 'DOUBLE' }, nullable: true, slot: 'risk' },
    { name: 'category', type: { kind: 'VARCHAR' }, nullable: true, slot: 'category' },
  ]);
  expect(node).toMatchObject({
    on: [{ slot: 'merchant_id' }],
    add: [
      { column: 'risk', slot: 'risk' },
      { column: 'category', slot: 'category' },
    ],
    missing: 'null',
  });
  expect(plan.tables).toMatchObject([{ id: 'merchants', key: ['merchant_id'] }]);
});

test.for([
  ['a column that the table lacks', lookup('on: merchant_id, add: [▸risc]'), 'unknown_column'],
  ['a column that is there already', lookup('on: merchant_id, add: [▸merchant_id]'), 'duplicate_column'],
  ['a key of another type', lookup('on: ▸card_id, add: [risk]'), 'type_error'],
  ['a key of too many columns', lookup('on: [▸merchant_id, card_id], add: [risk]'), 'type_error'],
  ['a file that is not there', lookup('on: merchant_id, add: [risk]', '{ file: ▸nope.csv, key: merchant_id }'), 'unreadable_file'],
  ['a file of no known kind', lookup('on: merchant_id, add: [risk]', '{ file: ▸pipeline.yaml, key: merchant_id }'), 'bad_table'],
  ['a key that the file lacks', lookup('on: merchant_id, add: [risk]', '{ file: ▸merchants.csv, key: merchant }'), 'bad_table'],
  ['a table from a topic', lookup('on: merchant_id, add: [risk]', '{ file: merchants.csv, topic: ▸m, key: merchant_id }'), 'not_yet'],
] as const)('lint: %s', async ([, marked, code]) => {
  const { text, places } = unmark(marked);
  expect(brief((await load(text, { files: { 'merchants.csv': merchants } })).findings)).toEqual([`${places[0]} ${code}`]);
});
