import type { Exact } from '../functions/value.ts';
import { exact } from '../functions/value.ts';
import { decimalStorage } from '../sql-type.ts';
import { type Shape, shapeText } from './decimal.ts';
import { fail, powerOfTen } from './integer.ts';

const scratch = new DataView(new ArrayBuffer(4));

/**
 * Digits of a FLOAT as DuckDB finds them, `d.ddd` and the power of ten. Its Grisu3 takes the shortest digits that are within half a step of the
 * value; where two are as near, or one lies on the very border, it gives up and prints the FLOAT as the DOUBLE it equals.
 */
function floatDigits(value: number): string {
  const size = Math.abs(value);
  scratch.setFloat32(0, size);
  const bits = scratch.getUint32(0);
  const biased = bits >>> 23;
  const mantissa = biased === 0 ? bits & 0x7f_ffff : (bits & 0x7f_ffff) | 0x80_0000;
  const exponent = Math.max(biased, 1) - 150;
  // in quarters of the mantissa's unit, so that every border is whole
  const closer = mantissa === 0x80_0000 && biased > 1;
  let [v, low, high] = [BigInt(mantissa) * 4n, BigInt(mantissa) * 4n - (closer ? 1n : 2n), BigInt(mantissa) * 4n + 2n];
  // everything over one divisor, and times a power of ten that makes the first digit a unit
  const top = Number(size.toExponential().split('e')[1]) + 1;
  let unit = 1n;
  const shift = exponent - 2;
  if (shift >= 0) [v, low, high] = [v << BigInt(shift), low << BigInt(shift), high << BigInt(shift)];
  else unit <<= BigInt(-shift);
  for (let power = top; power > top - 12; power--) {
    const step = power >= 0 ? unit * 10n ** BigInt(power) : unit;
    const scale = power >= 0 ? 1n : 10n ** BigInt(-power);
    let near = ((high * scale) / step) * step;
    if (near < low * scale || near === 0n) continue;
    const target = v * scale;
    while (near > target && near - step > low * scale && 2n * target < 2n * near - step) near -= step;
    const tie = near > target && near - step >= low * scale && 2n * target === 2n * near - step;
    if (tie || near === high * scale || near === low * scale) break;
    return `${value < 0 ? '-' : ''}${Number(`${near / step}e${power}`).toExponential()}`;
  }
  return value.toExponential();
}

