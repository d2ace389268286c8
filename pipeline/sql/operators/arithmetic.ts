import type { SqlType, Value } from '@millrace/shared-schemas/types.ts';
import { decimalToDecimal } from '../casts/decimal.ts';
import { fail, powerOfTen } from '../casts/integer.ts';
import type { Overload, ScalarFunction } from '../functions/function.ts';
import { modOverloads } from '../functions/math.ts';
import { type Exact, exact, type IntegerKind, integerKinds, quotient, scalar, scaleOf, typed, widthOf } from '../functions/value.ts';
import { decimal, decimalStorage, integerRange, maxDecimalWidth } from '../sql-type.ts';
import { timeOperators } from './times.ts';

/** `+ - * / // %` over numbers, as `function/scalar/operator/arithmetic.cpp` of DuckDB does them. */

type Sign = '+' | '-' | '*';

const names: Readonly<Record<Sign, string>> = { '+': 'add', '-': 'subtract', '*': 'multiply' };
const words: Readonly<Record<Sign, string>> = { '+': 'addition', '-': 'subtraction', '*': 'multiplication' };

function bigOf(sign: Sign): (a: bigint, b: bigint) => bigint {
  return sign === '+' ? (a, b) => a + b : sign === '-' ? (a, b) => a - b : (a, b) => a * b;
}

/** An operation on exact integers whose result lies in [min, max]; in doubles while that is exact. */
function bounded(sign: Sign, min: bigint, max: bigint, what: string): (a: Exact, b: Exact) => Exact {
  const big = bigOf(sign);
  const low = Math.max(Number(min), Number.MIN_SAFE_INTEGER);
  const high = Math.min(Number(max), Number.MAX_SAFE_INTEGER);
  const slow = (a: Exact, b: Exact): Exact => {
    const value = big(BigInt(a), BigInt(b));
    if (value < min || value > max) fail(`Overflow in ${words[sign]} of ${what} (${a} ${sign} ${b})`);
    return exact(value);
  };
  switch (sign) {
    case '+':
      return (a, b) => {
        if (typeof a === 'number' && typeof b === 'number') {
          const value = a + b;
          if (value >= low && value <= high) return value;
        }
        return slow(a, b);
      };
    case '-':
      return (a, b) => {
        if (typeof a === 'number' && typeof b === 'number') {
          const value = a - b;
          if (value >= low && value <= high) return value;
        }
        return slow(a, b);
      };
    default:
      return (a, b) => {
        if (typeof a === 'number' && typeof b === 'number') {
          const value = a * b;
          // + 0: never −0
          if (value >= low && value <= high) return value + 0;
        }
        return slow(a, b);
      };
  }
}

function integers(sign: Sign, kind: IntegerKind): Overload {
  const { min, max } = integerRange(kind);
  return { fn: `${names[sign]}.${kind.toLowerCase()}`, params: [kind, kind], returns: scalar(kind), nulls: 'propagate', make: () => typed(bounded(sign, min, max, kind)) };
}

function floats(sign: Sign): readonly Overload[] {
  const double = sign === '+' ? (a: number, b: number) => a + b : sign === '-' ? (a: number, b: number) => a - b : (a: number, b: number) => a * b;
  return [
    { fn: `${names[sign]}.float`, params: ['FLOAT', 'FLOAT'], returns: scalar('FLOAT'), nulls: 'propagate', make: () => typed((a: number, b: number) => Math.fround(double(a, b))) },
    { fn: `${names[sign]}.double`, params: ['DOUBLE', 'DOUBLE'], returns: scalar('DOUBLE'), nulls: 'propagate', make: () => typed(double) },
  ];
}

const int64Width = 18;

/** One digit more than the wider operand; past 18 digits only when an operand already is. */
function sumType(args: readonly SqlType[]): SqlType {
  const scale = Math.max(...args.map(scaleOf));
  const widest = Math.max(...args.map(widthOf));
  let width = Math.max(scale + Math.max(...args.map((type) => widthOf(type) - scaleOf(type))), widest) + 1;
  if (width > int64Width && widest <= int64Width) width = int64Width;
  return decimal(Math.min(width, maxDecimalWidth), scale);
}

