import { type Exact, exact } from '../functions/value.ts';
import { fail } from './integer.ts';

/** DATE and TIMESTAMP to and from text, as `common/types/date.cpp` and `timestamp.cpp` of DuckDB do. Proleptic Gregorian calendar, UTC. */

const infiniteDays = 2 ** 31 - 1;
const infiniteMicros = 2n ** 63n - 1n;
const microsPerDay = 86_400_000_000;

/** Days since 1970-01-01 of a civil date; exact for every year a DATE can have. */
export function daysOf(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468;
}

/** The civil date of a day number. Howard Hinnant's `civil_from_days`. */
export function civilOf(days: number): { readonly year: number; readonly month: number; readonly day: number } {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor((dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const part = Math.floor((5 * dayOfYear + 2) / 153);
  const month = part < 10 ? part + 3 : part - 9;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day: dayOfYear - Math.floor((153 * part + 2) / 5) + 1 };
}

const two = (value: number): string => (value < 10 ? `0${value}` : String(value));

export function dateText(days: number): string {
  if (days === infiniteDays) return 'infinity';
  if (days === -infiniteDays) return '-infinity';
  const { year, month, day } = civilOf(days);
  const before = year <= 0;
  return `${String(before ? 1 - year : year).padStart(4, '0')}-${two(month)}-${two(day)}${before ? ' (BC)' : ''}`;
}

/** Whole days before a time, and the microseconds into that day. */
export function splitMicros(micros: Exact): { readonly days: number; readonly micros: number } {
  if (typeof micros === 'number') {
    const days = Math.floor(micros / microsPerDay);
    const rest = micros - days * microsPerDay;
    // the quotient of large numbers may round up to a whole day
    return rest < 0 ? { days: days - 1, micros: rest + microsPerDay } : { days, micros: rest };
  }
  const day = BigInt(microsPerDay);
  const rest = ((micros % day) + day) % day;
  return { days: Number((micros - rest) / day), micros: Number(rest) };
}

export function timestampText(micros: Exact): string {
  if (micros === infiniteMicros) return 'infinity';
  if (micros === -infiniteMicros) return '-infinity';
  const { days, micros: rest } = splitMicros(micros);
  const seconds = Math.floor(rest / 1_000_000);
  const fraction = rest % 1_000_000;
  const time = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  const tail = fraction === 0 ? '' : `.${String(fraction).padStart(6, '0').replace(/0+$/, '')}`;
  return `${dateText(days)} ${time}${tail}`;
}

export function timestampToDate(micros: Exact): number {
  if (micros === infiniteMicros) return infiniteDays;
  if (micros === -infiniteMicros) return -infiniteDays;
  return splitMicros(micros).days;
}

export function dateToTimestamp(days: number): Exact {
  if (days === infiniteDays) return infiniteMicros;
  if (days === -infiniteDays) return -infiniteMicros;
  const micros = days * microsPerDay;
  if (Number.isSafeInteger(micros)) return micros;
  const big = BigInt(days) * BigInt(microsPerDay);
  return inRange(big) ? exact(big) : fail(`Could not convert DATE (${dateText(days)}) to TIMESTAMP`);
}

/** Whether a TIMESTAMP can hold it as a finite time. */
function inRange(micros: bigint): boolean {
  return micros < infiniteMicros && micros > -infiniteMicros && micros >= -9_223_372_022_400_000_000n;
}

export function textToDate(_text: string): number {
  return fail('not yet');
}

export function textToTimestamp(_text: string): Exact {
  return fail('not yet');
}
