import {
  DuckDBBlobValue,
  type DuckDBConnection,
  DuckDBDataChunk,
  DuckDBDateValue,
  type DuckDBDecimalType,
  DuckDBDecimalValue,
  DuckDBInstance,
  DuckDBIntervalValue,
  type DuckDBListType,
  DuckDBListValue,
  type DuckDBMapType,
  DuckDBMapValue,
  type DuckDBStructType,
  DuckDBStructValue,
  DuckDBTimestampValue,
  type DuckDBType,
  DuckDBTypeId,
  type DuckDBValue,
} from '@duckdb/node-api';

export interface DuckdbOptions {
  /** default 1 */
  readonly threads?: number;
  /** as DuckDB writes it, such as `256MiB`; default is DuckDB's own */
  readonly memory?: string;
  /** files that SQL may read, such as a lookup table's CSV. Nothing else of the machine is ever readable. */
  readonly allowedPaths?: readonly string[];
  /** false: expressions are evaluated as written, which the optimizer does not promise; for tests. Default true */
  readonly optimizer?: boolean;
}

/**
 * A value of a result, in the forms that records hold them in: integers a number when safe and else a bigint, DECIMAL its
 * unscaled integer, DATE days, TIMESTAMP microseconds, LIST an array, STRUCT an object, MAP a Map, BLOB bytes; INTERVAL
 * an object of months, days and micros. Other types that no record has (TIME, UUID …) come as DuckDB's text.
 */
export type PlainValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly PlainValue[]
  | { readonly [field: string]: PlainValue }
  | ReadonlyMap<PlainValue, PlainValue>;

interface DuckdbResult {
  /** type as DuckDB writes it, such as `DECIMAL(18,2)` */
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly PlainValue[])[];
}

export interface Duckdb {
  /** Runs one statement, or several and gives the last one's rows. `params` stand for `$1`, `$2` …. Throws DuckDB's own error. */
  query(sql: string, params?: readonly (string | number | bigint | boolean | null)[]): Promise<DuckdbResult>;
  /** The rows of one statement some thousand at a time, so that a large result holds up nothing else in the thread. Throws DuckDB's own error. */
  parts(sql: string): AsyncIterable<readonly (readonly PlainValue[])[]>;
  /** Makes the table anew with these rows, in this order; types as DuckDB writes them, values in the forms of `PlainValue`. */
  fill(table: string, columns: readonly { readonly name: string; readonly type: string }[], rows: readonly (readonly PlainValue[])[]): Promise<void>;
  close(): void;
}

