import { keyColumns } from '../flow/context.ts';
import { optional, required } from '../spec/field.ts';
import { oneOf, oneOrMore, topicName } from '../spec/kinds.ts';
import { entryOf } from '../yaml/node.ts';
import { type OutputSpec, writtenColumns } from './output.ts';

const fields = {
  topic: required(topicName, 'The topic. Made when it is not there.'),
  key: optional(oneOrMore('a column, or a list of columns'), "The record's key, which picks its partition."),
  format: optional(oneOf(['json', 'avro']), 'Default: avro with a schema, else json.'),
};

export const topic: OutputSpec<typeof fields> = {
  type: 'topic',
  doc: 'Records to a topic: Avro with Confluent framing, or JSON.',
  example: '- { id: bridge, from: live, topic: transactions.enriched, schema: scored, key: card_id }',
  delivery: 'Each record carries the number of its writer, so a recovery appends only what is missing.',
  fields,
  plan({ values, at }, input, { report }) {
    const { stream, schema, node } = input;
    const schemaNode = entryOf(node, 'schema')?.value;
    const key = values.key === undefined ? null : keyColumns(values.key, stream, report);
    const format = values.format ?? (schemaNode === undefined ? 'json' : 'avro');
    if (format === 'avro' && schemaNode === undefined && at.format !== undefined)
      report.error(at.format, 'missing_key', 'Avro needs a schema.', 'Add schema: with the name of one under schemas.');
    return { kind: 'topic', topic: values.topic.text, format, schema: schema?.json ?? null, key, columns: writtenColumns(input, schemaNode, report) };
  },
};
