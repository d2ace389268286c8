import type { SqlType, Value } from '@millrace/shared-schemas/types.ts';
import { fail } from '../casts/integer.ts';
import type { Overload, ScalarFunction } from '../functions/function.ts';
import { modOverloads } from '../functions/math.ts';
import { type Exact, exact, type IntegerKind, integerKinds, quotient, scalar, typed } from '../functions/value.ts';
import { integerRange } from '../sql-type.ts';
import { bounded, decimalModulo, decimals, names, type Sign } from './decimal-arithmetic.ts';
import { timeOperators } from './times.ts';

/** `+ - * / // %` over numbers, as `function/scalar/operator/arithmetic.cpp` of DuckDB does them. */

function integers(sign: Sign, kind: IntegerKind): Overload {
  const { min, max } = integerRange(kind);
  return {
    fn: `${names[sign]}.${kind.toLowerCase()}`,
    params: [kind, kind],
    returns: scalar(kind),
    nulls: 'propagate',
    make: () => typed(bounded(sign, min, max, kind)),
  };
}

function floats(sign: Sign): readonly Overload[] {
  const double = sign === '+' ? (a: number, b: number) => a + b : sign === '-' ? (a: number, b: number) => a - b : (a: number, b: number) => a * b;
  return [
    {
      fn: `${names[sign]}.float`,
      params: ['FLOAT', 'FLOAT'],
      returns: scalar('FLOAT'),
      nulls: 'propagate',
      make: () => typed((a: number, b: number) => Math.fround(double(a, b))),
    },
    { fn: `${names[sign]}.double`, params: ['DOUBLE', 'DOUBLE'], returns: scalar('DOUBLE'), nulls: 'propagate', make: () => typed(double) },
  ];
}

const divide: readonly Overload[] = [
  {
    fn: 'divide.float',
    params: ['FLOAT', 'FLOAT'],
    returns: scalar('FLOAT'),
    nulls: 'propagate',
    make: () => typed((a: number, b: number) => Math.fround(a / b)),
  },
  { fn: 'divide.double', params: ['DOUBLE', 'DOUBLE'], returns: scalar('DOUBLE'), nulls: 'propagate', make: () => typed((a: number, b: number) => a / b) },
];

function integerDivide(kind: IntegerKind): Overload {
  const { min } = integerRange(kind);
  const least = exact(min);
  return {
    fn: `integer_divide.${kind.toLowerCase()}`,
    params: [kind, kind],
    returns: scalar(kind),
    nulls: 'propagate',
    make: () =>
      typed((a: Exact, b: Exact) => {
        if (b === 0) return null;
        if (b === -1 && a === least) fail(`Overflow in division of ${a} / ${b}`);
        if (typeof a === 'number' && typeof b === 'number') return quotient(a, b);
        return exact(BigInt(a) / BigInt(b));
      }),
  };
}

const wholeDivide: readonly Overload[] = [
  ...integerKinds.map(integerDivide),
  // between floats it is plain division, but NULL for a divisor of zero
  {
    fn: 'integer_divide.float',
    params: ['FLOAT', 'FLOAT'],
    returns: scalar('FLOAT'),
    nulls: 'propagate',
    make: () => typed((a: number, b: number) => (b === 0 ? null : Math.fround(a / b))),
  },
  {
    fn: 'integer_divide.double',
    params: ['DOUBLE', 'DOUBLE'],
    returns: scalar('DOUBLE'),
    nulls: 'propagate',
    make: () => typed((a: number, b: number) => (b === 0 ? null : a / b)),
  },
];

function negateInteger(kind: IntegerKind): Overload {
  const least = exact(integerRange(kind).min);
  return {
    fn: `negate.${kind.toLowerCase()}`,
    params: [kind],
    returns: scalar(kind),
    nulls: 'propagate',
    make: () => typed((value: Exact) => (value === least ? fail(`Overflow in negation of ${value}`) : typeof value === 'number' ? 0 - value : exact(-value))),
  };
}

const same = (value: Value): Value => value;
const keeps = ([type]: readonly SqlType[]): SqlType => type;

const negate: readonly Overload[] = [
  ...integerKinds.map(negateInteger),
  {
    fn: 'negate.decimal',
    params: ['DECIMAL'],
    returns: keeps,
    nulls: 'propagate',
    make: () => typed((value: Exact) => (typeof value === 'number' ? 0 - value : -value)),
  },
  { fn: 'negate.float', params: ['FLOAT'], returns: scalar('FLOAT'), nulls: 'propagate', make: () => typed((value: number) => -value) },
  { fn: 'negate.double', params: ['DOUBLE'], returns: scalar('DOUBLE'), nulls: 'propagate', make: () => typed((value: number) => -value) },
];

const plus: readonly Overload[] = [
  ...[...integerKinds, 'FLOAT' as const, 'DOUBLE' as const].map(
    (kind): Overload => ({ fn: `plus.${kind.toLowerCase()}`, params: [kind], returns: scalar(kind), nulls: 'propagate', make: () => same }),
  ),
  { fn: 'plus.decimal', params: ['DECIMAL'], returns: keeps, nulls: 'propagate', make: () => same },
];

function numbers(sign: Sign): readonly Overload[] {
  return [...integerKinds.map((kind) => integers(sign, kind)), decimals(sign), ...floats(sign)];
}

// DECIMALs are cast as for a sum first
const modulo: readonly Overload[] = [...modOverloads.filter((overload) => overload.fn !== decimalModulo.fn), decimalModulo];

const join: Overload = {
  fn: 'join',
  params: ['VARCHAR', 'VARCHAR'],
  // not a plain type: a NULL beside it is a NULL of no type yet, as in DuckDB
  returns: () => scalar('VARCHAR'),
  nulls: 'propagate',
  make: () => typed((a: string, b: string) => a + b),
};

/** The operators by their sign; LIKE and its kin are in `functions/`. */
export const operatorFunctions: readonly ScalarFunction[] = [
  { name: '+', overloads: [...numbers('+'), ...plus, ...timeOperators['+']] },
  { name: '-', overloads: [...numbers('-'), ...negate, ...timeOperators['-']] },
  { name: '*', overloads: numbers('*') },
  { name: '/', overloads: divide },
  { name: '//', overloads: wholeDivide },
  { name: '%', overloads: modulo },
  { name: 'mod', overloads: modulo },
  { name: '||', overloads: [join] },
];