function exact(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function plain(value: DuckDBValue): PlainValue {
  if (value === null || typeof value === 'boolean' || typeof value === 'number' || typeof value === 'string') return value;
  if (typeof value === 'bigint') return exact(value);
  if (value instanceof DuckDBDecimalValue) return exact(value.value);
  if (value instanceof DuckDBTimestampValue) return exact(value.micros);
  if (value instanceof DuckDBDateValue) return value.days;
  if (value instanceof DuckDBBlobValue) return value.bytes;
  if (value instanceof DuckDBIntervalValue) return { months: value.months, days: value.days, micros: exact(value.micros) };
  if (value instanceof DuckDBListValue) return value.items.map(plain);
  if (value instanceof DuckDBStructValue) return Object.fromEntries(Object.entries(value.entries).map(([name, field]) => [name, plain(field)]));
  if (value instanceof DuckDBMapValue) return new Map(value.entries.map((entry) => [plain(entry.key), plain(entry.value)]));
  return String(value);
}

/** The other way round from {@link plain}: a value of a record as DuckDB takes it for a column of that type. */
function duckdbValue(value: PlainValue, type: DuckDBType): DuckDBValue {
  if (value === null) return null;
  switch (type.typeId) {
    case DuckDBTypeId.BIGINT:
    case DuckDBTypeId.HUGEINT:
      return BigInt(value as number | bigint);
    case DuckDBTypeId.DECIMAL: {
      const { width, scale } = type as DuckDBDecimalType;
      return new DuckDBDecimalValue(BigInt(value as number | bigint), width, scale);
    }
    case DuckDBTypeId.TIMESTAMP:
      return new DuckDBTimestampValue(BigInt(value as number | bigint));
    case DuckDBTypeId.DATE:
      return new DuckDBDateValue(value as number);
    case DuckDBTypeId.BLOB:
      return new DuckDBBlobValue(value as Uint8Array);
    case DuckDBTypeId.LIST: {
      const { valueType } = type as DuckDBListType;
      return new DuckDBListValue((value as readonly PlainValue[]).map((item) => duckdbValue(item, valueType)));
    }
    case DuckDBTypeId.STRUCT: {
      const { entryNames, entryTypes } = type as DuckDBStructType;
      const fields = value as { readonly [field: string]: PlainValue };
      return new DuckDBStructValue(Object.fromEntries(entryNames.map((name, i) => [name, duckdbValue(fields[name] ?? null, entryTypes[i])])));
    }
    case DuckDBTypeId.MAP: {
      const { keyType, valueType } = type as DuckDBMapType;
      const entries = [...(value as ReadonlyMap<PlainValue, PlainValue>)];
      return new DuckDBMapValue(entries.map(([key, item]) => ({ key: duckdbValue(key, keyType), value: duckdbValue(item, valueType) })));
    }
    default:
      return value as boolean | number | string;
  }
}

/** rows of a DuckDB vector */
const CHUNK = 2048;

function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/**
 * Opens a DuckDB in memory that a user's SQL can be given to: it reads no file but `allowedPaths`, attaches, installs and loads
 * nothing, and its settings are locked. Loading takes some 90 ms the first time.
 */
export async function openDuckdb(options: DuckdbOptions = {}): Promise<Duckdb> {
  const instance = await DuckDBInstance.create(':memory:', {
    threads: String(options.threads ?? 1),
    ...(options.memory === undefined ? {} : { memory_limit: options.memory }),
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    allow_community_extensions: 'false',
    temp_directory: '',
  });
  const connection: DuckDBConnection = await instance.connect();
  await connection.run("SET GLOBAL TimeZone = 'UTC'");
  if (options.optimizer === false) await connection.run('PRAGMA disable_optimizer');
  // These three in this order: paths cannot be allowed once outside access is off, nor anything once settings are locked.
  if (options.allowedPaths !== undefined && options.allowedPaths.length > 0) {
    await connection.run(`SET GLOBAL allowed_paths = [${options.allowedPaths.map(quoted).join(', ')}]`);
  }
  await connection.run('SET GLOBAL enable_external_access = false');
  await connection.run('SET GLOBAL lock_configuration = true');
  return {
    async query(sql, params) {
      const reader = await connection.runAndReadAll(sql, params === undefined ? undefined : [...params]);
      const types = reader.columnTypes();
      return { columns: reader.columnNames().map((name, i) => ({ name, type: types[i].toString() })), rows: reader.getRows().map((row) => row.map(plain)) };
    },
    async *parts(sql) {
      const result = await connection.stream(sql);
      for await (const rows of result.yieldRows()) yield rows.map((row) => row.map(plain));
    },
    async fill(table, columns, rows) {
      await connection.run(`CREATE OR REPLACE TABLE ${identifier(table)} (${columns.map(({ name, type }) => `${identifier(name)} ${type}`).join(', ')})`);
      const appender = await connection.createAppender(table);
      try {
        const types = columns.map((_, i) => appender.columnType(i));
        for (let from = 0; from < rows.length; from += CHUNK) {
          const part = rows.slice(from, from + CHUNK);
          const chunk = DuckDBDataChunk.create(types, part.length);
          for (const [i, type] of types.entries()) {
            chunk.setColumnValues(
              i,
              part.map((row) => duckdbValue(row[i], type)),
            );
          }
          appender.appendDataChunk(chunk);
        }
        appender.flushSync();
      } finally {
        appender.closeSync();
      }
    },
    close() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}
