import type { Duckdb } from '@millrace/runtime/duckdb.ts';
import type { SqlNode } from './sql-tree.ts';

/** A length of time as DuckDB keeps one: its three parts are never converted into each other. `micros` in exact form. */
export interface Interval {
  readonly months: number;
  readonly days: number;
  readonly micros: number | bigint;
}

const makers = new Set(
  ['years', 'months', 'days', 'hours', 'minutes', 'seconds', 'milliseconds', 'microseconds', 'weeks', 'quarters', 'decades', 'centuries', 'millennia'].map(
    (unit) => `to_${unit}`,
  ),
);

const castTypes = new Set(['INTERVAL', 'DOUBLE', 'INTEGER', 'BIGINT']);

/** Whether a node would be an INTERVAL, literal or not. */
export function isInterval(node: SqlNode): boolean {
  return (node.class === 'CAST' && node.cast_type?.id === 'INTERVAL') || (node.class === 'FUNCTION' && makers.has(node.function_name ?? ''));
}

/** The SQL of an interval built of constants alone; null for any other. */
function literalSql(node: SqlNode): string | null {
  if (node.class === 'CONSTANT') {
    const value = node.value?.value;
    return node.value?.is_null === false && typeof value === 'string' && node.value.type.id !== 'DECIMAL'
      ? `'${value.replaceAll("'", "''")}'`
      : decimalSql(node);
  }
  if (node.class === 'CAST' && node.child !== undefined && castTypes.has(node.cast_type?.id ?? '')) {
    const inner = literalSql(node.child);
    return inner === null ? null : `CAST(${inner} AS ${node.cast_type?.id})`;
  }
  if (
    node.class === 'FUNCTION' &&
    (makers.has(node.function_name ?? '') || node.function_name === 'trunc' || node.function_name === '-') &&
    node.children?.length === 1
  ) {
    const inner = literalSql(node.children[0]);
    return inner === null ? null : `${node.function_name === '-' ? '-' : node.function_name}(${inner})`;
  }
  return null;
}

function decimalSql(node: SqlNode): string | null {
  const value = node.value?.value;
  if (node.value?.type.id !== 'DECIMAL' || typeof value !== 'string') return null;
  return `${value}e-${node.value.type.type_info?.scale ?? '0'}`;
}

/** Every INTERVAL literal of a tree, valued by DuckDB: its text has a grammar of its own. Others stay out of the map. */
export async function intervalsOf(duckdb: Duckdb, root: SqlNode): Promise<ReadonlyMap<SqlNode, Interval>> {
  const found = new Map<SqlNode, Interval>();
  const open: unknown[] = [root];
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value !== 'object' || value === null) continue;
    const node = value as SqlNode;
    const sql = isInterval(node) ? literalSql(node) : null;
    if (sql === null) {
      open.push(...Object.values(value));
      continue;
    }
    try {
      const interval = (await duckdb.query(`SELECT ${sql}`)).rows[0][0];
      if (typeof interval === 'object' && interval !== null && 'months' in interval) found.set(node, interval as unknown as Interval);
    } catch {
      // left out: the binder refuses it at its place
    }
  }
  return found;
}
