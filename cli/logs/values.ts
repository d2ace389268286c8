import { avroDecoder, columnsOf, type ParsedSchema, parseSchema } from '@millrace/shared-schemas/avro.ts';
import { readSchemaId } from '@millrace/shared-schemas/framing.ts';
import { rowJson } from '@millrace/shared-schemas/json/value.ts';
import type { SchemaRegistry } from '@millrace/shared-schemas/registry/registry.ts';
import { rowMaker } from '@millrace/shared-schemas/row.ts';
import type { TopicInfo } from '@millrace/transport/log.ts';
import type { ValuePrinter } from './record-printer.ts';
import { binaryField, jsonField, textField } from './text.ts';
import { formatOf } from './topics.ts';

/** How the values of a topic are printed. What cannot be decoded is printed as the bytes it is. */
export function valuePrinter(topic: TopicInfo, registry: Pick<SchemaRegistry, 'byId'>): ValuePrinter {
  switch (formatOf(topic)) {
    case 'json':
      return jsonField;
    case 'avro':
      return avroPrinter(topic, registry);
    case 'exchange':
      return binaryField;
    case 'bytes':
      return textField;
  }
}

/** Each record by the schema it was written with: the registry's of its id, else the topic's own. */
function avroPrinter(topic: TopicInfo, registry: Pick<SchemaRegistry, 'byId'>): ValuePrinter {
  const own = topic.meta.schema === undefined ? null : parseSchema(JSON.parse(topic.meta.schema));
  const printers = new Map<number, ValuePrinter>();
  return (name, bytes) => {
    const id = readSchemaId(bytes, 0, bytes.length);
    let print = printers.get(id);
    if (print === undefined) {
      const schema = id < 0 ? null : (registry.byId(id) ?? own);
      print = schema === null ? binaryField : schemaPrinter(schema);
      printers.set(id, print);
    }
    return print(name, bytes);
  };
}

/** Longs in full digits, other types as `format: json` writes them. */
function schemaPrinter(schema: ParsedSchema): ValuePrinter {
  const columns = columnsOf(schema).map(({ name, type, nullable }, i) => ({ name, type, nullable, slot: `f${i}` }));
  const slots = Object.fromEntries(columns.map(({ name, slot }) => [name, slot]));
  const decode = avroDecoder(schema, slots, { framing: 'confluent' });
  const row = rowMaker(columns.map(({ slot }) => slot))();
  return (name, bytes) => (decode(row, bytes, 0, bytes.length) === undefined ? { name, json: rowJson(row, columns) } : binaryField(name, bytes));
}
