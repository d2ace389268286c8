import { required } from '../spec/field.ts';
import { expression } from '../spec/kinds.ts';
import type { StepSpec } from './step.ts';

const fields = { where: required(expression, 'A condition over the columns of the record.') };

export const filter: StepSpec<typeof fields> = {
  type: 'filter',
  doc: 'Keeps the records for which the condition is TRUE; FALSE and NULL go.',
  example: `- { id: valid, type: filter, where: "amount > 0 AND currency IN ('USD','EUR')" }`,
  delivery: 'Keeps no state. A record whose condition fails is a dead letter.',
  fields,
  async plan({ values }, input, { expressions }) {
    const where = await expressions.condition(values.where, input);
    return { body: { type: 'filter', where }, columns: input.columns, shape: input.shape, broken: input.broken };
  },
};
