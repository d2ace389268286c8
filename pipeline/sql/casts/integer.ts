import { failed } from '../functions/value.ts';

/** 10^n as a bigint, for n up to 76. */
const powers: readonly bigint[] = Array.from({ length: 77 }, (_, n) => 10n ** BigInt(n));

export function powerOfTen(n: number): bigint {
  return powers[n];
}

/** What a record's flaw says when its expression fails. */
export function fail(message: string): never {
  throw failed(message);
}

/** Divides and rounds half away from zero. The divisor is positive. */
export function divideRounded(value: bigint, divisor: bigint): bigint {
  const half = divisor / 2n;
  return (value < 0n ? value - half : value + half) / divisor;
}
