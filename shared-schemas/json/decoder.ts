import type { ParsedSchema } from '../avro.ts';
import { flawOf } from '../codec/bad.ts';
import type { AvroNode } from '../codec/node.ts';
import { slotSetter } from '../row.ts';
import { TextSpan } from '../text-span.ts';
import type { RowDecoder } from '../types.ts';
import { KnownTexts } from './known-texts.ts';
import { fieldConvert, parseObject, property } from './parse.ts';
import { type ScanKind, Scanner } from './scanner.ts';

export interface JsonDecoderOptions {
  /** false reads every record by JSON.parse: what the scanner is tested against */
  readonly scan?: boolean;
  /** slots of strings that are written to Avro and not looked at, which may hold {@link TextSpan}s */
  readonly passed?: ReadonlySet<string>;
  /** strings come again and again, as keys do: the same string is to be the same object */
  readonly recurring?: boolean;
}

/**
 * One JSON object's bytes to a row. `slots` says where a field goes; a field without a slot is checked and dropped. Flaws:
 * `undecodable` (no JSON, no UTF-8), `schema_mismatch` (missing or ill-typed, the message names the field and what was found).
 *
 * Unknown properties are ignored, of one given twice the last counts. An int or long takes any number of integral value (5, 5.0,
 * 5e0), longs exactly to 64 bits; float and double any finite one; decimals a number or a string of digits, exactly; bytes and
 * fixed Avro's string of code points 0 to 255; dates days since 1970 or `YYYY-MM-DD`; timestamp-millis epoch ms and
 * timestamp-micros epoch µs.
 */
export function jsonDecoder(schema: ParsedSchema, slots: Readonly<Record<string, string>>, options: JsonDecoderOptions = {}): RowDecoder {
  const fields = schema.root.fields.map((field) => {
    const slot = Object.hasOwn(slots, field.name) ? slots[field.name] : null;
    const text = slot !== null && field.node.kind === 'string';
    const passed = text && options.passed?.has(slot);
    return {
      name: field.name,
      kind: scanKind(field.node),
      nullable: field.node.nullAt >= 0,
      get: property(field.name),
      convert: fieldConvert(field, field.name),
      slot,
      set: slot === null ? null : slotSetter(slot),
      span: passed ? new TextSpan() : null,
      known: text && !passed && options.recurring ? new KnownTexts() : null,
    };
  });
  const scanner = options.scan === false ? null : new Scanner(fields);
  return (row, buffer, start, end) => {
    if (scanner?.scan(row, buffer, start, end)) return undefined;
    try {
      parseObject(buffer, start, end, (object) => {
        for (const { get, convert, set } of fields) {
          const value = convert(get(object));
          if (set !== null) set(row, value);
        }
      });
    } catch (error) {
      return flawOf(error);
    }
    return undefined;
  };
}

function scanKind(node: AvroNode): ScanKind {
  switch (node.kind) {
    case 'boolean':
    case 'int':
    case 'long':
    case 'double':
    case 'string':
      return node.kind;
    case 'timestamp-micros':
      return 'long';
    case 'timestamp-millis':
      return 'millis';
    default:
      return 'other';
  }
}
