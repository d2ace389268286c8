import { readFileSync } from 'node:fs';
import { avroEncoder, columnsOf, parseSchema } from '@millrace/shared-schemas/avro.ts';
import { FRAME_SIZE, writeFrame } from '@millrace/shared-schemas/framing.ts';
import { jsonDecoder } from '@millrace/shared-schemas/json/decoder.ts';
import type { Row } from '@millrace/shared-schemas/types.ts';
import avro from 'avsc';

/**
 * What a loop may be made of; the fastest pair is what the engine is held against.
 *
 *     DECODE  parse: JSON.parse of the whole record · scan: millrace's scanner, only the fields that are used
 *     ENCODE  avsc: avsc's `encode` in place · own: millrace's Avro encoder
 */
export const LOOPS = [
  ['parse', 'avsc'],
  ['parse', 'own'],
  ['scan', 'avsc'],
  ['scan', 'own'],
] as const;

/** Gives the record of a span; `scan` always the same object, overwritten. */
export type Decode<T> = (buffer: Buffer, start: number, end: number) => T;

/** Writes a record at a position and gives the position behind it; negative when it does not fit. */
export type Encode<T> = (record: T, buffer: Buffer, pos: number) => number;

const SCHEMA_ID = 1;

function schemaOf(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../pipelines/${name}.avsc`, import.meta.url), 'utf8'));
}

/** `record` has the fields that are used, of their types. */
export function decoder<T extends object>(kind: string, schema: string, record: T, fields: readonly (keyof T & string)[]): Decode<T> {
  if (kind === 'parse') return (buffer, start, end) => JSON.parse(buffer.latin1Slice(start, end)) as T;
  const scan = jsonDecoder(parseSchema(schemaOf(schema)), Object.fromEntries(fields.map((name) => [name, name])));
  return (buffer, start, end) => {
    scan(record as Row, buffer, start, end);
    return record;
  };
}

/** With Confluent's frame. */
export function encoder<T extends object>(kind: string, schema: string): Encode<T> {
  const json = schemaOf(schema);
  if (kind === 'own') {
    const parsed = parseSchema(json);
    const fields = columnsOf(parsed).map(({ name, type }) => ({ field: name, slot: name, type }));
    return avroEncoder(parsed, fields, { schemaId: SCHEMA_ID }) as unknown as Encode<T>;
  }
  const type = avro.Type.forSchema(json as avro.Schema);
  return (record, buffer, pos) => (buffer.length - pos < FRAME_SIZE ? -1 : type.encode(record, buffer, writeFrame(SCHEMA_ID, buffer, pos)));
}
