import { flawOf } from '../codec/bad.ts';
import type { ParsedSchema } from '../avro.ts';
import { slotSetter } from '../row.ts';
import type { RowDecoder } from '../types.ts';
import { fieldConvert, parseObject, property } from './parse.ts';

export interface JsonDecoderOptions {
  /** the fields to put into the row; others are checked all the same. All, when left out */
  readonly need?: ReadonlySet<string>;
}

/**
 * One JSON object's bytes to a row. `slots` says where a field goes; a field without a slot is checked and dropped. Flaws:
 * `undecodable` (no JSON, no UTF-8), `schema_mismatch` (missing or ill-typed, the message names the field and what was found).
 */
export function jsonDecoder(schema: ParsedSchema, slots: Readonly<Record<string, string>>, options: JsonDecoderOptions = {}): RowDecoder {
  const wanted = (name: string): boolean => Object.hasOwn(slots, name) && (options.need?.has(name) ?? true);
  const fields = schema.root.fields.map((field) => ({
    get: property(field.name),
    convert: fieldConvert(field, field.name),
    set: wanted(field.name) ? slotSetter(slots[field.name]) : null,
  }));
  return (row, buffer, start, end) => {
    try {
      parseObject(buffer, start, end, (object) => {
        for (let i = 0; i < fields.length; i++) {
          const { get, convert, set } = fields[i];
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
