import type { ParsedSchema } from './avro.ts';
import { flawOf } from './codec/bad.ts';
import type { AvroField } from './codec/node.ts';
import { eachSlot } from './codec/rows.ts';
import { Sink } from './codec/sink.ts';
import { cellConvert } from './csv/cell.ts';
import { csvCell, csvCells } from './csv/split.ts';
import { fieldValue, type WrittenField, writtenType } from './field-value.ts';
import { formOfNode, formOfType, jsonText } from './json/form.ts';
import { fieldConvert } from './json/parse.ts';
import { slotSetter } from './row.ts';
import type { RowDecoder, RowEncoder, SqlType, Value } from './types.ts';

/**
 * One CSV record's bytes to a row. `header` names the columns; those the schema does not know are ignored, fields without a
 * column take their default or NULL. Empty is NULL, quoted empty is ''. Flaws: `undecodable`, `schema_mismatch`.
 */
export function csvDecoder(schema: ParsedSchema, slots: Readonly<Record<string, string>>, header: readonly string[]): RowDecoder {
  const setter = (name: string): ReturnType<typeof slotSetter> | null => (Object.hasOwn(slots, name) ? slotSetter(slots[name]) : null);
  const fields = schema.root.fields.map((field) => ({
    field,
    at: header.indexOf(field.name),
    set: setter(field.name),
    absent: fieldConvert(field, field.name),
  }));
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
export function csvNames(buffer: Buffer, start: number, end: number): string[] {
  const from = buffer[start] === 0xef && buffer[start + 1] === 0xbb && buffer[start + 2] === 0xbf ? start + 3 : start;
  return csvCells(buffer, from, end).map((name) => name ?? '');
}

/** The header record for the fields, without a line break. */
export function csvHeader(fields: readonly WrittenField[]): string {
  return fields.map(({ name }) => csvCell(name)).join();
}

/** Rows to CSV records without a line break: NULL as nothing, '' quoted, BLOB as base64, lists, structs and maps as JSON, the rest as JSON has it without quotes. A field of a schema is converted and checked as Avro's encoder does. */
export function csvEncoder(fields: readonly WrittenField[]): RowEncoder {
  const all = eachSlot(
    fields.map((field, i) => {
      const text = cellText(writtenType(field), field.avroField);
      const convert = fieldValue(field);
      return {
        slot: field.slot,
        write: (sink: Sink, value: Value) => {
          if (i > 0) sink.byte(0x2c);
          const written = convert === null ? value : convert(value);
          if (written === null) return;
          const cell = text(written);
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

function cellText(type: SqlType, avroField: AvroField | undefined): (value: Value) => string {
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
      const inMicros = avroField?.node.kind === 'timestamp-micros';
      const form = inMicros ? formOfNode(avroField.node) : formOfType(type);
      return (value) => jsonText(value, form).replaceAll('"', '');
    }
  }
}
