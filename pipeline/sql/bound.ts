import { FlawError, type SqlType, type Value } from '@millrace/shared-schemas/types.ts';
import { closed, type OpenType } from './common-type.ts';
import { compile } from './compile.ts';
import type { Expr, SqlFlaw } from './expr.ts';
import { literalOf } from './literal.ts';
import type { Place } from './sql-tree.ts';
import { isNumeric, sameType, typeSql } from './sql-type.ts';

/** An expression under way: its tree so far, the type it has or may still take, and where it stands in the text. */
export interface Bound {
  readonly expr: Expr;
  readonly type: OpenType;
  readonly nullable: boolean;
  readonly place: Place;
  /** not seen as a constant by DuckDB's binder, though it may have come to one here: a call with such a NULL still has a type */
  readonly late?: true;
}

/** Carries a flaw out of the recursion of the binder. */
export class BindError extends Error {
  readonly flaw: SqlFlaw;
  constructor(code: string, message: string, place: Place, hint?: string) {
    super(message);
    this.flaw = { code, message, ...(hint === undefined ? {} : { hint }), start: place.start, end: place.end };
  }
}

export function nullOf(type: SqlType): Expr {
  return { op: 'literal', text: null, type };
}

export function describeType(type: OpenType): string {
  return type.kind === 'NULL' ? 'NULL' : typeSql(closed(type));
}

const scalar: ReadonlySet<string> = new Set(['BOOLEAN', 'DATE', 'TIMESTAMP', 'VARCHAR']);

/** Whether DuckDB has such a cast and this page keeps it. */
function castable(from: SqlType, to: SqlType): boolean {
  if (sameType(from, to)) return true;
  if (from.kind === 'LIST' && to.kind === 'LIST') return castable(from.of, to.of);
  const number = (type: SqlType) => isNumeric(type) || type.kind === 'BOOLEAN';
  if (number(from) && number(to)) return true;
  if (from.kind === 'VARCHAR' || to.kind === 'VARCHAR') return (number(from) || scalar.has(from.kind)) && (number(to) || scalar.has(to.kind));
  return (from.kind === 'DATE' && to.kind === 'TIMESTAMP') || (from.kind === 'TIMESTAMP' && to.kind === 'DATE');
}

const noRow = {};

/** The literal a tree of constants comes to, or the tree itself when it holds a column, is no scalar, or raises. */
export function folded(expr: Expr): Expr {
  const constant = (part: Expr): boolean => part.op === 'literal';
  const parts = expr.op === 'call' || expr.op === 'and' || expr.op === 'or' ? expr.args : expr.op === 'cast' ? [expr.arg] : [];
  if (parts.length === 0 || !parts.every(constant)) return expr;
  if (expr.type.kind === 'LIST' || expr.type.kind === 'STRUCT' || expr.type.kind === 'MAP' || expr.type.kind === 'BLOB') return expr;
  // its secret is known to the run only
  if (expr.op === 'call' && expr.fn === 'hmac') return expr;
  try {
    return literalOf(compile(expr)(noRow) as Value, expr.type);
  } catch (error) {
    if (error instanceof FlawError) return expr;
    throw error;
  }
}

/** Casts as the user (or an overload) asks. A text constant that can never be such a value is told at once when the cast is DuckDB's own idea. */
export function castTo(bound: Bound, type: SqlType, how: 'implicit' | 'explicit' | 'safe' = 'implicit'): Bound {
  if (bound.type.kind === 'NULL') return { ...bound, expr: nullOf(type), type };
  const from = closed(bound.type);
  if (sameType(from, type)) return { ...bound, type };
  if (!castable(from, type)) {
    const message = `A value of type ${typeSql(from)} cannot be cast to ${typeSql(type)}.`;
    const known =
      from.kind === 'BLOB' || type.kind === 'BLOB' || from.kind === 'STRUCT' || type.kind === 'STRUCT' || from.kind === 'MAP' || from.kind === 'LIST';
    throw new BindError(known ? 'unsupported_expression' : 'type_error', message, bound.place);
  }
  const expr = folded({ op: 'cast', arg: bound.expr, safe: how === 'safe', type });
  if (expr.op === 'cast' && how === 'implicit' && bound.type.kind === 'STRING_LITERAL') {
    throw new BindError('type_error', `The text '${(bound.expr as { text: string }).text}' is no ${typeSql(type)}.`, bound.place);
  }
  return { ...bound, expr, type, nullable: bound.nullable || how === 'safe' };
}
