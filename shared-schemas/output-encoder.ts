import { avroEncoder, fieldOf, parseSchema } from './avro.ts';
import { jsonEncoder } from './json/encoder.ts';
import type { Column, RowEncoder } from './types.ts';

/** The columns of a JSON or CSV output, each with the field of the schema it goes to, when there is one. */
export function outputFields(columns: readonly Column[], schema: unknown): Parameters<typeof jsonEncoder>[0] {
  const parsed = schema === null ? null : parseSchema(schema);
  return columns.map(({ name, slot, type }) => {
    const avroField = parsed && fieldOf(parsed, name);
    return avroField ? { name, slot, type, avroField } : { name, slot, type };
  });
}

/** The encoder of an output to a topic; `schemaId` is the Avro schema's in the registry. */
export function topicEncoder(
  output: { readonly format: 'json' | 'avro'; readonly schema: unknown; readonly columns: readonly Column[] },
  schemaId: number | undefined,
): RowEncoder {
  if (output.format === 'json') return jsonEncoder(outputFields(output.columns, output.schema));
  const fields = output.columns.map(({ name, slot, type }) => ({ field: name, slot, type }));
  return avroEncoder(parseSchema(output.schema), fields, schemaId === undefined ? {} : { schemaId });
}
