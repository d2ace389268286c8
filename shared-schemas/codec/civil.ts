import { type Exact, exact } from './exact.ts';

/** Days since 1970-01-01 of a date of the proleptic Gregorian calendar; `month` 1 to 12 (H. Hinnant, days_from_civil). */
export function daysOf(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

/** The date of a day since 1970-01-01 (civil_from_days). */
export function civilOf(days: number): [year: number, month: number, day: number] {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor((dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const part = Math.floor((5 * dayOfYear + 2) / 153);
  const month = part < 10 ? part + 3 : part - 9;
  return [yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - Math.floor((153 * part + 2) / 5) + 1];
}

/** ISO 8601, `-` before years below 0. */
export function dateText(days: number): string {
  const [year, month, day] = civilOf(days);
  const digits = String(Math.abs(year)).padStart(4, '0');
  return `${year < 0 ? '-' : ''}${digits}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`;
}

const DATE = /^(-?\d{4,7})-(\d\d)-(\d\d)$/;

/** The day of `YYYY-MM-DD`; null when it is no date (`2023-02-29`). */
export function parseDate(text: string): number | null {
  const match = DATE.exec(text);
  if (match === null) return null;
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  if (month < 1 || month > 12) return null;
  const days = daysOf(year, month, day);
  const [, sameMonth, sameDay] = civilOf(days);
  return sameMonth === month && sameDay === day ? days : null;
}

/** 2^63 µs, a day less */
const MOST_DAYS = 106_751_990;

const DATE_TIME = /^(-?\d{4,7}-\d\d-\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(Z|[+-]\d\d(?::?\d\d)?)?$/i;

/**
 * The instant of an ISO 8601 date and time (or date alone) as whole microseconds, digits beyond them cut off; without an
 * offset it is UTC. Null when it is none, or beyond 64 bits (the year 294246).
 */
export function parseInstant(text: string): Exact | null {
  const match = DATE_TIME.exec(text);
  const days = parseDate(match === null ? text : match[1]);
  if (days === null) return null;
  if (Math.abs(days) > MOST_DAYS) return null;
  if (match === null) return instant(days, 0, 0);
  const [hour, minute, second] = [Number(match[2]), Number(match[3]), Number(match[4] ?? 0)];
  if (hour > 23 || minute > 59 || second > 59) return null;
  const zone = match[6] ?? 'Z';
  const offset = zone === 'Z' || zone === 'z' ? 0 : Number(`${zone[0]}1`) * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3).replace(':', '') || 0));
  return instant(days, (hour * 60 + minute - offset) * 60 + second, Number((match[5] ?? '').padEnd(6, '0').slice(0, 6)));
}

function instant(days: number, seconds: number, micros: number): Exact {
  const whole = days * 86_400 + seconds;
  const value = whole * 1e6 + micros;
  return Number.isSafeInteger(value) ? value : exact(BigInt(whole) * 1_000_000n + BigInt(micros));
}
