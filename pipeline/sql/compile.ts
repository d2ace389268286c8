import { slotGetter } from '@millrace/shared-schemas/row.ts';
import type { Row, SqlType, Value } from '@millrace/shared-schemas/types.ts';
import { FlawError } from '@millrace/shared-schemas/types.ts';
import { castOf } from './casts/cast.ts';
import type { Expr } from './expr.ts';
import { overloadOf } from './functions/table.ts';
import { literalValue } from './literal.ts';
import { compileOperator } from './operators/compile-operator.ts';
import { compilePredicateOf } from './operators/predicate.ts';

/** What expressions may need beyond the row. */
export interface CompileOptions {
  /** the profile's secret for `hmac`; without it a record that needs it fails */
  readonly hmacSecret?: string | null;
}

export type Evaluate = (row: Row) => Value;
export type Predicate = (row: Row) => boolean;

type Call = Expr & { readonly op: 'call' };

function compileFunction(expr: Call, args: readonly Evaluate[], options: CompileOptions): Evaluate {
  const overload = overloadOf(expr.fn, options.hmacSecret ?? null);
  const apply = overload.make(
    expr.args.map((arg) => arg.type),
    expr.type,
    expr.detail,
  );
  const [a, b, c] = args;
  if (overload.nulls === 'own') {
    switch (args.length) {
      case 1:
        return (row) => apply(a(row));
      case 2:
        return (row) => apply(a(row), b(row));
      default:
        return (row) => apply(...args.map((arg) => arg(row)));
    }
  }
  // every argument is evaluated, even beside a NULL: what it raises, DuckDB raises
  switch (args.length) {
    case 0:
      return () => apply();
    case 1:
      return (row) => {
        const x = a(row);
        return x === null ? null : apply(x);
      };
    case 2:
      return (row) => {
        const x = a(row);
        const y = b(row);
        return x === null || y === null ? null : apply(x, y);
      };
    case 3:
      return (row) => {
        const x = a(row);
        const y = b(row);
        const z = c(row);
        return x === null || y === null || z === null ? null : apply(x, y, z);
      };
    default:
      return (row) => {
        const values = args.map((arg) => arg(row));
        return values.includes(null) ? null : apply(...values);
      };
  }
}

function compileCast(arg: Evaluate, from: SqlType, to: SqlType, safe: boolean): Evaluate {
  const cast = castOf(from, to);
  if (!safe) {
    return (row) => {
      const value = arg(row);
      return value === null ? null : cast(value);
    };
  }
  return (row) => {
    const value = arg(row);
    if (value === null) return null;
    try {
      return cast(value);
    } catch (error) {
      if (error instanceof FlawError) return null;
      throw error;
    }
  };
}

/** Left to right, ends at the first that decides: what comes after it is not evaluated. */
function compileConjunction(args: readonly Evaluate[], decides: boolean): Evaluate {
  return (row) => {
    let unknown = false;
    for (const arg of args) {
      const value = arg(row);
      if (value === decides) return decides;
      if (value === null) unknown = true;
    }
    return unknown ? null : !decides;
  };
}

function compileCase(when: readonly (readonly [Predicate, Evaluate])[], otherwise: Evaluate): Evaluate {
  if (when.length === 1) {
    const [condition, result] = when[0];
    return (row) => (condition(row) ? result(row) : otherwise(row));
  }
  return (row) => {
    for (const [condition, result] of when) if (condition(row)) return result(row);
    return otherwise(row);
  };
}

/**
 * Compiles a checked tree to a closure over rows that have its columns' slots. The closure keeps nothing of the row, and throws
 * `FlawError('expression_failed', …)` where the expression fails for a record.
 */
export function compile(expr: Expr, options: CompileOptions = {}): Evaluate {
  switch (expr.op) {
    case 'column':
      return slotGetter(expr.slot);
    case 'literal': {
      const value = literalValue(expr);
      return () => value;
    }
    case 'cast':
      return compileCast(compile(expr.arg, options), expr.arg.type, expr.type, expr.safe);
    case 'and':
    case 'or':
      return compileConjunction(
        expr.args.map((arg) => compile(arg, options)),
        expr.op === 'or',
      );
    case 'case':
      return compileCase(
        expr.when.map(([condition, result]) => [compilePredicate(condition, options), compile(result, options)] as const),
        compile(expr.otherwise, options),
      );
    case 'call': {
      const args = expr.args.map((arg) => compile(arg, options));
      return compileOperator(expr, args) ?? compileFunction(expr, args, options);
    }
  }
}

/** Compiles a BOOLEAN expression to a test that holds only where it is TRUE. It fails exactly where {@link compile}'s closure fails. */
export function compilePredicate(expr: Expr, options: CompileOptions = {}): Predicate {
  return compilePredicateOf(expr, (part) => compile(part, options));
}
