import { type Exact, exact } from '../functions/value.ts';
import { decimalStorage } from '../sql-type.ts';
import { divideRounded, fail, powerOfTen } from './integer.ts';

/** Width and scale of a DECIMAL. */
export interface Shape {
  readonly width: number;
  readonly scale: number;
}

/** A DECIMAL as DuckDB prints it; with a scale, always that many digits behind the point. */
export function decimalText(value: Exact, { width, scale }: Shape): string {
  if (scale === 0) return String(value);
  const negative = value < 0;
  const digits = (negative ? String(value).slice(1) : String(value)).padStart(scale, '0');
  const whole = digits.slice(0, -scale);
  // a DECIMAL(4,4) has no digit before the point
  return `${negative ? '-' : ''}${whole === '' && width > scale ? '0' : whole}.${digits.slice(-scale)}`;
}

export function shapeText({ width, scale }: Shape): string {
  return `DECIMAL(${width},${scale})`;
}

/** Between DECIMALs: halves round away from zero, what does not fit fails. */
export function decimalToDecimal(from: Shape, to: Shape): (value: Exact) => Exact {
  const limit = powerOfTen(to.width);
  const step = Math.abs(to.scale - from.scale);
  const power = powerOfTen(step);
  const tooBig = (value: Exact): never => fail(`Casting value "${decimalText(value, from)}" to type ${shapeText(to)} failed: value is out of range!`);
  const fits = (value: bigint) => value < limit && value > -limit;
  if (to.scale >= from.scale) {
    const sure = from.width < to.width - step;
    const small = Number(power);
    const high = Math.min(Number(limit), 2 ** 53) - 1;
    return (value) => {
      if (typeof value === 'number' && step <= 15) {
        const scaled = value * small;
        if (scaled <= high && scaled >= -high) return scaled;
      }
      const big = BigInt(value) * power;
      if (!sure && !fits(big)) tooBig(value);
      return exact(big);
    };
  }
  return (value) => {
    const big = BigInt(value);
    if (step + to.width <= from.width && !fitsScaledDown(big, power, to.width + step)) tooBig(value);
    return exact(divideRounded(big, power));
  };
}

/** DuckDB's own check, which is stricter than the rounded result: a rest of half or more counts as a whole step. */
function fitsScaledDown(value: bigint, divisor: bigint, width: number): boolean {
  const size = value < 0n ? -value : value;
  const limit = powerOfTen(width);
  return (size % divisor >= divisor / 2n ? size + divisor : size) < limit;
}

/** DECIMAL to integer: halves away from zero, then the range. */
export function decimalToInteger(from: Shape, min: bigint, max: bigint, kind: string): (value: Exact) => Exact {
  const power = powerOfTen(from.scale);
  return (value) => {
    const whole = from.scale === 0 ? BigInt(value) : divideRounded(BigInt(value), power);
    if (whole < min || whole > max) fail(`Failed to cast decimal value ${whole} to type ${kind}`);
    return exact(whole);
  };
}

export function integerToDecimal(to: Shape): (value: Exact) => Exact {
  const limit = powerOfTen(to.width - to.scale);
  const power = powerOfTen(to.scale);
  const safe = Number(power);
  const high = Math.min(Number(limit * power), 2 ** 53) - 1;
  return (value) => {
    if (typeof value === 'number' && to.scale <= 15) {
      const scaled = value * safe;
      if (scaled <= high && scaled >= -high) return scaled + 0;
    }
    const big = BigInt(value);
    if (big >= limit || big <= -limit) fail(`Could not cast value ${value} to ${shapeText(to)}`);
    return exact(big * power);
  };
}

/** DOUBLE (or FLOAT) to DECIMAL: scaled as a double, halves away from zero. */
export function doubleToDecimal(to: Shape, float: boolean): (value: number) => Exact {
  const power = Number(`1e${to.scale}`);
  const limit = Number(`1e${to.width}`);
  return (value) => {
    const scaled = value * power;
    const whole = Math.trunc(scaled);
    // C's round(): halves away from zero, exact where adding 0.5 would not be
    const rounded = Math.abs(scaled - whole) >= 0.5 ? whole + Math.sign(scaled) : whole;
    if (!(rounded > -limit && rounded < limit)) fail(`Could not cast value ${value} to ${shapeText(to)}`);
    return exact(BigInt(float ? Math.fround(rounded) : rounded));
  };
}

/** The FLOAT nearest to an integer: rounded once, not first to a double. */
function bigToFloat(value: bigint): number {
  const size = value < 0n ? -value : value;
  const extra = size.toString(2).length - 53;
  if (extra <= 0) return Math.fround(Number(value));
  const step = BigInt(extra);
  // what is cut off only matters as not being zero: it sets the last bit of the 53, far below those a FLOAT keeps
  const sticky = (size & ((1n << step) - 1n)) === 0n ? 0n : 1n;
  const kept = Number((size >> step) | sticky) * 2 ** extra;
  return Math.fround(value < 0n ? -kept : kept);
}

export function integerToFloating(kind: 'DOUBLE' | 'FLOAT'): (value: bigint) => number {
  return kind === 'DOUBLE' ? Number : bigToFloat;
}

/** A 128-bit integer as DuckDB makes a double of it: its two halves apart, which may miss the nearest double. A FLOAT goes by the double. */
export function hugeToFloating(kind: 'DOUBLE' | 'FLOAT'): (value: bigint) => number {
  const round = kind === 'FLOAT' ? Math.fround : (value: number) => value;
  const all = 2n ** 64n - 1n;
  return (value) => {
    const upper = value >> 64n;
    const lower = value & all;
    return round(upper === -1n ? -Number(all - lower) - 1 : Number(lower) + Number(upper) * 2 ** 64);
  };
}

const mantissa = { DOUBLE: 2n ** 53n, FLOAT: 2n ** 24n } as const;

/** DECIMAL to DOUBLE or FLOAT: one division where the digits are exact in that type, else whole and fraction apart. */
export function decimalToFloating(from: Shape, kind: 'DOUBLE' | 'FLOAT'): (value: Exact) => number {
  const round = kind === 'FLOAT' ? Math.fround : (value: number) => value;
  const convert = decimalStorage(from.width) === 128 ? hugeToFloating(kind) : integerToFloating(kind);
  const power = round(Number(`1e${from.scale}`));
  const divisor = powerOfTen(from.scale);
  const limit = mantissa[kind];
  const small = Number(limit);
  return (value) => {
    if (typeof value === 'number' && value <= small && value >= -small) return round(value / power);
    const big = BigInt(value);
    if (from.scale === 0 || (big <= limit && big >= -limit)) return round(convert(big) / power);
    return round(convert(big / divisor) + round(convert(big % divisor) / power));
  };
}
