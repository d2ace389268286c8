import type { Column } from '@millrace/shared-schemas/types.ts';
import type { Report } from '../report.ts';
import { didYouMean } from '../suggest.ts';
import type { Table } from '../tables.ts';
import type { ScalarNode } from '../yaml/node.ts';
import type { Expressions } from './expressions.ts';
import { columnOf, type Stream } from './stream.ts';

/** What steps, sources and outputs are planned with. */
export interface PlanContext {
  readonly report: Report;
  readonly expressions: Expressions;
  readonly tables: ReadonlyMap<string, Table>;
  readonly models: ReadonlyMap<string, DeclaredModel>;
}

/** What a score needs to know of a model. */
export interface DeclaredModel {
  /** empty where a finding says what is wrong with them */
  readonly features: readonly string[];
  readonly swap: 'immediate' | 'at_event_time';
  /** ms between training boundaries; null: nothing trains it */
  readonly every: number | null;
}

/** The columns of these names; names that are not there are reported. */
export function columnsNamed(names: readonly ScalarNode[], stream: Pick<Stream, 'columns' | 'broken'>, report: Report): Column[] {
  return names.map((node) => columnNamed(node, stream, report)).filter((column) => column !== undefined);
}

export function columnNamed(node: ScalarNode, stream: Pick<Stream, 'columns' | 'broken'>, report: Report): Column | undefined {
  const column = columnOf(stream.columns, node.text);
  if (column !== undefined || stream.broken.has(node.text)) return column;
  const known = stream.columns.map(({ name }) => name);
  report.error(node, 'unknown_column', `There is no column ${node.shown} here.`, didYouMean(node.text, known));
  return undefined;
}

/** Columns by which records can be told apart: a key. Reports columns of types that cannot be one. */
export function keyColumns(names: readonly ScalarNode[], stream: Pick<Stream, 'columns' | 'broken'>, report: Report): Column[] {
  const columns = columnsNamed(names, stream, report);
  for (const column of columns) {
    const { kind } = column.type;
    if (kind !== 'LIST' && kind !== 'STRUCT' && kind !== 'MAP' && kind !== 'BLOB') continue;
    const node = names.find((name) => name.text === column.name);
    if (node !== undefined) report.error(node, 'type_error', `A ${kind} cannot be a key.`, 'Use a column of numbers, text, dates or booleans.');
  }
  return columns;
}

/**
 * Whether a new column may have this name beside those there already: SQL does not tell names apart by their case, so a stream
 * cannot hold both. A name equal to the letter is the caller's to judge.
 */
export function clashes(node: ScalarNode, columns: readonly { readonly name: string }[], report: Report): boolean {
  const other = columns.find(({ name }) => name !== node.text && name.toLowerCase() === node.text.toLowerCase());
  if (other !== undefined) report.error(node, 'duplicate_column', `${node.shown} and ${other.name} are the same name in SQL.`, 'Rename one of them.');
  return other !== undefined;
}
