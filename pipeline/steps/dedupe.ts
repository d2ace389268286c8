import { keyColumns } from '../flow/context.ts';
import { required } from '../spec/field.ts';
import { duration, oneOrMore } from '../spec/kinds.ts';
import type { StepSpec } from './step.ts';
import { needEventTime } from './time.ts';

const fields = {
  key: required(oneOrMore('a column, or a list of columns'), 'What tells records apart.'),
  within: required(duration({ min: 1 }), 'How long after the first a further record counts as a repeat, in event time.'),
};

export const dedupe: StepSpec<typeof fields> = {
  type: 'dedupe',
  doc: 'Passes the first record of a key. A repeat is one whose event time is less than `within` from that of the record that passed; repeats do not extend it.',
  example: '- { id: once, type: dedupe, key: tx_id, within: 10m }',
  delivery:
    'Keeps the keys that passed, for `within`. Which of several records arrives first is up to the order of arrival behind an exchange or a merge (`timing`).',
  fields,
  plan({ values, node }, input, { report }) {
    needEventTime(node, input, 'dedupe', report);
    const key = keyColumns(values.key, input, report);
    return { body: { type: 'dedupe', key, within: values.within }, columns: input.columns, shape: input.shape, broken: input.broken, key };
  },
};
