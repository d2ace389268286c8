import type { SqlType } from '@millrace/shared-schemas/types.ts';
import type { Overload, ScalarFunction } from './function.ts';
import { type Exact, exact, integerBits, integerKinds, quotient, scalar, scaleOf, typed, widthOf } from './value.ts';

/** round, floor, ceil and trunc, as `core_functions/scalar/math/numeric.cpp` of DuckDB does them. */

const SAFE = Number.MAX_SAFE_INTEGER;
const LAST_SAFE_POWER = 15;

type Mode = 'round' | 'floor' | 'ceil' | 'trunc';

/** Unscaled values divided by 10^digits: round halves away from zero, the others as they say. */
function shifted(mode: Mode, digits: number): (value: Exact) => Exact {
  if (digits === 0) return (value) => value;
  const power = 10n ** BigInt(digits);
  const big = (value: bigint): Exact => {
    if (mode === 'round') return exact((value < 0n ? value - power / 2n : value + power / 2n) / power);
    const toZero = value / power;
    const rest = value % power;
    if (mode === 'floor' && rest < 0n) return exact(toZero - 1n);
    if (mode === 'ceil' && rest > 0n) return exact(toZero + 1n);
    return exact(toZero);
  };
  if (digits > LAST_SAFE_POWER) return (value) => big(BigInt(value));
  const small = Number(power);
  const half = small / 2;
  const limit = SAFE - half;
  return (value) => {
    if (typeof value !== 'number' || value > limit || value < -limit) return big(BigInt(value));
    if (mode === 'round') return quotient(value < 0 ? value - half : value + half, small);
    if (mode === 'trunc') return quotient(value, small);
    return (mode === 'floor' ? Math.floor(value / small) : Math.ceil(value / small)) + 0;
  };
}

/** Halves away from zero, the sign of zero kept: C's `round`. NaN and the infinities stay. */
function roundHalfAway(value: number): number {
  const whole = Math.trunc(value);
  return Math.abs(value - whole) >= 0.5 ? whole + Math.sign(value) : whole;
}

// As C's `pow` has them, which is what DuckDB asks: a unit in the last place off the literal at two exponents.
const powersOfTen = Array.from({ length: 309 }, (_, n) => 10 ** n);
const powerOfTen = (n: number): number => (n > 308 ? Number.POSITIVE_INFINITY : powersOfTen[n]);

function roundDouble(value: number, digits: number): number {
  const power = powerOfTen(Math.abs(digits));
  const rounded = digits < 0 ? roundHalfAway(value / power) * power : roundHalfAway(value * power) / power;
  if (Number.isFinite(rounded)) return rounded;
  return digits < 0 ? 0 : value;
}

function truncDouble(value: number, digits: number): number {
  const power = powerOfTen(Math.abs(digits));
  const cut = digits < 0 ? Math.trunc(value / power) * power : Math.trunc(value * power) / power;
  return Number.isFinite(cut) ? cut : value;
}

/** Rounding an integer to a negative number of digits. DuckDB's arithmetic wraps silently where the result does not fit; so does this. */
function integerToDigits(mode: 'round' | 'trunc', bits: number): (value: Exact, digits: number) => Exact {
  // DuckDB computes in 64 bits, or 128 for HUGEINT, and knows powers of ten up to 10^18 and 10^38
  const wide = Math.max(bits, 64);
  const highest = bits === 128 ? 38 : 18;
  return (value, digits) => {
    if (digits >= 0) return value;
    if (digits < -highest) return 0;
    const power = 10n ** BigInt(-digits);
    const integer = BigInt(value);
    const moved = mode === 'trunc' ? integer : BigInt.asIntN(wide, integer < 0n ? integer - power / 2n : integer + power / 2n);
    return exact(BigInt.asIntN(bits, (moved / power) * power));
  };
}

function decimal(width: number, scale: number): SqlType {
  return { kind: 'DECIMAL', width, scale };
}

