import { withDefault } from '../../spec/field.ts';
import { number } from '../../spec/kinds.ts';
import type { SinkSpec } from './sink.ts';

const fields = {
  limit: withDefault(number({ min: 1, max: 1_000_000, integer: true }), 20, '20', 'Rows of a batch shown at most.'),
};

export const consoleSink: SinkSpec<typeof fields> = {
  type: 'console',
  doc: 'Rows of each batch as a table on the terminal.',
  example: '- { id: screen, from: by_merchant, type: console }',
  delivery: 'For people: a batch that is run again may be shown again.',
  fields,
  plan: ({ values }, { stream }) => ({ type: 'console', limit: values.limit, columns: stream.columns }),
};
