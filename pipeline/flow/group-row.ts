import type { Column } from '@millrace/shared-schemas/types.ts';
import type { Report } from '../report.ts';
import type { NamedExpression } from '../spec/kinds.ts';
import type { Checked } from '../sql/expr.ts';
import { headOf, type MapNode, type ScalarNode } from '../yaml/node.ts';
import { clashes } from './context.ts';
import type { Aggregates } from './expressions.ts';
import { columnOf, Shape } from './stream.ts';

const BOUNDS = ['window_start', 'window_end'];

/** The row of one group: the key columns, the select columns and, of a window, window_start and window_end (epoch ms, end exclusive). */
export interface GroupRow {
  readonly shape: Shape;
  readonly columns: readonly Column[];
  readonly keySlots: readonly string[];
  readonly select: readonly { readonly slot: string; readonly expr: Checked }[];
  /** empty names when there is no window */
  readonly bounds: { readonly startSlot: string; readonly endSlot: string };
}

/** Lays out the row, and reports names that would stand twice in it. `nullable`: whether a group may have NULL in its key. */
export function groupRow(
  keyNodes: readonly ScalarNode[],
  key: readonly Column[],
  selected: readonly NamedExpression[],
  checked: Pick<Aggregates, 'results'>,
  windowed: boolean,
  node: MapNode,
  report: Report,
  nullable = false,
): GroupRow {
  const shape = new Shape();
  const reserved = windowed ? BOUNDS : [];
  const what = windowed ? "A window's row" : 'The row of a group';
  const columns: Column[] = key.map((column) => ({ ...column, nullable: nullable && column.nullable, slot: shape.allocate(column.name) }));
  const keySlots = columns.map(({ slot }) => slot);
  for (const { name } of selected) {
    const taken = columnOf(columns, name.text) !== undefined || reserved.includes(name.text.toLowerCase());
    if (taken) report.error(name, 'duplicate_column', `${what} has a column ${name.shown} already.`, 'Use another name.');
    else clashes(name, key, report);
  }
  for (const [i, column] of key.entries()) {
    if (reserved.includes(column.name.toLowerCase()))
      report.error(keyNodes[i] ?? headOf(node), 'duplicate_column', `${what} has a column ${column.name} already.`, 'Rename the key column in a map step.');
  }
  const select = checked.results.map(({ name, expr }) => {
    const slot = shape.allocate(name);
    columns.push({ name, type: expr.type, nullable: expr.nullable, slot });
    return { slot, expr };
  });
  const [startSlot, endSlot] = windowed ? BOUNDS.map((name) => shape.allocate(name)) : ['', ''];
  if (windowed) {
    columns.push(
      { name: BOUNDS[0], type: { kind: 'BIGINT' }, nullable: false, slot: startSlot },
      { name: BOUNDS[1], type: { kind: 'BIGINT' }, nullable: false, slot: endSlot },
    );
  }
  return { shape, columns, keySlots, select, bounds: { startSlot, endSlot } };
}

/** The names that have no column. */
export function namesWithout(names: readonly ScalarNode[], columns: readonly Column[]): string[] {
  return names.map(({ text }) => text).filter((text) => columnOf(columns, text) === undefined);
}
