import { FlawError, type SqlKind, type SqlType, type Value } from '@millrace/shared-schemas/types.ts';

/** An exact integer as rows hold it: a number when safe, else a bigint. */
export type Exact = number | bigint;

/** A function over values whose types the checker has settled, under the type that `Overload.make` gives. */
export function typed<Args extends readonly (Value | undefined)[]>(fn: (...args: Args) => Value): (...values: Value[]) => Value {
  return fn as unknown as (...values: Value[]) => Value;
}

/** The error of a record whose expression fails, worded as DuckDB words it. */
export function failed(message: string): FlawError {
  return new FlawError('expression_failed', message);
}

const SAFE = BigInt(Number.MAX_SAFE_INTEGER);

/** The exact integer form of a bigint. */
export function exact(value: bigint): Exact {
  return value <= SAFE && value >= -SAFE ? Number(value) : value;
}

/** `a / b` rounded toward zero; the numbers must be safe integers, for which the double quotient truncates exactly. */
export function quotient(a: number, b: number): number {
  // `+ 0` turns −0 into 0
  return Math.trunc(a / b) + 0;
}

/** `a / b` rounded down, of safe integers with b > 0. */
export function floorDiv(a: number, b: number): number {
  return Math.floor(a / b);
}

export function scaleOf(type: SqlType): number {
  return type.kind === 'DECIMAL' ? type.scale : 0;
}

export function widthOf(type: SqlType): number {
  return type.kind === 'DECIMAL' ? type.width : 0;
}

export const integerKinds = ['TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'HUGEINT'] as const;
export type IntegerKind = (typeof integerKinds)[number];

/** Bits of each integer type. */
export const integerBits: Readonly<Record<IntegerKind, number>> = { TINYINT: 8, SMALLINT: 16, INTEGER: 32, BIGINT: 64, HUGEINT: 128 };

/** The least value of each integer type. HUGEINT's is that of DuckDB, −2^127. */
export function integerMin(kind: IntegerKind): Exact {
  return exact(-(1n << BigInt(integerBits[kind] - 1)));
}

/** A lone type, as many overloads return it. */
export function scalar(kind: SqlKind): SqlType {
  return { kind };
}
