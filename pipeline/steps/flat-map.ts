import { clashes } from '../flow/context.ts';
import { columnOf } from '../flow/stream.ts';
import { required } from '../spec/field.ts';
import { expression, name } from '../spec/kinds.ts';
import type { StepSpec } from './step.ts';

const fields = {
  each: required(expression, 'A list: a column, or an expression.'),
  as: required(name(), 'The column that takes one element.'),
};

export const flatMap: StepSpec<typeof fields> = {
  type: 'flat_map',
  doc: 'One record for each element of a list; the list column stays. NULL or an empty list gives none.',
  example: `- { id: lines, type: flat_map, each: "items", as: item }`,
  delivery: 'Keeps no state.',
  fields,
  async plan({ values }, input, { report, expressions }) {
    const each = await expressions.scalar(values.each, input);
    const broken = new Set(input.broken);
    const as = values.as.text;
    const columns = [...input.columns];
    const body = { type: 'flat_map', each: each ?? expressions.nothing, slot: as } as const;
    if (each !== null && each.type.kind !== 'LIST')
      report.error(values.each, 'type_error', `each has to be a list, this is ${each.type.kind}.`, 'Name a column that holds a list.');
    const taken = columnOf(columns, as) !== undefined;
    if (taken) report.error(values.as, 'duplicate_column', `There is a column ${as} already.`, 'Use another name for the element.');
    if (each === null || each.type.kind !== 'LIST' || taken || clashes(values.as, columns, report)) {
      broken.add(as);
      return { body, columns, shape: input.shape, broken };
    }
    const slot = input.shape.allocate(as);
    columns.push({ name: as, type: each.type.of, nullable: true, slot });
    broken.delete(as);
    return { body: { ...body, slot }, columns, shape: input.shape, broken };
  },
};
