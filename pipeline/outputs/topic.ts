import type { OutputSpec } from './output.ts';
import { topicBody, topicFields } from './written.ts';

export const topic: OutputSpec<typeof topicFields> = {
  type: 'topic',
  doc: 'Records to a topic: Avro with Confluent framing, or JSON.',
  example: '- { id: bridge, from: live, topic: transactions.enriched, schema: scored, key: card_id }',
  delivery: 'Each record carries the number of its writer, so a recovery appends only what is missing.',
  fields: topicFields,
  plan: (read, input, { report }) => ({ kind: 'topic', ...topicBody(read, input, report) }),
};
