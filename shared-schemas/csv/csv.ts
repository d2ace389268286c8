import type { ParsedSchema } from '../avro.ts';
import { BadRecord, flawOf } from '../codec/bad.ts';
import { parseDate, parseInstant } from '../codec/civil.ts';
import { INT_MAX, INT_MIN, LONG_MAX, LONG_MIN, scaledDigits, within } from '../codec/exact.ts';
import type { AvroNode } from '../codec/node.ts';
import { eachSlot } from '../codec/rows.ts';
import { Sink } from '../codec/sink.ts';
import { microsOfMillis } from '../codec/write.ts';
import { formOfType, jsonText } from '../json/form.ts';
import { convertText, fieldConvert, mismatch, nodeConvert } from '../json/parse.ts';
import { slotSetter } from '../row.ts';
import type { RowDecoder, RowEncoder, SqlType, Value } from '../types.ts';
import { csvCell, csvCells } from './split.ts';

/**
 * One CSV record's bytes to a row. `header` names the columns; those the schema does not know are ignored, fields without a
 * column take their default or NULL. Empty is NULL, quoted empty is ''. Flaws: `undecodable`, `schema_mismatch`.
 */
export function csvDecoder(schema: ParsedSchema, slots: Readonly<Record<string, string>>, header: readonly string[]): RowDecoder {
  const setter = (name: string): ReturnType<typeof slotSetter> | null => (Object.hasOwn(slots, name) ? slotSetter(slots[name]) : null);
  const fields = schema.root.fields.map((field) => ({ field, at: header.indexOf(field.name), set: setter(field.name), absent: fieldConvert(field, field.name) }));
  const present = fields.filter(({ at }) => at >= 0).map(({ field, at, set }) => ({ at, set, convert: cellConvert(field.node, field.name) }));
  const absent = fields.filter(({ at }) => at < 0);
  return (row, buffer, start, end) => {
    try {
      const cells = csvCells(buffer, start, end);
      if (cells.length !== header.length) return { code: 'schema_mismatch', message: `the record has ${cells.length} cells, the header ${header.length}` };
      for (const { at, set, convert } of present) {
        const value = convert(cells[at]);
        if (set !== null) set(row, value);
      }
      for (const field of absent) {
        const value = field.absent(undefined);
        if (field.set !== null) field.set(row, value);
      }
    } catch (error) {
      return flawOf(error);
    }
    return undefined;
  };
}

/** The names in a header record; a byte order mark before them is dropped. Throws {@link BadRecord}. */
export function csvHeader(buffer: Buffer, start: number, end: number): string[] {
  const from = buffer[start] === 0xef && buffer[start + 1] === 0xbb && buffer[start + 2] === 0xbf ? start + 3 : start;
  return csvCells(buffer, from, end).map((name) => name ?? '');
}

const INTEGER = /^[+-]?\d+$/;
const DOUBLE = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$|^NaN$|^-?Infinity$/;

function cellConvert(node: AvroNode, path: string): (cell: string | null) => Value {
  const convert = cellValue(node, path);
  return (cell) => {
    if (cell === null && node.nullAt >= 0) return null;
    const value = cell === null ? null : convert(cell);
    if (value === null) throw mismatch(path, node, cell);
    return value;
  };
}

/** From a cell's text; null when it is no such value. */
function cellValue(node: AvroNode, path: string): (cell: string) => Value {
  const integer = (lo: bigint, hi: bigint) => (cell: string) => {
    const value = INTEGER.test(cell) ? scaledDigits(cell.replace('+', ''), 0) : null;
    return value !== null && within(value, lo, hi) ? value : null;
  };
  switch (node.kind) {
    case 'boolean':
      return (cell) => (/^true$/i.test(cell) ? true : /^false$/i.test(cell) ? false : null);
    case 'int':
      return integer(INT_MIN, INT_MAX);
    case 'long':
      return integer(LONG_MIN, LONG_MAX);
    case 'double':
      return (cell) => (DOUBLE.test(cell) ? Number(cell) : null);
    case 'float':
      return (cell) => (DOUBLE.test(cell) ? Math.fround(Number(cell)) : null);
    case 'date':
      return parseDate;
    case 'timestamp-micros': {
      const digits = integer(LONG_MIN, LONG_MAX);
      return (cell) => digits(cell) ?? parseInstant(cell);
    }
    case 'timestamp-millis': {
      const digits = integer(LONG_MIN, LONG_MAX);
      return (cell) => {
        const millis = digits(cell);
        return millis === null ? parseInstant(cell) : microsOfMillis(millis);
      };
    }
    case 'decimal': {
      const limit = 10n ** BigInt(node.precision) - 1n;
      return (cell) => {
        const value = scaledDigits(cell, node.scale);
        return value !== null && within(value, -limit, limit) ? value : null;
      };
    }
    case 'bytes':
    case 'fixed': {
      const size = node.kind === 'fixed' ? node.size : null;
      return (cell) => {
        const bytes = Buffer.from(cell, 'base64');
        return bytes.toString('base64') === cell && (size === null || bytes.length === size) ? new Uint8Array(bytes) : null;
      };
    }
    case 'string':
    case 'enum':
      return nodeConvert(node, path);
    default: {
      const convert = nodeConvert({ ...node, nullAt: 0 }, path);
      return (cell) => {
        try {
          return convertText(cell, convert);
        } catch (error) {
          // a cell that is no JSON is ill-typed, not the record undecodable
          if (error instanceof BadRecord && error.code === 'undecodable') return null;
          throw error;
        }
      };
    }
  }
}

export interface CsvField {
  readonly name: string;
  readonly slot: string;
  readonly type: SqlType;
}

/** The header record for the fields, without a line break. */
export function csvHeaderLine(fields: readonly CsvField[]): string {
  return fields.map(({ name }) => csvCell(name)).join();
}

/** Rows to CSV records without a line break: NULL as nothing, '' quoted, BLOB as base64, lists, structs and maps as JSON, the rest as JSON has it without quotes. */
export function csvEncoder(fields: readonly CsvField[]): RowEncoder {
  const all = eachSlot(
    fields.map(({ slot, type }, i) => {
      const text = cellText(type);
      return {
        slot,
        write: (sink: Sink, value: Value) => {
          if (i > 0) sink.byte(0x2c);
          if (value === null) return;
          const cell = text(value);
          sink.utf8(cell, Buffer.byteLength(cell));
        },
      };
    }),
  );
  const sink = new Sink();
  return (row, buffer, pos) => {
    sink.start(buffer, pos);
    all(sink, row);
    return sink.done();
  };
}

function cellText(type: SqlType): (value: Value) => string {
  switch (type.kind) {
    case 'VARCHAR':
      return (value) => csvCell(value as string);
    case 'FLOAT':
    case 'DOUBLE':
      return (value) => (Object.is(value, -0) ? '-0' : String(value));
    case 'LIST':
    case 'STRUCT':
    case 'MAP': {
      const form = formOfType(type);
      return (value) => csvCell(jsonText(value, form));
    }
    default: {
      const form = formOfType(type);
      return (value) => jsonText(value, form).replaceAll('"', '');
    }
  }
}