function productType(args: readonly SqlType[]): SqlType {
  const widest = Math.max(...args.map(widthOf));
  const scale = args.reduce((sum, type) => sum + scaleOf(type), 0);
  let width = args.reduce((sum, type) => sum + widthOf(type), 0);
  if (scale > maxDecimalWidth) throw new Error(`The product needs ${scale} digits behind the point; DECIMAL has ${maxDecimalWidth}. Cast to DOUBLE, or to a DECIMAL of fewer`);
  if (width > int64Width && widest <= int64Width && scale < int64Width) width = int64Width;
  return decimal(Math.min(width, maxDecimalWidth), scale);
}

/** Brings an operand to the result's scale and storage, checked, where DuckDB does. */
function operand(arg: SqlType, type: SqlType, rescale: boolean): ((value: Exact) => Exact) | null {
  if (arg.kind !== 'DECIMAL' || type.kind !== 'DECIMAL') return null;
  const scale = rescale ? type.scale : arg.scale;
  if (arg.scale === scale && decimalStorage(arg.width) === decimalStorage(type.width)) return null;
  return decimalToDecimal(arg, { width: type.width, scale });
}

function decimals(sign: Sign): Overload {
  return {
    fn: `${names[sign]}.decimal`,
    params: ['DECIMAL', 'DECIMAL'],
    returns: sign === '*' ? productType : sumType,
    nulls: 'propagate',
    make: (args, type) => {
      const limit = powerOfTen(widthOf(type)) - 1n;
      const apply = bounded(sign, -limit, limit, `DECIMAL(${widthOf(type)},${scaleOf(type)})`);
      const [left, right] = args.map((arg) => operand(arg, type, sign !== '*'));
      if (left === null && right === null) return typed(apply);
      return typed((a: Exact, b: Exact) => apply(left === null ? a : left(a), right === null ? b : right(b)));
    },
  };
}

const divide: readonly Overload[] = [
  { fn: 'divide.float', params: ['FLOAT', 'FLOAT'], returns: scalar('FLOAT'), nulls: 'propagate', make: () => typed((a: number, b: number) => Math.fround(a / b)) },
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
  { fn: 'integer_divide.float', params: ['FLOAT', 'FLOAT'], returns: scalar('FLOAT'), nulls: 'propagate', make: () => typed((a: number, b: number) => (b === 0 ? null : Math.fround(a / b))) },
  { fn: 'integer_divide.double', params: ['DOUBLE', 'DOUBLE'], returns: scalar('DOUBLE'), nulls: 'propagate', make: () => typed((a: number, b: number) => (b === 0 ? null : a / b)) },
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
  { fn: 'negate.decimal', params: ['DECIMAL'], returns: keeps, nulls: 'propagate', make: () => typed((value: Exact) => (typeof value === 'number' ? 0 - value : -value)) },
  { fn: 'negate.float', params: ['FLOAT'], returns: scalar('FLOAT'), nulls: 'propagate', make: () => typed((value: number) => -value) },
  { fn: 'negate.double', params: ['DOUBLE'], returns: scalar('DOUBLE'), nulls: 'propagate', make: () => typed((value: number) => -value) },
];

const plus: readonly Overload[] = [
  ...[...integerKinds, 'FLOAT' as const, 'DOUBLE' as const].map((kind): Overload => ({ fn: `plus.${kind.toLowerCase()}`, params: [kind], returns: scalar(kind), nulls: 'propagate', make: () => same })),
  { fn: 'plus.decimal', params: ['DECIMAL'], returns: keeps, nulls: 'propagate', make: () => same },
];

function numbers(sign: Sign): readonly Overload[] {
  return [...integerKinds.map((kind) => integers(sign, kind)), decimals(sign), ...floats(sign)];
}

const join: Overload = { fn: 'join', params: ['VARCHAR', 'VARCHAR'], returns: scalar('VARCHAR'), nulls: 'propagate', make: () => typed((a: string, b: string) => a + b) };

/** The operators by their sign; LIKE and its kin are in `functions/`. */
export const operatorFunctions: readonly ScalarFunction[] = [
  { name: '+', overloads: [...numbers('+'), ...plus, ...timeOperators['+']] },
  { name: '-', overloads: [...numbers('-'), ...negate, ...timeOperators['-']] },
  { name: '*', overloads: numbers('*') },
  { name: '/', overloads: divide },
  { name: '//', overloads: wholeDivide },
  { name: '%', overloads: modOverloads },
  { name: '||', overloads: [join] },
];

