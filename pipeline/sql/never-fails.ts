import type { SqlType } from '@millrace/shared-schemas/types.ts';
import type { AggregateCall, Expr } from './expr.ts';
import { isComparison } from './operators/compile-operator.ts';

/** Integers whose sum, over any number of records, is within HUGEINT. */
const SMALL: ReadonlySet<SqlType['kind']> = new Set(['BOOLEAN', 'TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT']);
const FLOATING: ReadonlySet<SqlType['kind']> = new Set(['FLOAT', 'DOUBLE']);
const LOGIC: ReadonlySet<string> = new Set(['coalesce', 'not', 'is_null', 'is_not_null']);

/** Whether an expression has a value for every row. Said only of what is plain to see; false says nothing. */
export function neverFails(expr: Expr): boolean {
  switch (expr.op) {
    case 'column':
    case 'literal':
      return true;
    case 'cast':
      return (SMALL.has(expr.arg.type.kind) || FLOATING.has(expr.arg.type.kind)) && expr.type.kind === 'DOUBLE' && neverFails(expr.arg);
    case 'and':
    case 'or':
      return expr.args.every(neverFails);
    case 'case':
      return expr.when.every(([condition, result]) => neverFails(condition) && neverFails(result)) && neverFails(expr.otherwise);
    case 'call':
      return (isComparison(expr.fn) || LOGIC.has(expr.fn)) && expr.args.every(neverFails);
  }
}

/** Whether a call has a result over any rows. */
export function resultNeverFails({ fn, args, distinct }: AggregateCall): boolean {
  if (fn.startsWith('stddev') || fn.startsWith('var')) return false;
  if (fn !== 'sum' && fn !== 'avg') return true;
  return !distinct && (SMALL.has(args[0].type.kind) || FLOATING.has(args[0].type.kind));
}
