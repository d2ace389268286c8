import { keyColumns } from '../../flow/context.ts';
import { writtenColumns } from '../../outputs/output.ts';
import { optional, required } from '../../spec/field.ts';
import { oneOf, oneOrMore, topicName } from '../../spec/kinds.ts';
import { entryOf } from '../../yaml/node.ts';
import { type SinkSpec, schemaField } from './sink.ts';

const fields = {
  topic: required(topicName, 'The topic. Made when it is not there.'),
  key: optional(oneOrMore('a column, or a list of columns'), "The record's key, which picks its partition."),
  format: optional(oneOf(['json', 'avro']), 'Default: avro with a schema, else json.'),
  schema: schemaField,
};

export const topic: SinkSpec<typeof fields> = {
  type: 'topic',
  doc: 'Rows to a topic: Avro with Confluent framing, or JSON.',
  example: '- { id: alerts, from: scored, where: "score > 0.9", type: topic, topic: fraud.alerts, schema: alert }',
  delivery: 'Appended together with the mark that the batch is done, so a batch stands there once.',
  fields,
  plan({ values, at }, input, { report }) {
    const { stream, schema, node } = input;
    const schemaNode = entryOf(node, 'schema')?.value;
    const key = values.key === undefined ? null : keyColumns(values.key, stream, report);
    const format = values.format ?? (schemaNode === undefined ? 'json' : 'avro');
    if (format === 'avro' && schemaNode === undefined && at.format !== undefined)
      report.error(at.format, 'missing_key', 'Avro needs a schema.', 'Add schema: with the name of one under schemas.');
    return { type: 'topic', topic: values.topic.text, format, schema: schema?.json ?? null, key, columns: writtenColumns(input, schemaNode, report) };
  },
};
