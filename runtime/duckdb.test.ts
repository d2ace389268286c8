import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Duckdb, openDuckdb, type PlainValue } from './duckdb.ts';

describe('a DuckDB for a user’s SQL', () => {
  let folder: string;
  let secret: string;
  let allowed: string;
  let duckdb: Duckdb;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'duckdb-'));
    secret = join(folder, 'secret.csv');
    allowed = join(folder, "merchant's.csv");
    writeFileSync(secret, 'a\n1\n');
    writeFileSync(allowed, 'merchant_id,risk\n7,0.5\n8,\n');
    duckdb = await openDuckdb({ allowedPaths: [allowed], memory: '256MiB' });
  });
  afterAll(() => {
    duckdb.close();
    rmSync(folder, { recursive: true });
  });

  it('reads the file it may read, with sniffed types', async () => {
    const path = allowed.replaceAll("'", "''");
    const { columns, rows } = await duckdb.query(`SELECT * FROM read_csv('${path}')`);
    expect(columns).toEqual([
      { name: 'merchant_id', type: 'BIGINT' },
      { name: 'risk', type: 'DOUBLE' },
    ]);
    expect(rows).toEqual([
      [7, 0.5],
      [8, null],
    ]);
  });

  const attempts: readonly (readonly [what: string, sql: (folder: string) => string])[] = [
    ['reads a CSV', (at) => `SELECT * FROM read_csv('${at}/secret.csv')`],
    ['reads a file by its name', (at) => `SELECT * FROM '${at}/secret.csv'`],
    ['reads text', (at) => `SELECT * FROM read_text('${at}/secret.csv')`],
    ['reads bytes', (at) => `SELECT * FROM read_blob('${at}/*')`],
    ['reads through a detour', (at) => `SELECT * FROM read_text('${at}/../${at.split('/').at(-1)}/secret.csv')`],
    ['lists files', (at) => `SELECT * FROM glob('${at}/*')`],
    ['writes a file', (at) => `COPY (SELECT 1) TO '${at}/out.csv'`],
    ['exports', (at) => `EXPORT DATABASE '${at}/out'`],
    ['attaches a database', (at) => `ATTACH '${at}/other.db' AS other`],
    ['installs an extension', () => 'INSTALL httpfs'],
    ['loads an extension', () => 'LOAD httpfs'],
    ['reads the web', () => "SELECT * FROM read_csv('http://localhost:1/x.csv')"],
    ['opens the outside again', () => 'SET enable_external_access = true'],
    ['allows itself a path', (at) => `SET allowed_paths = ['${at}/secret.csv']`],
    ['allows itself a folder', (at) => `SET allowed_directories = ['${at}']`],
    ['changes the time zone', () => "SET TimeZone = 'America/New_York'"],
    ['resets the time zone', () => 'RESET TimeZone'],
    ['takes threads', () => 'SET threads = 8'],
    ['unlocks the settings', () => 'SET lock_configuration = false'],
    ['sets by PRAGMA', () => "PRAGMA memory_limit = '64GB'"],
  ];
  it.each(attempts)('never %s', async (_, sql) => {
    await expect(duckdb.query(sql(folder))).rejects.toThrow();
    expect(existsSync(join(folder, 'out.csv'))).toBe(false);
    expect(existsSync(join(folder, 'out'))).toBe(false);
    expect(existsSync(join(folder, 'other.db'))).toBe(false);
  });

  it('counts time in UTC', async () => {
    expect((await duckdb.query("SELECT current_setting('TimeZone')")).rows).toEqual([['UTC']]);
  });

  it('gives values in the forms of records', async () => {
    const { columns, rows } =
      await duckdb.query(`SELECT 9007199254740991::BIGINT, 9007199254740993::BIGINT, -1.25::DECIMAL(10,2), 99999999999999999.9::DECIMAL(20,1),
      DATE '1970-01-03', TIMESTAMP '1969-12-31 23:59:59.999999', [1, NULL], {'a': 1::BIGINT, 'b c': 'x'}, MAP {'k': 2}, 'ab'::BLOB, NULL, 0.1::FLOAT, INTERVAL '1 month 2 days 3 seconds', TRUE`);
    expect(columns[2].type).toBe('DECIMAL(10,2)');
    const [row] = rows;
    expect(row.slice(0, 9)).toEqual([
      9007199254740991,
      9007199254740993n,
      -125,
      999999999999999999n,
      2,
      -1,
      [1, null],
      { a: 1, 'b c': 'x' },
      new Map([['k', 2]]),
    ]);
    expect([...(row[9] as Uint8Array)]).toEqual([97, 98]);
    expect(row.slice(10)).toEqual([null, Math.fround(0.1), { months: 1, days: 2, micros: 3_000_000 }, true]);
  });

  it('takes parameters', async () => {
    expect((await duckdb.query('SELECT $1::VARCHAR || $2::INTEGER, $3', ["it's", 5, null])).rows).toEqual([["it's5", null]]);
  });
});

describe('a table filled from records', () => {
  it('gives every type back as it was', async () => {
    const duckdb = await openDuckdb();
    const columns = ['BIGINT', 'HUGEINT', 'DECIMAL(18,2)', 'DOUBLE', 'FLOAT', 'VARCHAR', 'BOOLEAN', 'DATE', 'TIMESTAMP', 'INTEGER', 'BLOB', 'BIGINT[]'].map(
      (type, i) => ({ name: `a "${i}`, type }),
    );
    const struct = { name: 's', type: 'STRUCT(x BIGINT, y VARCHAR[])' };
    const map = { name: 'm', type: 'MAP(VARCHAR, DECIMAL(9,3))' };
    const row = [2n ** 62n, -(2n ** 100n), 1234, 0.1, 0.5, 'é', true, -3, 1_700_000_000_000_001, 7, Buffer.from([1, 0]), [1, null]] as PlainValue[];
    const rows = Array.from({ length: 5000 }, (_, i) => [i, ...row.slice(1), { x: i, y: ['a', null] }, new Map([['k', i]])]);
    const nulls = rows[0]?.map(() => null) as null[];
    const all = [[...row, { x: 1, y: [] }, new Map()], nulls, ...rows];
    await duckdb.fill('t "1', [...columns, struct, map], all);
    const back = await duckdb.query('SELECT * FROM "t ""1"');
    const comparable = (table: readonly (readonly PlainValue[])[]) =>
      table.map((one) => one.map((value) => (value instanceof Uint8Array ? [...value] : value)));
    expect(back.rows.length).toBe(all.length);
    expect(comparable(back.rows).slice(0, 3)).toEqual(comparable(all).slice(0, 3));
    expect(comparable(back.rows)).toEqual(comparable(all));
    await duckdb.fill('t "1', [struct], []);
    expect((await duckdb.query('SELECT count(*) FROM "t ""1"')).rows).toEqual([[0]]);
    duckdb.close();
  });
});
