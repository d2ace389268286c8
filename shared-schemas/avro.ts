import { MillraceError } from '@millrace/runtime/errors.ts';
import avro from 'avsc';
import { flawOf } from './codec/bad.ts';
import { buildRecord } from './codec/build.ts';
import { conversion, whyNot } from './codec/convert.ts';
import { type AvroField, type RecordNode, sqlTypeOf } from './codec/node.ts';
import { type Read, resolvingReader } from './codec/read.ts';
import { eachSlot, intoSlots } from './codec/rows.ts';
import { Sink } from './codec/sink.ts';
import { Source } from './codec/source.ts';
import { writer } from './codec/write.ts';
import { FRAME_SIZE, readSchemaId, writeFrame } from './framing.ts';
import type { Flaw, Row, RowDecoder, RowEncoder, SqlType, Value } from './types.ts';

/** An Avro record schema that has been checked: what codecs are made from. */
export interface ParsedSchema {
  readonly root: RecordNode;
  readonly json: unknown;
  /** the same text for schemas that differ only in documentation and in the order of keys */
  readonly canonical: string;
}

/**
 * Checks a schema. Throws `MillraceError` `schema_invalid` or `union_unsupported`, the place in the schema first
 * (`items[].price: …`). Our own walk finds what we cannot hold; avsc then judges names, symbols and defaults.
 */
export function parseSchema(json: unknown): ParsedSchema {
  const root = buildRecord(json);
  try {
    avro.Type.forSchema(json as Parameters<typeof avro.Type.forSchema>[0]);
  } catch (error) {
    throw new MillraceError('schema_invalid', (error as Error).message, { cause: error });
  }
  return { root, json, canonical: JSON.stringify(withoutDocs(json)) };
}

function withoutDocs(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(withoutDocs);
  if (typeof json !== 'object' || json === null) return json;
  const keys = Object.keys(json)
    .filter((key) => key !== 'doc')
    .sort();
  return Object.fromEntries(keys.map((key) => [key, key === 'default' ? json[key as never] : withoutDocs(json[key as never])]));
}

export interface SchemaColumn {
  readonly name: string;
  readonly type: SqlType;
  readonly nullable: boolean;
  readonly hasDefault: boolean;
}

/** The fields of a schema as SQL columns, in its order. */
export function columnsOf(schema: ParsedSchema): SchemaColumn[] {
  return schema.root.fields.map(({ name, node, defaultJson }) => ({
    name,
    type: sqlTypeOf(node),
    nullable: node.nullAt >= 0,
    hasDefault: defaultJson !== undefined,
  }));
}

/** The whole record as a SQL type. */
export function sqlType(schema: ParsedSchema): SqlType {
  return sqlTypeOf(schema.root);
}

/** The field of that name, to give `assignable` or an encoder; null when there is none. */
export function fieldOf(schema: ParsedSchema, name: string): AvroField | null {
  return schema.root.fields.find((field) => field.name === name) ?? null;
}

/**
 * Why a column of that type cannot be written to the field, or null when it can. A column that may be NULL is let through
 * to a field that may not: only the record at hand can tell, and it is then a flaw (`value_out_of_range`).
 */
export function assignable(from: SqlType, to: AvroField): string | null {
  return whyNot(from, to.node);
}

/** Where a field's value comes from, and what it is. */
export interface FieldSource {
  readonly field: string;
  readonly slot: string;
  readonly type: SqlType;
}

export interface AvroEncoderOptions {
  /** puts Confluent's frame with this schema id before each record */
  readonly schemaId?: number;
}

/**
 * Rows to Avro binary. `fields` names a source for every field of the schema (lint sees to it: a missing or ill-typed one is a
 * plain error here); values are converted and range checked as `convert.ts` says.
 */
export function avroEncoder(schema: ParsedSchema, fields: readonly FieldSource[], options: AvroEncoderOptions = {}): RowEncoder {
  const parts = schema.root.fields.map((field) => {
    const source = fields.find((candidate) => candidate.field === field.name);
    if (source === undefined) throw new Error(`no source for field ${field.name}`);
    const reason = whyNot(source.type, field.node);
    if (reason !== null) throw new Error(`field ${field.name}: ${reason}`);
    const write = writer(field.node, field.name);
    const convert = conversion(source.type, field.node, field.name);
    return { slot: source.slot, write: convert === null ? write : (sink: Sink, value: Value) => write(sink, value === null ? null : convert(value)) };
  });
  const all = eachSlot(parts);
  const sink = new Sink();
  const { schemaId } = options;
  return (row, buffer, pos) => {
    if (schemaId === undefined) sink.start(buffer, pos);
    else {
      if (buffer.length - pos < FRAME_SIZE) return -1;
      sink.start(buffer, writeFrame(schemaId, buffer, pos));
    }
    all(sink, row);
    return sink.done();
  };
}

