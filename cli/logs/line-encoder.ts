import { isUtf8 } from 'node:buffer';
import { MillraceError } from '@millrace/runtime/errors.ts';
import { avroEncoder, columnsOf, parseSchema } from '@millrace/shared-schemas/avro.ts';
import { jsonDecoder } from '@millrace/shared-schemas/json/decoder.ts';
import { keyWriter } from '@millrace/shared-schemas/keys.ts';
import { rowMaker } from '@millrace/shared-schemas/row.ts';
import { FlawError } from '@millrace/shared-schemas/types.ts';

/** What a line of input becomes on a log. */
interface Encoded {
  readonly key: Buffer | null;
  readonly value: Buffer;
}

/** Turns one line into a record; null for a line to skip. Throws `FlawError` for one that cannot be a record. */
export type LineEncoder = (line: Buffer) => Encoded | null;

/** The line as it is, no key, whatever it holds. */
export const textLines: LineEncoder = (line) => ({ key: null, value: line });

/** JSON objects, byte for byte as they came. `keyFields` empty: no key. */
export function jsonLines(keyFields: readonly string[]): LineEncoder {
  return (line) => {
    if (isBlank(line)) return null;
    const object = parseLine(line);
    return { key: keyText(object, keyFields), value: line };
  };
}

/** JSON objects as Avro, in Confluent's frame with this schema id; keys are what the pipeline makes of the typed fields. */
export function avroLines(schemaJson: unknown, schemaId: number, keyFields: readonly string[]): LineEncoder {
  const schema = parseSchema(schemaJson);
  const fields = columnsOf(schema).map(({ name, type }, i) => ({ field: name, slot: `f${i}`, type }));
  const decode = jsonDecoder(schema, Object.fromEntries(fields.map(({ field, slot }) => [field, slot])));
  const encode = avroEncoder(schema, fields, { schemaId });
  const row = rowMaker(fields.map(({ slot }) => slot))();
  const keyColumns = keyFields.map((name) => {
    const found = fields.find(({ field }) => field === name);
    if (!found)
      throw new MillraceError('wrong_usage', `The schema has no field ${name} to take the key from.`, {
        hint: `It has ${fields.map(({ field }) => field).join(', ')}.`,
      });
    return found;
  });
  const keys = keyColumns.length === 0 ? null : keyWriter(keyColumns);
  let buffer = Buffer.allocUnsafe(4096);
  return (line) => {
    if (isBlank(line)) return null;
    const flaw = decode(row, line, 0, line.length);
    if (flaw) throw new FlawError(flaw.code, flaw.message);
    let end = encode(row, buffer, 0);
    while (end < 0) {
      buffer = Buffer.allocUnsafe(buffer.length * 2);
      end = encode(row, buffer, 0);
    }
    const key = keys?.text(row) ?? null;
    return { key: key === null ? null : Buffer.from(key), value: Buffer.from(buffer.subarray(0, end)) };
  };
}

function isBlank(line: Buffer): boolean {
  return line.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}

/** A number as it was written, so that no digit is lost. */
class Digits {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

function parseLine(line: Buffer): ReadonlyMap<string, unknown> {
  if (!isUtf8(line)) throw new FlawError('undecodable', 'the line is not UTF-8');
  let value: unknown;
  try {
    const exact = (_: string, it: unknown, context?: { source?: string }): unknown =>
      typeof it === 'number' && /^-?\d+$/.test(context?.source ?? '') ? new Digits(context?.source as string) : it;
    value = JSON.parse(line.toString(), exact);
  } catch (error) {
    throw new FlawError('undecodable', (error as Error).message);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new FlawError('undecodable', 'the line is not a JSON object');
  return new Map(Object.entries(value));
}

/** The text of a key as `shared-schemas/keys.ts` makes it from the field's value: a string as it is, a number's digits; several as a JSON array. */
function keyText(object: ReadonlyMap<string, unknown>, fields: readonly string[]): Buffer | null {
  if (fields.length === 0) return null;
  const parts: string[] = [];
  for (const field of fields) {
    const value = object.get(field) ?? null;
    if (value === null) return null;
    if (typeof value === 'string') parts.push(fields.length === 1 ? value : JSON.stringify(value));
    else if (value instanceof Digits) parts.push(value.text === '-0' ? '0' : value.text);
    else if (typeof value === 'number' || typeof value === 'boolean') parts.push(String(value));
    else throw new FlawError('schema_mismatch', `the key field ${field} is no string, number or boolean`);
  }
  return Buffer.from(fields.length === 1 ? parts[0] : `[${parts.join(',')}]`);
}