/** A DOUBLE (or FLOAT) as DuckDB prints it: shortest digits, at least one behind the point, an exponent from 1e16 up and below 1e-4. */
export function floatingText(value: number, kind: 'DOUBLE' | 'FLOAT'): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  const [digits, power] = (kind === 'FLOAT' ? floatDigits(value) : value.toExponential()).split('e');
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 16) {
    const size = String(Math.abs(exponent)).padStart(2, '0');
    return `${digits}e${exponent < 0 ? '-' : '+'}${size}`;
  }
  const negative = digits.startsWith('-');
  const all = digits.replace('-', '').replace('.', '');
  const sign = negative ? '-' : '';
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${all}`;
  const whole = all.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  return `${sign}${whole}.${all.slice(exponent + 1) || '0'}`;
}

function cannot(text: string, kind: string): never {
  return fail(`Could not convert string '${text}' to ${kind}`);
}

// digits may be parted by single underscores; white space around as C's isspace has it
const numberPattern = /^[ \t-\r]*([+-]?)(?:(\d+(?:_\d+)*)(?:\.(\d+(?:_\d+)*)?)?|\.(\d+(?:_\d+)*))(?:[eE]([+-]?\d+(?:_\d+)*))?[ \t-\r]*$/;
const hexPattern = /^[ \t-\r]*0[xX]([0-9a-fA-F]+(?:_[0-9a-fA-F]+)*)$/;
const binaryPattern = /^[ \t-\r]*0[bB]([01]+(?:_[01]+)*)$/;

/** Text to an integer type: a fraction rounds half away from zero, an exponent counts. */
export function textToInteger(min: bigint, max: bigint, kind: string): (text: string) => Exact {
  return (text) => {
    const based = kind === 'HUGEINT' ? null : (hexPattern.exec(text) ?? binaryPattern.exec(text));
    if (based !== null) {
      const value = BigInt(`0${/0b/i.test(text) ? 'b' : 'x'}${based[1].replaceAll('_', '')}`);
      return value > max ? cannot(text, kind) : exact(value);
    }
    const match = numberPattern.exec(text);
    if (match === null) return cannot(text, kind);
    // DuckDB reads the digits before the point as 64 bits, whatever the exponent
    if (kind !== 'HUGEINT' && BigInt((match[2] ?? '0').replaceAll('_', '')) > 2n ** 63n) return cannot(text, kind);
    const value = scaled(match);
    if (value === null || value < min || value > max) return cannot(text, kind);
    return exact(value);
  };
}

/** DuckDB reads exponents as 16 bits. */
function isExponent(exponent: number): boolean {
  return exponent <= 32_767 && exponent >= -32_768;
}

/** The whole number nearest to a matched number, halves away from zero; null when it is absurdly large. */
function scaled(match: RegExpExecArray): bigint | null {
  const whole = (match[2] ?? '').replaceAll('_', '');
  const fraction = (match[3] ?? match[4] ?? '').replaceAll('_', '');
  const digits = BigInt(whole + fraction);
  const exponent = Number((match[5] ?? '0').replaceAll('_', ''));
  if (!isExponent(exponent)) return null;
  if (digits === 0n) return 0n;
  const power = exponent - fraction.length;
  const sign = match[1] === '-' ? -1n : 1n;
  if (power >= 0) return power > 100 ? null : sign * digits * 10n ** BigInt(power);
  if (-power > whole.length + fraction.length + 1) return 0n;
  const divisor = 10n ** BigInt(-power);
  return sign * ((digits + divisor / 2n) / divisor);
}

const storageDigits = { 16: 4, 32: 9, 64: 18, 128: 38 } as const;

/**
 * Text to DECIMAL. Without an exponent, what does not fit behind the point rounds half away from zero. With one, DuckDB works on the
 * digits as they are written: those before the point must fit before the exponent moves it, and of the others it keeps as many as
 * the storage holds.
 */
export function textToDecimal(to: Shape): (text: string) => Exact {
  const limit = powerOfTen(to.width);
  const room = to.width - to.scale;
  const wrong = (text: string): never => fail(`Could not convert string "${text}" to ${shapeText(to)}`);
  return (text) => {
    const match = numberPattern.exec(text);
    if (match === null) return wrong(text);
    const whole = (match[2] ?? '').replaceAll('_', '').replace(/^0+/, '');
    const fraction = (match[3] ?? match[4] ?? '').replaceAll('_', '');
    if (whole.length > room) return wrong(text);
    const exponent = match[5] === undefined ? 0 : Number(match[5].replaceAll('_', ''));
    if (!isExponent(exponent)) return wrong(text);
    const value = exponent === 0 ? plainDecimal(whole, fraction, to.scale) : shiftedDecimal(whole, fraction, exponent, to, limit);
    if (value === null || value >= limit) return wrong(text);
    return exact(match[1] === '-' ? -value : value);
  };
}

function plainDecimal(whole: string, fraction: string, scale: number): bigint {
  const value = BigInt(whole + fraction.slice(0, scale).padEnd(scale, '0') || '0');
  return fraction.length > scale && fraction[scale] >= '5' ? value + 1n : value;
}

function shiftedDecimal(whole: string, fraction: string, exponent: number, to: Shape, limit: bigint): bigint | null {
  const kept = fraction.slice(0, Math.max(0, storageDigits[decimalStorage(to.width)] - whole.length));
  const excess = Math.max(0, kept.length - to.scale);
  if (exponent < 0) {
    const start = BigInt(whole + kept.slice(0, to.scale).padEnd(to.scale, '0') || '0');
    return start >= limit ? null : roundedDown(start, -exponent);
  }
  if (excess > exponent) return roundedDown(BigInt(whole + kept || '0'), excess - exponent);
  const start = BigInt(whole + kept.padEnd(Math.max(to.scale, kept.length), '0') || '0');
  const zeros = exponent - excess;
  if (start >= limit) return null;
  if (start === 0n) return 0n;
  return whole.length + zeros > to.width - to.scale ? null : start * 10n ** BigInt(zeros);
}

/** Takes digits off the end one by one; the last one taken rounds. */
function roundedDown(value: bigint, digits: number): bigint {
  if (digits > 80) return 0n;
  const rest = value / 10n ** BigInt(digits - 1);
  return rest / 10n + (rest % 10n >= 5n ? 1n : 0n);
}

const floatingPattern = /^[ \t-\r]*\+?(-?(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:[eE][+-]?\d+)?)[ \t-\r]*$/;
const wordPattern = /^[ \t-\r]*\+?(-?)(nan|inf|infinity)[ \t-\r]*$/i;

export function textToFloating(kind: 'DOUBLE' | 'FLOAT'): (text: string) => number {
  const round = kind === 'FLOAT' ? Math.fround : (value: number) => value;
  return (text) => {
    const match = floatingPattern.exec(text);
    if (match !== null) {
      return round(Number(match[1].replaceAll('_', '')));
    }
    const word = wordPattern.exec(text);
    if (word === null) return cannot(text, kind);
    if (word[2].toLowerCase() === 'nan') return Number.NaN;
    return word[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  };
}

const words: Readonly<Record<string, boolean>> = {
  t: true,
  y: true,
  '1': true,
  yes: true,
  true: true,
  f: false,
  n: false,
  '0': false,
  no: false,
  false: false,
};

export function textToBoolean(text: string): boolean {
  const word = text.length <= 5 ? text.toLowerCase() : '';
  return Object.hasOwn(words, word) ? words[word] : cannot(text, 'BOOL');
}
