import { conversion, whyNot } from './codec/convert.ts';
import { type AvroField, sqlTypeOf } from './codec/node.ts';
import { FlawError, type SqlType, type Value } from './types.ts';

/** A column on its way into a file, with the field of the schema it goes to when there is one. */
export interface WrittenField {
  readonly name: string;
  readonly slot: string;
  readonly type: SqlType;
  readonly avroField?: AvroField;
}

/** The type that the field's values have once they are converted. */
export function writtenType({ type, avroField }: WrittenField): SqlType {
  return avroField === undefined ? type : sqlTypeOf(avroField.node);
}

/** From a column's value to the field's; null without a schema, when values stay as they are. The function throws `FlawError` value_out_of_range. */
export function fieldValue({ name, type, avroField }: WrittenField): ((value: Value) => Value) | null {
  if (avroField === undefined) return null;
  const { node } = avroField;
  const reason = whyNot(type, node);
  if (reason !== null) throw new Error(`field ${name}: ${reason}`);
  const convert = conversion(type, node, name);
  const nullable = node.nullAt >= 0;
  return (value) => {
    if (value !== null) return convert === null ? value : convert(value);
    if (!nullable) throw new FlawError('value_out_of_range', `${name} is NULL, which its schema does not allow`);
    return null;
  };
}
