import type { SqlType } from '@millrace/shared-schemas/types.ts';
import { fail, powerOfTen } from '../casts/integer.ts';
import type { Overload } from '../functions/function.ts';
import { type Exact, exact, typed } from '../functions/value.ts';
import { decimal, decimalShape, maxDecimalWidth, storageBits } from '../sql-type.ts';

/** Arithmetic of exact numbers within bounds, and the widths and scales of DECIMAL results. */

export type Sign = '+' | '-' | '*';

export const names: Readonly<Record<Sign, string>> = { '+': 'add', '-': 'subtract', '*': 'multiply' };
const words: Readonly<Record<Sign, string>> = { '+': 'addition', '-': 'subtraction', '*': 'multiplication' };

function bigOf(sign: Sign): (a: bigint, b: bigint) => bigint {
  return sign === '+' ? (a, b) => a + b : sign === '-' ? (a, b) => a - b : (a, b) => a * b;
}

/** An operation on exact integers whose result lies in [min, max]; in doubles while that is exact. */
export function bounded(sign: Sign, min: bigint, max: bigint, what: string): (a: Exact, b: Exact) => Exact {
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

const int64Width = 18;
const double: SqlType = { kind: 'DOUBLE' };

interface Shape {
  readonly width: number;
  readonly scale: number;
}

/** Integers take part as the DECIMAL that holds their type. */
function shapes(args: readonly SqlType[]): readonly Shape[] {
  return args.map((type) => decimalShape(type) as Shape);
}

/** The DECIMAL that holds both operands. */
function united(all: readonly Shape[]): Shape {
  const scale = Math.max(...all.map((shape) => shape.scale));
  const width = Math.max(scale + Math.max(...all.map((shape) => shape.width - shape.scale)), ...all.map((shape) => shape.width));
  return { width, scale };
}

/** One digit more than the wider operand; past 18 digits only when an operand already is. */
function sumType(args: readonly SqlType[]): SqlType {
  const all = shapes(args);
  const { width, scale } = united(all);
  const narrow = all.every((shape) => shape.width <= int64Width);
  return decimal(narrow ? Math.min(width + 1, int64Width) : Math.min(width + 1, maxDecimalWidth), scale);
}

/** The DECIMAL that holds both, or DOUBLE when none is wide enough. */
function restType(args: readonly SqlType[]): SqlType {
  const { width, scale } = united(shapes(args));
  return width > maxDecimalWidth ? double : decimal(width, scale);
}

function productType(args: readonly SqlType[]): SqlType {
  const all = shapes(args);
  const scale = all.reduce((sum, shape) => sum + shape.scale, 0);
  let width = all.reduce((sum, shape) => sum + shape.width, 0);
  if (scale > maxDecimalWidth) {
    throw new Error(`The product needs ${scale} digits behind the point; DECIMAL has ${maxDecimalWidth}. Cast to DOUBLE, or to a DECIMAL of fewer`);
  }
  if (width > int64Width && all.every((shape) => shape.width <= int64Width) && scale < int64Width) width = int64Width;
  return decimal(Math.min(width, maxDecimalWidth), scale);
}

/** What operands are cast to: the result's scale and storage. One that has both stays as it is, be it wider or a HUGEINT. */
function rescaled(args: readonly SqlType[], type: SqlType): readonly SqlType[] {
  if (type.kind !== 'DECIMAL') return args.map(() => type);
  return args.map((arg) => ((decimalShape(arg) as Shape).scale === type.scale && storageBits(arg) === storageBits(type) ? arg : type));
}

/** A product needs its operands in the result's storage only; scales add up. */
function widened(args: readonly SqlType[], type: SqlType): readonly SqlType[] {
  return args.map((arg) => (storageBits(arg) === storageBits(type) ? arg : decimal((type as SqlType & Shape).width, (decimalShape(arg) as Shape).scale)));
}

export function decimals(sign: Sign): Overload {
  return {
    fn: `${names[sign]}.decimal`,
    params: ['DECIMAL', 'DECIMAL'],
    returns: sign === '*' ? productType : sumType,
    operands: sign === '*' ? widened : rescaled,
    nulls: 'propagate',
    make: (_args, type) => {
      const { width, scale } = type as SqlType & Shape;
      const limit = powerOfTen(width) - 1n;
      return typed(bounded(sign, -limit, limit, `DECIMAL(${width},${scale})`));
    },
  };
}

const leastHugeint = -(2n ** 127n);

/** `%`, which is also `mod`. */
export const decimalModulo: Overload = {
  fn: 'mod.decimal',
  params: ['DECIMAL', 'DECIMAL'],
  returns: restType,
  operands: rescaled,
  nulls: 'propagate',
  make: (_args, type) => {
    if (type.kind !== 'DECIMAL') return typed((a: number, b: number) => (b === 0 ? null : a % b));
    return typed((a: Exact, b: Exact) => {
      if (b === 0) return null;
      // a HUGEINT takes part as it is
      if (b === -1 && a === leastHugeint) fail(`Overflow in division of ${a} / ${b}`);
      if (typeof a === 'number' && typeof b === 'number') return (a % b) + 0;
      return exact(BigInt(a) % BigInt(b));
    });
  },
};
