/** Integers in the *exact form* of `types.ts`: a number when safe, else a bigint. */
export type Exact = number | bigint;

const MIN_SAFE = BigInt(Number.MIN_SAFE_INTEGER);
const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);

/** The exact form of a bigint. */
export function exact(value: bigint): Exact {
  return value >= MIN_SAFE && value <= MAX_SAFE ? Number(value) : value;
}

/** The exact form of an integral double, never −0. */
export function exactNumber(value: number): Exact {
  return Number.isSafeInteger(value) ? value + 0 : exact(BigInt(value));
}

/** a · b. */
export function times(a: Exact, b: number): Exact {
  if (typeof a === 'number') {
    const product = a * b;
    if (Number.isSafeInteger(product)) return product + 0;
  }
  return exact(BigInt(a) * BigInt(b));
}

/** ⌊a / b⌋ for b > 0. */
export function floorDiv(a: Exact, b: number): Exact {
  if (typeof a === 'number') {
    const quotient = Math.floor(a / b);
    const rest = a - quotient * b; // not in [0, b) when a / b was rounded across an integer
    if (rest >= 0 && rest < b) return quotient + 0;
  }
  return exact(floorBig(BigInt(a), BigInt(b)));
}

/** Milliseconds of microseconds, cut toward zero as DuckDB's `epoch_ms` does. */
export function millisOf(micros: Exact): Exact {
  if (typeof micros === 'bigint') return exact(micros / 1000n);
  const quotient = Math.trunc(micros / 1000);
  // near 2^53 the division can round across an integer
  return (Math.abs(quotient * 1000) > Math.abs(micros) ? quotient - Math.sign(quotient) : quotient) + 0;
}

function floorBig(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b < 0n ? quotient - 1n : quotient;
}

/** 10^n as an exact integer. */
export function pow10(n: number): Exact {
  return n <= 15 ? 10 ** n : exact(10n ** BigInt(n));
}

/** Whether lo ≤ value ≤ hi; the bounds are bigint so that 64- and 128-bit ones are exact. */
export function within(value: Exact, lo: bigint, hi: bigint): boolean {
  return value >= lo && value <= hi;
}

export const INT_MIN = -(2n ** 31n);
export const INT_MAX = 2n ** 31n - 1n;
export const LONG_MIN = -(2n ** 63n);
export const LONG_MAX = 2n ** 63n - 1n;

const NUMBER = /^(-?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;

/**
 * The digits of a decimal text times 10^scale, exactly: `('1.25', 2)` is 125. Null when that is no integer, when the text is no
 * number, or when it is absurdly large (above 10^400), so that `1e999999999` costs nothing.
 */
export function scaledDigits(text: string, scale: number): Exact | null {
  const match = NUMBER.exec(text);
  if (match === null || (match[2] === '' && !match[3])) return null;
  const fraction = match[3] ?? '';
  let digits = (match[2] + fraction).replace(/^0+/, '');
  if (digits === '') return 0;
  let shift = Number(match[4] ?? 0) - fraction.length + scale;
  if (digits.length + shift > 400) return null;
  const zeros = digits.length - digits.replace(/0+$/, '').length;
  if (shift < -zeros) return null;
  if (shift < 0) {
    digits = digits.slice(0, digits.length + shift);
    shift = 0;
  }
  digits = match[1] + digits + '0'.repeat(shift);
  return digits.length <= 15 ? Number(digits) : exact(BigInt(digits));
}

/** A decimal of unscaled value and scale as plain digits: `(-125, 2)` is `-1.25`. */
export function decimalText(unscaled: Exact, scale: number): string {
  const digits = unscaled.toString();
  if (scale === 0) return digits;
  const sign = digits[0] === '-' ? '-' : '';
  const padded = digits.slice(sign.length).padStart(scale + 1, '0');
  return `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`;
}

/** The double nearest to unscaled / 10^scale. */
export function decimalToDouble(unscaled: Exact, scale: number): number {
  if (typeof unscaled === 'number' && scale <= 22) return unscaled / 10 ** scale;
  return scale === 0 ? Number(unscaled) : Number(decimalText(unscaled, scale));
}
