import { fieldValue, type WrittenField, writtenType } from '@millrace/shared-schemas/field-value.ts';
import { slotGetter } from '@millrace/shared-schemas/row.ts';
import { FlawError, type Row, type SqlType, type Value } from '@millrace/shared-schemas/types.ts';
import type { FileRows } from './file-rows.ts';
import { parquetFile } from './parquet-file.ts';

interface WrittenColumn {
  readonly name: string;
  readonly type: SqlType;
  readonly value: (row: Row) => Value;
}

/** what DECIMAL(38, 0) holds, in which a HUGEINT is written */
const LARGEST = 10n ** 38n - 1n;

/** Rows of the same fields for any number of Parquet files. */
export function parquetRows(fields: readonly WrittenField[]): () => FileRows {
  const columns = fields.map((field): WrittenColumn => {
    const get = slotGetter(field.slot);
    const convert = fieldValue(field);
    const type = writtenType(field);
    const value = convert === null ? get : (row: Row) => convert(get(row));
    return { name: field.name, type, value: type.kind === 'HUGEINT' ? (row) => within38(value(row), field.name) : value };
  });
  return () => new ParquetRows(columns);
}

function within38(value: Value, name: string): Value {
  if (typeof value === 'bigint' && (value > LARGEST || value < -LARGEST))
    throw new FlawError('value_out_of_range', `${name}: ${value} has more than the 38 digits that Parquet holds`);
  return value;
}

class ParquetRows implements FileRows {
  readonly #columns: readonly WrittenColumn[];
  #data: Value[][];

  constructor(columns: readonly WrittenColumn[]) {
    this.#columns = columns;
    this.#data = columns.map(() => []);
  }

  add(row: Row): void {
    const values = this.#columns.map(({ value }) => value(row));
    for (const [i, value] of values.entries()) this.#data[i]?.push(value);
  }

  take(): Uint8Array {
    const data = this.#data;
    this.#data = this.#columns.map(() => []);
    return parquetFile(this.#columns, data);
  }
}
