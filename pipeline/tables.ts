import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { type Duckdb, openDuckdb } from '@millrace/runtime/duckdb.ts';
import { MillraceError } from '@millrace/runtime/errors.ts';
import { columnsOf, type ParsedSchema } from '@millrace/shared-schemas/avro.ts';
import { keyWriter } from '@millrace/shared-schemas/keys.ts';
import { isSlot, rowMaker } from '@millrace/shared-schemas/row.ts';
import type { Row, SqlType, Value } from '@millrace/shared-schemas/types.ts';
import type { TablePlan } from './plan.ts';
import { decimal, isPlainKind, typeSql } from './sql/sql-type.ts';

export type TableColumn = TablePlan['columns'][number];

/** What a lookup knows of a table at plan time. */
export interface Table extends Omit<TablePlan, 'columns'> {
  /** null when a finding says why they are not known */
  readonly columns: readonly TableColumn[] | null;
}

const READERS: Readonly<Record<string, (path: string, types: string) => string>> = {
  '.csv': (path, types) => `read_csv(${path}, header = true, sample_size = -1${types})`,
  '.tsv': (path, types) => `read_csv(${path}, header = true, sample_size = -1${types})`,
  '.json': (path) => `read_json(${path}, sample_size = -1)`,
  '.jsonl': (path) => `read_json(${path}, sample_size = -1)`,
  '.ndjson': (path) => `read_json(${path}, sample_size = -1)`,
  '.parquet': (path) => `read_parquet(${path})`,
};

const text = (value: string): string => `'${value.replaceAll("'", "''")}'`;
const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

function reader(path: string, kind: string, columns: readonly TableColumn[] | null): string {
  const make = READERS[kind];
  if (make === undefined) throw new MillraceError('bad_table', `${path}: a table is a file that ends in ${Object.keys(READERS).join(', ')}`);
  const types = columns === null ? '' : `, types = {${columns.map(({ name, type }) => `${text(name)}: ${text(typeSql(type))}`).join(', ')}}`;
  return make(text(path), types);
}

/** The type of a sniffed column, held as what a record can hold: unsigned integers wider, times and the like as their text. */
function heldAs(type: string): SqlType {
  const exact = /^DECIMAL\((\d+),(\d+)\)$/.exec(type);
  if (exact !== null) return decimal(Number(exact[1]), Number(exact[2]));
  if (isPlainKind(type)) return { kind: type };
  if (type.endsWith('[]')) return { kind: 'LIST', of: heldAs(type.slice(0, -2)) };
  const wider = { UTINYINT: 'SMALLINT', USMALLINT: 'INTEGER', UINTEGER: 'BIGINT', UBIGINT: 'HUGEINT', 'TIMESTAMP WITH TIME ZONE': 'TIMESTAMP' } as const;
  const kind = Object.hasOwn(wider, type) ? wider[type as keyof typeof wider] : undefined;
  return { kind: kind ?? (/^TIMESTAMP_/.test(type) ? 'TIMESTAMP' : 'VARCHAR') };
}

/** DuckDB's message in one line. Of a CSV it says only in a later one what is wrong there. */
function inOneLine(error: unknown): string {
  const [first, ...more] = (error as Error).message.split('\n');
  const where = first.replace(/^[A-Za-z ]*Error: /, '');
  const what = where.startsWith('CSV Error') ? more.find((line) => /^(Error when|Expected|Value with|Invalid)/.test(line)) : undefined;
  return what === undefined ? where : `${where}: ${what}`;
}

async function withFile<T>(path: string, work: (duckdb: Duckdb) => Promise<T>): Promise<T> {
  const duckdb = await openDuckdb({ allowedPaths: [path] });
  try {
    return await work(duckdb);
  } catch (error) {
    if (error instanceof MillraceError) throw error;
    throw new MillraceError('bad_table', inOneLine(error), { cause: error });
  } finally {
    duckdb.close();
  }
}

/**
 * The columns of a table's file: the schema's, or as DuckDB sniffs them over the whole file. Columns whose names no record can have are
 * left out. Throws `MillraceError` bad_table when it cannot be read as that, when a key column is missing, or when keys repeat.
 */
export async function sniffTable(path: string, key: readonly string[], schema: ParsedSchema | null): Promise<TableColumn[]> {
  return withFile(path, async (duckdb) => {
    const kind = extname(path).toLowerCase();
    const { rows } = await duckdb.query(`DESCRIBE SELECT * FROM ${reader(path, kind, null)}`);
    const found = rows.map(([name, type]) => ({ name: String(name), type: heldAs(String(type)) }));
    const named = schema === null ? found.filter(({ name }) => isSlot(name)) : columnsOf(schema).map(({ name, type }) => ({ name, type }));
    const missing = [...named.map(({ name }) => name), ...key].find((name) => !found.some((one) => one.name === name));
    if (missing !== undefined) throw new MillraceError('bad_table', `the file has no column ${missing}; it has ${found.map(({ name }) => name).join(', ')}`);
    await rowsOf(duckdb, path, kind, key, named);
    return named;
  });
}

/** Rows by key. The file's values have to fit the columns; a row with a NULL in its key can never be found and is left out. */
async function rowsOf(duckdb: Duckdb, path: string, kind: string, key: readonly string[], columns: readonly TableColumn[]): Promise<Map<string, Row>> {
  const list = columns.map(({ name, type }) => `CAST(${quoted(name)} AS ${typeSql(type)}) AS ${quoted(name)}`).join(', ');
  const csv = kind === '.csv' || kind === '.tsv';
  const make = rowMaker(columns.map(({ name }) => name));
  const keys = keyWriter(key.map((name) => ({ slot: name, type: columns.find((column) => column.name === name)?.type as SqlType })));
  const table = new Map<string, Row>();
  for await (const rows of duckdb.parts(`SELECT ${list} FROM ${reader(path, kind, csv ? columns : null)}`)) {
    for (const values of rows) {
      const row = make();
      for (const [i, { name }] of columns.entries()) row[name] = values[i] as Value;
      const text = keys.text(row);
      if (text === null) continue;
      if (table.has(text)) throw new MillraceError('bad_table', `two rows have the key ${text}`);
      table.set(text, row);
    }
  }
  return table;
}

/**
 * The rows of one version of a table, by key text (`keyWriter`), slots named as the columns. The bytes are the file's as stored with
 * the choice. Gives others in the thread their turn in between. Throws `MillraceError` bad_table.
 */
export async function loadTable(table: TablePlan, bytes: Uint8Array): Promise<ReadonlyMap<string, Row>> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-table-'));
  const kind = extname(table.path).toLowerCase();
  const path = join(directory, `table${kind}`);
  try {
    await writeFile(path, bytes);
    return await withFile(path, (duckdb) => rowsOf(duckdb, path, kind, table.key, table.columns));
  } catch (error) {
    if (error instanceof MillraceError) throw new MillraceError(error.code, `table ${table.id} (${table.path}): ${error.message}`, { cause: error });
    throw error;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

const EXACT = new Set(['TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'HUGEINT']);

/** Whether values of the two types can be equal keys: the same type, or both integers. */
export function sameKeys(a: SqlType, b: SqlType): boolean {
  if (EXACT.has(a.kind) && EXACT.has(b.kind)) return true;
  if (a.kind === 'DECIMAL' && b.kind === 'DECIMAL') return a.scale === b.scale;
  return a.kind === b.kind;
}
