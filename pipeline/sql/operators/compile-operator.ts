import type { Row, SqlType, Value } from '@millrace/shared-schemas/types.ts';
import type { Expr } from '../expr.ts';
import { comparerOf, equalOf } from './compare.ts';

type Evaluate = (row: Row) => Value;
type Call = Expr & { readonly op: 'call' };
type Compared = 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge';

const passes: Readonly<Record<Compared, (order: number) => boolean>> = {
  eq: (order) => order === 0,
  ne: (order) => order !== 0,
  lt: (order) => order < 0,
  le: (order) => order <= 0,
  gt: (order) => order > 0,
  ge: (order) => order >= 0,
};

export function isComparison(fn: string): fn is Compared {
  return Object.hasOwn(passes, fn);
}

/** How two values of a type stand to each other, neither NULL. */
export function tester(fn: Compared, type: SqlType): (a: Value, b: Value) => boolean {
  if (fn === 'eq') return equalOf(type);
  if (fn === 'ne') {
    const equal = equalOf(type);
    return (a, b) => !equal(a, b);
  }
  if (type.kind !== 'VARCHAR' && type.kind !== 'FLOAT' && type.kind !== 'DOUBLE') {
    // numbers, bigints and booleans: JavaScript's own order is exact between them
    const plain = {
      lt: (a: number, b: number) => a < b,
      le: (a: number, b: number) => a <= b,
      gt: (a: number, b: number) => a > b,
      ge: (a: number, b: number) => a >= b,
    };
    return plain[fn] as unknown as (a: Value, b: Value) => boolean;
  }
  const compare = comparerOf(type);
  const pass = passes[fn];
  return (a, b) => pass(compare(a, b));
}

function compileComparison(fn: Compared, type: SqlType, left: Evaluate, right: Evaluate): Evaluate {
  const test = tester(fn, type);
  return (row) => {
    const a = left(row);
    const b = right(row);
    return a === null || b === null ? null : test(a, b);
  };
}

/** IN over constants looks up; over anything else it compares one by one. A NULL among the values makes a miss unknown. */
function compileIn(expr: Call, args: readonly Evaluate[]): Evaluate {
  const [subject, ...rest] = args;
  const equal = equalOf(expr.args[0].type);
  if (expr.args.slice(1).every((arg) => arg.op === 'literal')) {
    const noRow = {};
    const values = rest.map((arg) => arg(noRow));
    const miss = values.includes(null) ? null : false;
    // a Set finds NaN, and takes both zeros as one
    const known = new Set(values.filter((value) => value !== null));
    return (row) => {
      const value = subject(row);
      return value === null ? null : known.has(value) || miss;
    };
  }
  return (row) => {
    const value = subject(row);
    let found = false;
    let unknown = value === null;
    for (const arg of rest) {
      const other = arg(row);
      if (other === null) unknown = true;
      else if (value !== null && equal(value, other)) found = true;
    }
    return found || (unknown ? null : false);
  };
}

/** `input >= lower AND input <= upper`, stopping early as AND does. */
function compileBetween(type: SqlType, [input, lower, upper]: readonly Evaluate[]): Evaluate {
  const above = tester('ge', type);
  const below = tester('le', type);
  return (row) => {
    const value = input(row);
    const low = lower(row);
    if (value !== null && low !== null && !above(value, low)) return false;
    const high = upper(row);
    if (value === null) return null;
    if (high !== null && !below(value, high)) return false;
    return low === null || high === null ? null : true;
  };
}

function compileCoalesce(args: readonly Evaluate[]): Evaluate {
  return (row) => {
    for (const arg of args) {
      const value = arg(row);
      if (value !== null) return value;
    }
    return null;
  };
}

/** The element at an index that counts from 1, or from the end when negative; NULL outside the list. */
function compileElement([list, index]: readonly Evaluate[]): Evaluate {
  return (row) => {
    const elements = list(row) as readonly Value[] | null;
    const at = index(row) as number | bigint | null;
    if (elements === null || at === null) return null;
    const i = Number(at);
    return elements[i > 0 ? i - 1 : elements.length + i] ?? null;
  };
}

/** The closure of an operator that is no function of `functions/`; null for a call that is one. */
export function compileOperator(expr: Call, args: readonly Evaluate[]): Evaluate | null {
  const { fn } = expr;
  const [a, b] = args;
  const type = expr.args[0]?.type;
  if (isComparison(fn)) return compileComparison(fn, type, a, b);
  switch (fn) {
    case 'distinct':
    case 'not_distinct': {
      const equal = equalOf(type);
      const same = fn === 'not_distinct';
      return (row) => {
        const x = a(row);
        const y = b(row);
        return (x === null || y === null ? x === y : equal(x, y)) === same;
      };
    }
    case 'not':
      return (row) => {
        const value = a(row);
        return value === null ? null : !value;
      };
    case 'is_null':
      return (row) => a(row) === null;
    case 'is_not_null':
      return (row) => a(row) !== null;
    case 'in':
      return compileIn(expr, args);
    case 'between':
      return compileBetween(type, args);
    case 'coalesce':
      return compileCoalesce(args);
    case 'list_extract':
      return compileElement(args);
    case 'struct_extract': {
      const field = expr.detail as string;
      return (row) => {
        const struct = a(row) as { readonly [field: string]: Value } | null;
        return struct === null ? null : (struct[field] ?? null);
      };
    }
    default:
      return null;
  }
}
