import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDuckdb } from '@millrace/runtime/duckdb.ts';
import { fieldOf, parseSchema } from '@millrace/shared-schemas/avro.ts';
import { rowOf } from '@millrace/shared-schemas/testing.ts';
import type { Row, SqlType, Value } from '@millrace/shared-schemas/types.ts';
import { afterAll, describe, expect, it } from 'vitest';
import { parquetRows } from './parquet-rows.ts';

const dir = mkdtempSync(join(tmpdir(), 'millrace-parquet-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const kind = (name: string): SqlType => ({ kind: name }) as SqlType;
const decimal = (width: number, scale: number): SqlType => ({ kind: 'DECIMAL', width, scale });

const TYPES: Readonly<Record<string, readonly [type: SqlType, duckdb: string, ...values: Value[]]>> = {
  boolean: [kind('BOOLEAN'), 'BOOLEAN', true, false],
  tiny: [kind('TINYINT'), 'TINYINT', -128, 127],
  small: [kind('SMALLINT'), 'SMALLINT', -32768, 32767],
  int: [kind('INTEGER'), 'INTEGER', -(2 ** 31), 2 ** 31 - 1],
  big: [kind('BIGINT'), 'BIGINT', -(2n ** 63n), 2n ** 63n - 1n, 5],
  huge: [kind('HUGEINT'), 'DECIMAL(38,0)', 10n ** 38n - 1n, -(10n ** 38n - 1n), 0],
  float: [kind('FLOAT'), 'FLOAT', Math.fround(1.1), Number.NaN, Number.NEGATIVE_INFINITY],
  double: [kind('DOUBLE'), 'DOUBLE', 0.1, -0, Number.NaN, Number.POSITIVE_INFINITY, 5e-324],
  text: [kind('VARCHAR'), 'VARCHAR', '', 'é€😀', 'a\u0000b', 'same', 'same'],
  blob: [kind('BLOB'), 'BLOB', Buffer.from([0, 255]), Buffer.alloc(0)],
  date: [kind('DATE'), 'DATE', -1, 17_000],
  timestamp: [kind('TIMESTAMP'), 'TIMESTAMP WITH TIME ZONE', -1, 1_532_736_000_000_001, 253_402_300_799_999_999n],
  dec9: [decimal(9, 2), 'DECIMAL(9,2)', 999_999_999, -1],
  dec18: [decimal(18, 6), 'DECIMAL(18,6)', 999_999_999_999_999_999n, -1],
  dec38: [decimal(38, 10), 'DECIMAL(38,10)', 10n ** 38n - 1n, -1],
  list: [{ kind: 'LIST', of: kind('BIGINT') }, 'BIGINT[]', [1, null, 2n ** 60n], []],
  lists: [{ kind: 'LIST', of: { kind: 'LIST', of: decimal(38, 2) } }, 'DECIMAL(38,2)[][]', [[1], [], null, [null, 2]], []],
  map: [
    { kind: 'MAP', of: kind('INTEGER') },
    'MAP(VARCHAR, INTEGER)',
    new Map([
      ['a', 1],
      ['b', null],
    ]),
    new Map(),
  ],
  struct: [
    {
      kind: 'STRUCT',
      fields: [
        { name: 'x', type: kind('BIGINT') },
        { name: 'of', type: { kind: 'LIST', of: { kind: 'STRUCT', fields: [{ name: 'only', type: kind('VARCHAR') }] } } },
      ],
    },
    'STRUCT("x" BIGINT, "of" STRUCT("only" VARCHAR)[])',
    { x: 1, of: [{ only: 'a' }, { only: null }, null] },
    { x: null, of: null },
    { x: null, of: [] },
  ],
};

async function asDuckdbReads(bytes: Uint8Array, name: string): ReturnType<Awaited<ReturnType<typeof openDuckdb>>['query']> {
  const path = join(dir, `${name}.parquet`);
  writeFileSync(path, bytes);
  const duckdb = await openDuckdb({ allowedPaths: [path] });
  try {
    return await duckdb.query(`SELECT * FROM read_parquet('${path}')`);
  } finally {
    duckdb.close();
  }
}

describe('a Parquet file', () => {
  for (const [name, [type, duckdb, ...values]] of Object.entries(TYPES)) {
    it(`holds ${name} as DuckDB reads ${duckdb}`, async () => {
      const rows = parquetRows([{ name, slot: 's', type }])();
      const all = [...values, null, ...values];
      for (const value of all) rows.add(rowOf({ s: value }));
      const read = await asDuckdbReads(rows.take(true), name);
      expect(read.columns).toEqual([{ name, type: duckdb }]);
      expect(read.rows.map(([value]) => plainTime(value))).toEqual(all);
    });
  }

  it('holds all types beside one another, a great many rows, and gives the same bytes again', async () => {
    const fields = Object.entries(TYPES).map(([name, [type]]) => ({ name, slot: name, type }));
    const bytes = (): Uint8Array => {
      const rows = parquetRows(fields)();
      for (let i = 0; i < 3000; i++) {
        const row: Row = {};
        for (const [name, [, , ...values]] of Object.entries(TYPES)) row[name] = values[i % (values.length + 1)] ?? null;
        rows.add(rowOf(row));
      }
      return rows.take(true);
    };
    const written = bytes();
    const { rows } = await asDuckdbReads(written, 'all');
    expect(rows).toHaveLength(3000);
    const lists = fields.findIndex(({ name }) => name === 'lists');
    expect(rows[2997]?.[lists]).toEqual(TYPES.lists?.[2]);
    expect(Buffer.compare(bytes(), written)).toBe(0);
  });

  it('has the types of a schema, and refuses what does not fit it', async () => {
    const schema = parseSchema({
      type: 'record',
      name: 'R',
      fields: [
        { name: 'n', type: 'long' },
        { name: 'at', type: ['null', { type: 'long', logicalType: 'timestamp-millis' }] },
      ],
    });
    const field = (name: string, type: SqlType) =>
      ({ name, slot: name, type, avroField: fieldOf(schema, name) ?? undefined }) as Parameters<typeof parquetRows>[0][number];
    const rows = parquetRows([field('n', kind('HUGEINT')), field('at', kind('BIGINT'))])();
    rows.add(rowOf({ n: 5, at: 1_000 }));
    for (const n of [2n ** 63n, null]) expect(() => rows.add(rowOf({ n, at: null }))).toThrow(expect.objectContaining({ code: 'value_out_of_range' }));
    rows.add(rowOf({ n: 6, at: null }));
    const { columns, rows: read } = await asDuckdbReads(rows.take(true), 'schema');
    expect(columns.map(({ type }) => type)).toEqual(['BIGINT', 'TIMESTAMP WITH TIME ZONE']);
    expect(read.map((row) => row.map(plainTime))).toEqual([
      [5, 1_000_000],
      [6, null],
    ]);
  });

  it('has no room for integers of more than 38 digits', () => {
    const rows = parquetRows([{ name: 'n', slot: 'n', type: kind('HUGEINT') }])();
    expect(() => rows.add(rowOf({ n: 10n ** 38n }))).toThrow(expect.objectContaining({ code: 'value_out_of_range' }));
  });
});

/** DuckDB's text of a timestamp with a zone, as microseconds */
function plainTime(value: unknown): unknown {
  const found = typeof value === 'string' ? /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d+))?\+00$/.exec(value) : null;
  if (found === null) return value;
  const micros = BigInt(Date.parse(`${found[1]}T${found[2]}Z`)) * 1000n + BigInt((found[3] ?? '').padEnd(6, '0'));
  return Number.isSafeInteger(Number(micros)) ? Number(micros) : micros;
}