function decimalToDigits(mode: 'round' | 'trunc'): Overload {
  return {
    fn: `${mode}.decimal.digits`,
    params: ['DECIMAL', 'INTEGER'],
    constant: { at: 1, required: true },
    returns: ([type], detail) => {
      const digits = Number(detail);
      return decimal(widthOf(type), digits < 0 ? 0 : Math.min(digits, scaleOf(type)));
    },
    nulls: 'own',
    make: ([type], _result, detail) => {
      const digits = Number(detail);
      const scale = scaleOf(type);
      // more digits than the type has before its point: DuckDB answers a constant 0, for NULL too
      if (digits < 0 && digits <= scale - widthOf(type)) return () => 0;
      const shift = shifted(mode, Math.max(scale - digits, 0));
      const power = digits < 0 ? 10n ** BigInt(-digits) : 1n;
      if (digits >= 0) return typed((value: Exact | null) => (value === null ? null : shift(value)));
      return typed((value: Exact | null) => (value === null ? null : exact(BigInt(shift(value)) * power)));
    },
  };
}

function decimalWhole(mode: Mode): Overload {
  return {
    fn: `${mode}.decimal`,
    params: ['DECIMAL'],
    returns: ([type]) => decimal(widthOf(type), 0),
    nulls: 'propagate',
    make: ([type]) => typed(shifted(mode, scaleOf(type))),
  };
}

function floating(mode: Mode, fn: (value: number) => number): Overload[] {
  return [
    { fn: `${mode}.float`, params: ['FLOAT'], returns: scalar('FLOAT'), nulls: 'propagate', make: () => typed(fn) },
    { fn: `${mode}.double`, params: ['DOUBLE'], returns: scalar('DOUBLE'), nulls: 'propagate', make: () => typed(fn) },
  ];
}

function floatingToDigits(mode: 'round' | 'trunc', fn: (value: number, digits: number) => number): Overload[] {
  const rounded = typed((value: number, digits: number) => Math.fround(fn(value, digits)));
  return [
    { fn: `${mode}.float.digits`, params: ['FLOAT', 'INTEGER'], returns: scalar('FLOAT'), nulls: 'propagate', make: () => rounded },
    { fn: `${mode}.double.digits`, params: ['DOUBLE', 'INTEGER'], returns: scalar('DOUBLE'), nulls: 'propagate', make: () => typed(fn) },
  ];
}

/** Integers need no rounding, but to fewer digits than they have. */
function integers(mode: 'round' | 'trunc'): Overload[] {
  return integerKinds.flatMap((kind): Overload[] => [
    { fn: `${mode}.${kind.toLowerCase()}`, params: [kind], returns: scalar(kind), nulls: 'propagate', make: () => (value) => value },
    {
      fn: `${mode}.${kind.toLowerCase()}.digits`,
      params: [kind, 'INTEGER'],
      returns: scalar(kind),
      nulls: 'propagate',
      make: () => typed(integerToDigits(mode, integerBits[kind])),
    },
  ]);
}

const ceil: readonly Overload[] = [decimalWhole('ceil'), ...floating('ceil', Math.ceil)];

export const roundingFunctions: readonly ScalarFunction[] = [
  {
    name: 'round',
    overloads: [
      ...integers('round'),
      decimalWhole('round'),
      decimalToDigits('round'),
      ...floating('round', roundHalfAway),
      ...floatingToDigits('round', roundDouble),
    ],
  },
  {
    name: 'trunc',
    overloads: [
      ...integers('trunc'),
      decimalWhole('trunc'),
      decimalToDigits('trunc'),
      ...floating('trunc', Math.trunc),
      ...floatingToDigits('trunc', truncDouble),
    ],
  },
  { name: 'floor', overloads: [decimalWhole('floor'), ...floating('floor', Math.floor)] },
  { name: 'ceil', overloads: ceil },
  { name: 'ceiling', overloads: ceil },
];
