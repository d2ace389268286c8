import type { Column } from '@millrace/shared-schemas/types.ts';
import { columnOf, Shape, type Stream } from '../flow/stream.ts';
import type { Report } from '../report.ts';
import { sameType, typeSql } from '../sql/sql-type.ts';
import type { Range } from '../yaml/node.ts';
import type { StepDraft, StepSpec } from './step.ts';

const fields = {};

export const union: StepSpec<typeof fields> = {
  type: 'union',
  doc: 'All records of several inputs, whose columns have the same names and types (in any order). `from: [a, b]` on any other step or output does the same.',
  example: '- { id: both, type: union, from: [cards, transfers] }',
  delivery: 'Inputs from several logs merge by event time, ties in the order of declaration, waiting at most `merge_wait` for a silent one (`timing`).',
  fields,
  plan(_read, input) {
    return { body: { type: 'union', inputs: [] }, columns: input.columns, shape: input.shape, broken: input.broken };
  },
};

/** The union of several streams: columns of the first, in its order. `places` says where each input was named. */
export function unite(inputs: readonly Stream[], places: readonly Range[], report: Report): StepDraft {
  const [first] = inputs;
  const shape = new Shape();
  const broken = new Set(inputs.flatMap((input) => [...input.broken]));
  for (const [i, input] of inputs.entries()) if (i > 0) compare(first, input, broken, places[i], report);
  const columns: Column[] = [];
  for (const column of first.columns) {
    const others = inputs.map((input) => columnOf(input.columns, column.name));
    if (others.some((other) => other === undefined || !sameType(other.type, column.type))) broken.add(column.name);
    else columns.push({ ...column, nullable: others.some((other) => other?.nullable === true), slot: shape.allocate(column.name) });
  }
  const copies = inputs.map((input) => ({
    from: input.id,
    copy: columns.map((column) => [columnOf(input.columns, column.name)?.slot ?? '', column.slot] as const),
  }));
  return { body: { type: 'union', inputs: copies }, columns, shape, broken };
}

function compare(first: Stream, other: Stream, broken: ReadonlySet<string>, at: Range, report: Report): void {
  const tell = (message: string): void => report.error(at, 'union_mismatch', message);
  for (const column of first.columns) {
    const match = columnOf(other.columns, column.name);
    if (match === undefined && !broken.has(column.name)) tell(`${other.id} has no column ${column.name}, ${first.id} has.`);
    else if (match !== undefined && !sameType(match.type, column.type))
      tell(`The column ${column.name} is ${typeSql(match.type)} in ${other.id} and ${typeSql(column.type)} in ${first.id}.`);
  }
  for (const { name } of other.columns)
    if (columnOf(first.columns, name) === undefined && !broken.has(name)) tell(`${first.id} has no column ${name}, ${other.id} has.`);
}
