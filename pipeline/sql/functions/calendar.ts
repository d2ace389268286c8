import { civilOf, daysOf } from '../casts/time.ts';
import { type Exact, exact, failed, floorDiv } from './value.ts';

/** What DATE (days) and TIMESTAMP (microseconds, exact form) values are made of. Proleptic Gregorian, UTC, year 0 is 1 BC. */

export const DAY = 86_400_000_000;
export const HOUR = 3_600_000_000;
export const MINUTE = 60_000_000;
export const SECOND = 1_000_000;

const INFINITE_DAYS = 2 ** 31 - 1;
const INFINITE_MICROS = 2n ** 63n - 1n;
const LEAST_MICROS = -(2n ** 63n);

export function isInfiniteDate(days: number): boolean {
  return days === INFINITE_DAYS || days === -INFINITE_DAYS;
}

export function isInfiniteTimestamp(micros: Exact): boolean {
  return typeof micros === 'bigint' && (micros === INFINITE_MICROS || micros === -INFINITE_MICROS);
}

/** Whether a day number is a finite date's. −2^31 is one, by arithmetic alone. */
export function isDate(days: number): boolean {
  return days >= -(2 ** 31) && days < INFINITE_DAYS && days !== -INFINITE_DAYS;
}

/** The TIMESTAMP of a date, where the infinite dates have theirs. */
export function infiniteTimestamp(days: number): Exact {
  return days > 0 ? INFINITE_MICROS : -INFINITE_MICROS;
}

/** The microseconds of a bigint if a finite TIMESTAMP has them, else undefined. */
function timestampOfBig(micros: bigint): Exact | undefined {
  return micros >= LEAST_MICROS && micros < INFINITE_MICROS && micros !== -INFINITE_MICROS ? exact(micros) : undefined;
}

/** The TIMESTAMP so many microseconds into a day; raises where DuckDB does, which is for any time of the earliest day too. */
export function timestampOf(days: number, micros: number): Exact {
  const sum = days * DAY + micros;
  if (Number.isSafeInteger(sum)) return sum;
  const midnight = BigInt(days) * BigInt(DAY);
  const value = midnight < LEAST_MICROS ? undefined : timestampOfBig(midnight + BigInt(micros));
  if (value === undefined) throw failed('Date and time not in timestamp range');
  return value;
}

/** The day that a time lies in. */
export function dayOf(micros: Exact): number {
  if (typeof micros === 'number') return floorDiv(micros, DAY);
  const day = BigInt(DAY);
  return Number((micros - (((micros % day) + day) % day)) / day);
}

/** Microseconds since that day began. */
export function timeOf(micros: Exact): number {
  if (typeof micros === 'number') return micros - floorDiv(micros, DAY) * DAY;
  const rest = Number(micros % BigInt(DAY));
  return rest < 0 ? rest + DAY : rest;
}

export function yearOf(days: number): number {
  return civilOf(days).year;
}

/** 1 to 7, Monday first. */
export function isoDayOfWeek(days: number): number {
  // 1970-01-01 was a Thursday
  const past = (days + 3) % 7;
  return (past < 0 ? past + 7 : past) + 1;
}

export function mondayOf(days: number): number {
  return days - isoDayOfWeek(days) + 1;
}

export function dayOfYear(days: number): number {
  return days - daysOf(yearOf(days), 1, 1) + 1;
}

// in the calendar's first year DuckDB cannot find the first of January
const FIRST_WHOLE_YEAR = daysOf(-5_877_640, 1, 1);

/** The year that an ISO 8601 week belongs to: that of its Thursday. */
export function isoYear(days: number): number {
  if (days < FIRST_WHOLE_YEAR) throw failed('Date out of range: -5877641-1-1');
  return yearOf(mondayOf(days) + 3);
}

/** The Monday of an ISO year's first week, which has January 4 in it. */
export function isoYearStart(year: number): number {
  return mondayOf(daysOf(year, 1, 4));
}

export function isoWeek(days: number): number {
  return floorDiv(days - isoYearStart(isoYear(days)), 7) + 1;
}

const monthLengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

export function monthLength(year: number, month: number): number {
  const leap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return leap ? 29 : monthLengths[month - 1];
}
