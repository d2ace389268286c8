import type { SqlType, Value } from '@millrace/shared-schemas/types.ts';
import type { Overload, Param, ScalarFunction } from './function.ts';
import { type Exact, exact, failed, type IntegerKind, integerKinds, integerMin, scalar, scaleOf, typed, widthOf } from './value.ts';

/** The overload of a function of doubles. */
function doubles(fn: string, count: 1 | 2, body: (a: number, b: number) => number): Overload {
  return { fn, params: count === 1 ? ['DOUBLE'] : ['DOUBLE', 'DOUBLE'], returns: scalar('DOUBLE'), nulls: 'propagate', make: () => typed(body) };
}

function absolute(value: Exact): Exact {
  if (typeof value === 'number') return Math.abs(value);
  return value < 0n ? -value : value;
}

function absInteger(kind: IntegerKind): Overload {
  const least = integerMin(kind);
  return {
    fn: `abs.${kind.toLowerCase()}`,
    params: [kind],
    returns: scalar(kind),
    nulls: 'propagate',
    make: () =>
      typed((value: Exact) => {
        if (value === least) throw failed(`Overflow on abs(${value})`);
        return absolute(value);
      }),
  };
}

const abs: readonly Overload[] = [
  ...integerKinds.map(absInteger),
  { fn: 'abs.decimal', params: ['DECIMAL'], returns: ([type]) => type, nulls: 'propagate', make: () => typed(absolute) },
  { fn: 'abs.float', params: ['FLOAT'], returns: scalar('FLOAT'), nulls: 'propagate', make: () => typed((value: number) => Math.abs(value)) },
  doubles('abs.double', 1, Math.abs),
];

function signOf(param: Param): Overload {
  return {
    fn: `sign.${param.toLowerCase()}`,
    params: [param],
    returns: scalar('TINYINT'),
    nulls: 'propagate',
    // 0 for NaN and both zeros
    make: () => typed((value: Exact) => (value > 0 ? 1 : value < 0 ? -1 : 0)),
  };
}

/** The value of a DECIMAL as DuckDB casts it to DOUBLE: whole and fraction apart where the unscaled value is no double. */
function decimalToDouble(value: Exact, scale: number): number {
  const power = Number(`1e${scale}`);
  if (typeof value === 'number' || scale === 0) return Number(value) / power;
  const divisor = 10n ** BigInt(scale);
  return Number(value / divisor) + Number(value % divisor) / power;
}

function remainder(a: Exact, b: Exact): Exact {
  if (typeof a === 'number' && typeof b === 'number') return (a % b) + 0;
  return exact(BigInt(a) % BigInt(b));
}

function modInteger(kind: IntegerKind): Overload {
  const least = integerMin(kind);
  return {
    fn: `mod.${kind.toLowerCase()}`,
    params: [kind, kind],
    returns: scalar(kind),
    nulls: 'propagate',
    make: () =>
      typed((a: Exact, b: Exact) => {
        if (b === 0) return null;
        if (b === -1 && a === least) throw failed(`Overflow in division of ${a} / ${b}`);
        return remainder(a, b);
      }),
  };
}

/** The DECIMAL that holds both operands, or DOUBLE when none is wide enough. */
function modType(args: readonly SqlType[]): SqlType {
  const scale = Math.max(...args.map(scaleOf));
  const width = Math.max(scale + Math.max(...args.map((type) => widthOf(type) - scaleOf(type))), ...args.map(widthOf));
  return width > 38 ? scalar('DOUBLE') : { kind: 'DECIMAL', width, scale };
}

const modDecimal: Overload = {
  fn: 'mod.decimal',
  params: ['DECIMAL', 'DECIMAL'],
  returns: modType,
  nulls: 'propagate',
  make: ([left, right], type): ((...values: Value[]) => Value) => {
    const [leftScale, rightScale] = [scaleOf(left), scaleOf(right)];
    if (type.kind !== 'DECIMAL') {
      return typed((a: Exact, b: Exact) => (b === 0 ? null : decimalToDouble(a, leftScale) % decimalToDouble(b, rightScale)));
    }
    if (leftScale === rightScale) return typed((a: Exact, b: Exact) => (b === 0 ? null : remainder(a, b)));
    const leftPower = 10n ** BigInt(type.scale - leftScale);
    const rightPower = 10n ** BigInt(type.scale - rightScale);
    return typed((a: Exact, b: Exact) => (b === 0 ? null : exact((BigInt(a) * leftPower) % (BigInt(b) * rightPower))));
  },
};

