import { topicBody, topicFields } from '../../outputs/written.ts';
import { type SinkSpec, schemaField } from './sink.ts';

const fields = { ...topicFields, schema: schemaField };

export const topic: SinkSpec<typeof fields> = {
  type: 'topic',
  doc: 'Rows to a topic: Avro with Confluent framing, or JSON.',
  example: '- { id: alerts, from: scored, where: "score > 0.9", type: topic, topic: fraud.alerts, schema: alert }',
  delivery: 'Appended together with the mark that the batch is done, so a batch stands there once.',
  fields,
  plan: (read, input, { report }) => ({ type: 'topic', ...topicBody(read, input, report) }),
};
