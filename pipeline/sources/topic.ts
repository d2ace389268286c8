import { required } from '../spec/field.ts';
import { oneOf, topicName } from '../spec/kinds.ts';
import type { SourceSpec } from './source.ts';

const fields = {
  topic: required(topicName, 'The topic.'),
  format: required(oneOf(['json', 'avro']), 'How values are written; avro is Confluent-framed.'),
};

export const topic: SourceSpec<typeof fields> = {
  type: 'topic',
  doc: 'Records of a topic, each partition in its order.',
  example:
    '- { id: transactions, type: topic, topic: transactions, format: json, schema: transaction, key: card_id, event_time: { field: event_time, out_of_order: 2s } }',
  delivery: 'Read from the beginning; positions are part of every commit.',
  fields,
  plan: ({ values }) => ({ type: 'topic', topic: values.topic.text, path: null, format: values.format, generator: null }),
};