/** `%` is this function too. */
export const modOverloads: readonly Overload[] = [
  ...integerKinds.map(modInteger),
  modDecimal,
  // IEEE: the sign of the dividend, exact; NaN for a divisor of zero
  { fn: 'mod.float', params: ['FLOAT', 'FLOAT'], returns: scalar('FLOAT'), nulls: 'propagate', make: () => typed((a: number, b: number) => a % b) },
  doubles('mod.double', 2, (a, b) => a % b),
];

function logarithm(log: (value: number) => number): (value: number) => number {
  return (value) => {
    if (value < 0) throw failed('cannot take logarithm of a negative number');
    if (value === 0) throw failed('cannot take logarithm of zero');
    return log(value);
  };
}

const log10 = logarithm(Math.log10);

function logOfBase(base: number, value: number): number {
  const divisor = log10(base);
  if (divisor === 0) throw failed('divison by zero in based logarithm');
  return log10(value) / divisor;
}

function squareRoot(value: number): number {
  if (value < 0) throw failed('cannot take square root of a negative number');
  return Math.sqrt(value);
}

/** C's `pow`, which has 1 to any power and −1 to an infinite one as 1; JavaScript's gives NaN there. */
function power(base: number, exponent: number): number {
  if (base === 1 || (base === -1 && Math.abs(exponent) === Number.POSITIVE_INFINITY)) return 1;
  return base ** exponent;
}

const pow: readonly Overload[] = [doubles('pow', 2, power)];

// the values of DuckDB's infinite dates and timestamps
const INFINITE_DAYS = 2 ** 31 - 1;
const INFINITE_MICROS = 2n ** 63n - 1n;

function test(name: string, floats: (value: number) => boolean, times?: (infinite: boolean) => boolean): ScalarFunction {
  const overload = (param: 'FLOAT' | 'DOUBLE' | 'DATE' | 'TIMESTAMP', body: (value: Exact) => boolean): Overload => ({
    fn: `${name}.${param.toLowerCase()}`,
    params: [param],
    returns: scalar('BOOLEAN'),
    nulls: 'propagate',
    make: () => typed(body),
  });
  const overloads = (['FLOAT', 'DOUBLE'] as const).map((param) => overload(param, (value) => floats(value as number)));
  if (times === undefined) return { name, overloads };
  return {
    name,
    overloads: [
      ...overloads,
      overload('DATE', (value) => times(value === INFINITE_DAYS || value === -INFINITE_DAYS)),
      overload('TIMESTAMP', (value) => times(value === INFINITE_MICROS || value === -INFINITE_MICROS)),
    ],
  };
}

/**
 * exp to log are the platform's: within two units in the last place of DuckDB's, cbrt and log of a base within four. DuckDB's own
 * vary with the C library it runs on; glibc 2.36 gives cbrt(27) = 3.0000000000000004.
 */
export const mathFunctions: readonly ScalarFunction[] = [
  { name: 'abs', overloads: abs },
  // DECIMAL goes by DOUBLE, as in DuckDB
  { name: 'sign', overloads: [...integerKinds, 'FLOAT' as const, 'DOUBLE' as const].map(signOf) },
  { name: 'mod', overloads: modOverloads },
  { name: 'sqrt', overloads: [doubles('sqrt', 1, squareRoot)] },
  { name: 'cbrt', overloads: [doubles('cbrt', 1, Math.cbrt)] },
  { name: 'exp', overloads: [doubles('exp', 1, Math.exp)] },
  { name: 'ln', overloads: [doubles('ln', 1, logarithm(Math.log))] },
  { name: 'log2', overloads: [doubles('log2', 1, logarithm(Math.log2))] },
  { name: 'log10', overloads: [doubles('log10', 1, log10)] },
  { name: 'log', overloads: [doubles('log', 1, log10), doubles('log.base', 2, logOfBase)] },
  { name: 'pow', overloads: pow },
  { name: 'power', overloads: pow },
  test('isnan', Number.isNaN),
  test(
    'isinf',
    (value) => Math.abs(value) === Number.POSITIVE_INFINITY,
    (infinite) => infinite,
  ),
  test('isfinite', Number.isFinite, (infinite) => !infinite),
];