export interface AvroDecoderOptions {
  /** `confluent`: each record begins with magic 0 and the id of the schema it was written with */
  readonly framing: 'confluent' | 'none';
  /** the schema of an id, or null when unknown; a `MillraceError` when it is none that can be used. Records of an id that is not this schema's are resolved to it by Avro's rules */
  readonly writerSchema?: (id: number) => ParsedSchema | null;
  /** unframed records were written with this schema, not the one they are read with. Throws `MillraceError` schema_incompatible when they cannot be read */
  readonly writtenWith?: ParsedSchema;
}

/**
 * Avro binary to rows. `slots` says where a field goes; a field without a slot is checked and dropped. Bytes left over, cut
 * short, or not UTF-8 in a string are flaws (`undecodable`).
 */
export function avroDecoder(schema: ParsedSchema, slots: Readonly<Record<string, string>>, options: AvroDecoderOptions = { framing: 'none' }): RowDecoder {
  const source = new Source();
  const own = ownReader(schema, options.writtenWith ?? schema, slots);
  const byId = new Map<number, (source: Source, row: Row) => void>();
  const framed = options.framing === 'confluent';
  const of = (id: number): ((source: Source, row: Row) => void) | Flaw => {
    let read = byId.get(id);
    if (read === undefined) {
      const written = options.writerSchema === undefined ? schema : usable(id, options.writerSchema);
      if (written === null) return { code: 'undecodable', message: `no schema has the id ${id}` };
      if ('code' in written) return written;
      try {
        read = written.canonical === schema.canonical ? own : rowReader(written.root, schema.root, slots);
      } catch (error) {
        return flawOf(error);
      }
      byId.set(id, read);
    }
    return read;
  };
  return (row, buffer, start, end) => {
    let read = own;
    let from = start;
    if (framed) {
      const id = readSchemaId(buffer, start, end);
      if (id < 0) return { code: 'undecodable', message: 'the record does not begin with a schema id' };
      const found = of(id);
      if (typeof found !== 'function') return found;
      read = found;
      from = start + FRAME_SIZE;
    }
    try {
      source.start(buffer, from, end);
      read(source, row);
    } catch (error) {
      return flawOf(error);
    }
    if (source.pos !== end) return { code: 'undecodable', message: `${end - source.pos} bytes are left behind the record` };
    return undefined;
  };
}

/** A registry may hold schemas that we cannot read by: their records are flawed, the others are not. */
function usable(id: number, writerSchema: (id: number) => ParsedSchema | null): ParsedSchema | Flaw | null {
  try {
    return writerSchema(id);
  } catch (error) {
    if (error instanceof MillraceError) return { code: 'undecodable', message: `schema ${id} cannot be used: ${error.message}` };
    throw error;
  }
}

function ownReader(schema: ParsedSchema, written: ParsedSchema, slots: Readonly<Record<string, string>>): (source: Source, row: Row) => void {
  try {
    return rowReader(written.root, schema.root, slots);
  } catch (error) {
    throw new MillraceError('schema_incompatible', flawOf(error).message, { cause: error });
  }
}

/** Passes over text without judging it: a record whose text is no UTF-8 still has an end. */
class Skimmer extends Source {
  override string(): string {
    this.take(this.count());
    return '';
  }
}

/** Finds where each of `count` records ends that stand one behind another, as in the blocks of a container file. Throws {@link BadRecord}. */
export function recordEnds(schema: ParsedSchema): (buffer: Buffer, start: number, end: number, count: number) => number[] {
  const read = rowReader(schema.root, schema.root, {});
  const source = new Skimmer();
  const none: Row = {};
  return (buffer, start, end, count) => {
    source.start(buffer, start, end);
    return Array.from({ length: count }, () => {
      read(source, none);
      return source.pos;
    });
  };
}

function rowReader(from: RecordNode, to: RecordNode, slots: Readonly<Record<string, string>>): (source: Source, row: Row) => void {
  const slotOf = (name: string): string | null => (Object.hasOwn(slots, name) ? slots[name] : null);
  const parts = resolvingReader.fields(from, to).map(({ field, read }) => ({ slot: field === null ? null : slotOf(field), read: read as Read }));
  return intoSlots(parts);
}
