import type { Row, Value } from '@millrace/shared-schemas/types.ts';
import type { Expr } from '../expr.ts';
import { literalValue } from '../literal.ts';
import { isComparison, tester } from './compile-operator.ts';

type Evaluate = (row: Row) => Value;
type Predicate = (row: Row) => boolean;

const harmless: ReadonlySet<string> = new Set([
  'eq',
  'ne',
  'lt',
  'le',
  'gt',
  'ge',
  'distinct',
  'not_distinct',
  'not',
  'is_null',
  'is_not_null',
  'in',
  'between',
  'coalesce',
  'list_extract',
  'struct_extract',
]);

/** Whether an expression can never fail for a record: then an unknown part need not be looked behind. */
function cannotFail(expr: Expr): boolean {
  switch (expr.op) {
    case 'column':
    case 'literal':
      return true;
    case 'and':
    case 'or':
      return expr.args.every(cannotFail);
    case 'call':
      return harmless.has(expr.fn) && expr.args.every(cannotFail);
    case 'case':
      return cannotFail(expr.otherwise) && expr.when.every((pair) => pair.every(cannotFail));
    default:
      return false;
  }
}

/** A number column against a constant, the most usual filter of all. */
function againstNumber(fn: string, get: Evaluate, constant: number, floating: boolean): Predicate | null {
  if (Number.isNaN(constant)) return null;
  switch (fn) {
    case 'gt':
      // NaN is above every number, and what is not above a number is below or equal; NULL is neither
      return floating
        ? (row) => {
            const value = get(row) as number | null;
            return value !== null && !(value <= constant);
          }
        : (row) => {
            const value = get(row) as number | null;
            return value !== null && value > constant;
          };
    case 'ge':
      return floating
        ? (row) => {
            const value = get(row) as number | null;
            return value !== null && !(value < constant);
          }
        : (row) => {
            const value = get(row) as number | null;
            return value !== null && value >= constant;
          };
    case 'lt':
      return (row) => {
        const value = get(row) as number | null;
        return value !== null && value < constant;
      };
    case 'le':
      return (row) => {
        const value = get(row) as number | null;
        return value !== null && value <= constant;
      };
    case 'eq':
      return (row) => get(row) === constant;
    default:
      return null;
  }
}

function within(get: Evaluate, values: readonly Value[]): Predicate {
  const known = values.filter((value) => value !== null);
  // a few compares beat a hash; NaN equals itself only in a Set
  if (known.length > 4 || known.some((value) => typeof value !== 'string')) {
    const set = new Set(known);
    return (row) => {
      const value = get(row);
      return value !== null && set.has(value);
    };
  }
  const [a, b = a, c = a, d = a] = known as string[];
  if (known.length <= 2) {
    return (row) => {
      const value = get(row);
      return value === a || value === b;
    };
  }
  return (row) => {
    const value = get(row);
    return value === a || value === b || value === c || value === d;
  };
}

function ofCall(expr: Expr & { readonly op: 'call' }, compile: (part: Expr) => Evaluate): Predicate | null {
  const { fn, args } = expr;
  if (isComparison(fn)) {
    const { type } = args[0];
    const left = compile(args[0]);
    const constant = args[1].op === 'literal' ? literalValue(args[1]) : undefined;
    if (typeof constant === 'number') {
      const quick = againstNumber(fn, left, constant, type.kind === 'DOUBLE' || type.kind === 'FLOAT');
      if (quick !== null) return quick;
    }
    if (fn === 'eq' && typeof constant === 'string') return (row) => left(row) === constant;
    const test = tester(fn, type);
    const right = compile(args[1]);
    return (row) => {
      const a = left(row);
      const b = right(row);
      return a !== null && b !== null && test(a, b);
    };
  }
  if (fn === 'in' && args.slice(1).every((arg) => arg.op === 'literal')) {
    return within(
      compile(args[0]),
      args.slice(1).map((arg) => literalValue(arg as Expr & { readonly op: 'literal' })),
    );
  }
  return null;
}

/** A test that holds where the expression is TRUE and fails exactly where its closure fails. `compile` gives the closures of parts. */
export function compilePredicateOf(expr: Expr, compile: (part: Expr) => Evaluate): Predicate {
  const again = (part: Expr) => compilePredicateOf(part, compile);
  if (expr.op === 'and' && expr.args.slice(1).every(cannotFail)) {
    // where the rest cannot fail, a NULL may end it as FALSE does
    const parts = expr.args.map(again);
    const [a, b] = parts;
    if (parts.length === 2) return (row) => a(row) && b(row);
    return (row) => {
      for (const part of parts) if (!part(row)) return false;
      return true;
    };
  }
  if (expr.op === 'or') {
    // after a NULL the next part is evaluated as well, and only TRUE ends it
    const parts = expr.args.map(again);
    return (row) => {
      for (const part of parts) if (part(row)) return true;
      return false;
    };
  }
  const quick = expr.op === 'call' ? ofCall(expr, compile) : null;
  if (quick !== null) return quick;
  const evaluate = compile(expr);
  return (row) => evaluate(row) === true;
}
