import type { Column, Row, SqlType, Value } from '../types.ts';
import { formOfType, jsonText } from './form.ts';

/** Compact JSON of one value, as an output without a schema has it: for people, dead letters and single values. */
export function toJson(value: Value, type: SqlType): string {
  return jsonText(value, formOfType(type));
}

/** Compact JSON of the named columns of a row, in their order. */
export function rowJson(row: Row, columns: readonly Column[]): string {
  return `{${columns.map((column) => columnJson(row, column)).join()}}`;
}

/** One column of it: `"name":value`. */
export function columnJson(row: Row, column: Column): string {
  return `${JSON.stringify(column.name)}:${toJson(row[column.slot], column.type)}`;
}
