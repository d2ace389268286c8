import type { Column } from '@millrace/shared-schemas/types.ts';
import { clashes, columnsNamed } from '../flow/context.ts';
import { optional } from '../spec/field.ts';
import { expressions as expressionMap, names } from '../spec/kinds.ts';
import { headOf } from '../yaml/node.ts';
import type { StepSpec } from './step.ts';

const fields = {
  set: optional(expressionMap, 'Columns to add or replace. Every expression sees the incoming record.'),
  drop: optional(names('a list of columns'), 'Columns to leave out, once `set` is done.'),
};

export const map: StepSpec<typeof fields> = {
  type: 'map',
  doc: 'Adds, replaces and drops columns. A replaced column keeps its place, a new one comes last.',
  example: `- { id: usd, type: map, set: { amount_usd: "amount * 1.1" }, drop: [pad] }`,
  delivery: 'Keeps no state. A record whose expression fails is a dead letter.',
  fields,
  async plan({ values, node }, input, { report, expressions }) {
    const { set = [], drop = [] } = values;
    if (values.set === undefined && values.drop === undefined) report.error(headOf(node), 'missing_key', 'A map needs set, drop, or both.');
    const broken = new Set(input.broken);
    const columns: Column[] = [...input.columns];
    const planned = [];
    for (const { name, expr } of set) {
      const checked = await expressions.scalar(expr, input);
      const at = columns.findIndex((column) => column.name === name.text);
      if (checked === null || clashes(name, columns, report)) {
        broken.add(name.text);
        if (at >= 0) columns.splice(at, 1);
        continue;
      }
      const copied = checked.tree.op === 'column' ? checked.tree.slot : undefined;
      const slot = input.shape.allocate(name.text, copied);
      const column = { name: name.text, type: checked.type, nullable: checked.nullable, slot };
      if (at >= 0) columns[at] = column;
      else columns.push(column);
      broken.delete(name.text);
      planned.push({ slot, expr: checked });
    }
    const dropped = new Set(columnsNamed(drop, { columns, broken }, report).map((column) => column.name));
    for (const column of [...columns]) if (dropped.has(column.name)) columns.splice(columns.indexOf(column), 1);
    if (columns.length === 0 && broken.size === 0) report.error(headOf(node), 'wrong_type', 'The map drops every column.', 'Keep at least one.');
    return { body: { type: 'map', set: planned }, columns, shape: input.shape, broken };
  },
};
