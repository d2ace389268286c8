import { avroDecoder, columnsOf, parseSchema } from '@millrace/shared-schemas/avro.ts';
import { rowJson } from '@millrace/shared-schemas/json/value.ts';
import { rowMaker } from '@millrace/shared-schemas/row.ts';
import type { TopicInfo } from '@millrace/transport/log.ts';
import type { ValuePrinter } from './record-printer.ts';
import { binaryField, jsonField, textField } from './text.ts';
import { formatOf } from './topics.ts';

/** How the values of a topic are printed. What an Avro topic's schema cannot decode is printed as the bytes it is. */
export function valuePrinter(topic: TopicInfo): ValuePrinter {
  switch (formatOf(topic)) {
    case 'json':
      return jsonField;
    case 'avro':
      return topic.meta.schema === undefined ? binaryField : avroPrinter(JSON.parse(topic.meta.schema));
    case 'exchange':
      return binaryField;
    case 'bytes':
      return textField;
  }
}

/** Longs in full digits, other types as `format: json` writes them. */
function avroPrinter(schemaJson: unknown): ValuePrinter {
  const schema = parseSchema(schemaJson);
  const columns = columnsOf(schema).map(({ name, type, nullable }, i) => ({ name, type, nullable, slot: `f${i}` }));
  const decode = avroDecoder(schema, Object.fromEntries(columns.map(({ name, slot }) => [name, slot])), { framing: 'confluent' });
  const row = rowMaker(columns.map(({ slot }) => slot))();
  return (name, bytes) => (decode(row, bytes, 0, bytes.length) === undefined ? { name, json: rowJson(row, columns) } : binaryField(name, bytes));
}
