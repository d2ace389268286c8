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
function splitMicros(micros: Exact): { readonly days: number; readonly micros: number } {
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
  return micros < infiniteMicros && micros !== -infiniteMicros && micros >= -(2n ** 63n);
}

const datePattern = /^[ \t-\r]*(-?)(\d{1,9})([ \-/\\])(\d{1,2})\3(\d{1,2})([ \t-\r]\([bB][cC]\))?/;
const specialPattern = /^[ \t-\r]*(-?)(?:(inf(?:inity(?=[ \t-\r]*$)|$))|epoch)[ \t-\r]*$/i;
const monthDays = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** A day number, and how much of the text it took; null when it is no date at all, NaN for one outside the calendar. */
function readDate(text: string): { readonly days: number; readonly length: number } | null {
  const match = datePattern.exec(text);
  if (match === null) {
    const special = specialPattern.exec(text);
    if (special === null) return null;
    const days = special[2] === undefined ? 0 : special[1] === '-' ? -infiniteDays : infiniteDays;
    return { days, length: text.length };
  }
  const before = match[6] !== undefined;
  let year = Number(match[1] + match[2]) + 0;
  if (before && year <= 0) return null;
  if (before) year = 1 - year;
  const next = text.charCodeAt(match[0].length);
  if (next >= 0x30 && next <= 0x39) return null;
  const [month, day] = [Number(match[4]), Number(match[5])];
  const leap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 1 : 0;
  const valid = month >= 1 && month <= 12 && day >= 1 && day <= monthDays[month - 1] + leap;
  const days = valid ? daysOf(year, month, day) : Number.NaN;
  // the calendar goes from -5877641-06-25 to 5881580-07-10
  return { days: Math.abs(days) < infiniteDays ? days : Number.NaN, length: match[0].length };
}

export function textToDate(text: string): number {
  const date = readDate(text);
  if (date === null) return fail(`invalid date field format: "${text}", expected format is (YYYY-MM-DD)`);
  return Number.isNaN(date.days) ? fail(`date field value out of range: "${text}"`) : date.days;
}

const timePattern = /^[ \t-\r]*(\d{1,9}):(?:(\d{1,2})(?::(?:(\d{1,2})(?:\.(\d*))?)?)?)?/;
const zonePattern = /^(?:Z|([+-])(\d\d)(?:(:?)(\d\d)(?:(?<=:\d\d):(\d\d))?|:)?| [uU][tT][cC]| )?[ \t-\r]*$/;

/** Microseconds into the day, and how much of the text they took. */
function readTime(text: string): { readonly micros: number; readonly length: number } | null {
  const match = timePattern.exec(text);
  if (match === null) return null;
  const [all, hour, minute, second, fraction] = match;
  // without seconds nothing may follow, not even a zone
  if (second === undefined && all.length < text.length) return null;
  if (Number(minute ?? 0) >= 60 || Number(second ?? 0) >= 60) return null;
  const micros = Number((fraction ?? '').slice(0, 6).padEnd(6, '0'));
  return { micros: (Number(hour) * 3600 + Number(minute ?? 0) * 60 + Number(second ?? 0)) * 1e6 + micros, length: all.length };
}

export function textToTimestamp(text: string): Exact {
  const wrong = (): never => fail(`invalid timestamp field format: "${text}", expected format is (YYYY-MM-DD HH:MM:SS[.US][±HH[:MM[:SS]]| ZONE])`);
  const range = (): never => fail(`timestamp field value out of range: "${text}"`);
  const date = readDate(text);
  if (date === null) return wrong();
  if (Number.isNaN(date.days)) return range();
  if (date.length === text.length) return Math.abs(date.days) === infiniteDays ? dateToTimestamp(date.days) : (finite(date.days, 0) ?? range());
  const separator = text[date.length] === ' ' || text[date.length] === 'T' ? 1 : 0;
  const rest = text.slice(date.length + separator);
  const time = readTime(rest);
  if (time === null) return wrong();
  if (time.micros > microsPerDay) return range();
  if (!zonePattern.test(rest.slice(time.length))) return wrong();
  return finite(date.days, time.micros) ?? range();
}

/** The time itself: like DuckDB, a zone is read and does not move it. */
function finite(days: number, micros: number): Exact | null {
  const quick = days * microsPerDay + micros;
  if (Number.isSafeInteger(quick) && Number.isSafeInteger(days * microsPerDay)) return quick;
  const big = BigInt(days) * BigInt(microsPerDay) + BigInt(micros);
  return inRange(big) ? exact(big) : null;
}
