import { civilOf } from '../casts/time.ts';
import { dayOf, HOUR, isInfiniteDate, isInfiniteTimestamp, isoYear, MINUTE, SECOND, yearOf } from './calendar.ts';
import { byPart, type DatePart, refusePart } from './datepart-name.ts';
import type { Overload, ScalarFunction } from './function.ts';
import { type Exact, exact, failed, scalar, typed } from './value.ts';

/** date_diff: how many boundaries of a part lie between two times; NULL if either is infinite. */

const years = (length: number) => (days: number) => Math.trunc(yearOf(days) / length);
const months = (days: number) => {
  const { year, month } = civilOf(days);
  return year * 12 + month - 1;
};
const same = (days: number) => days;

/** The number of the year, month … a day is in; a difference counts the boundaries. */
const numbers: Readonly<Partial<Record<DatePart, (days: number) => number>>> = {
  year: years(1),
  decade: years(10),
  century: years(100),
  millennium: years(1000),
  month: months,
  // toward zero, as DuckDB has it
  quarter: (days) => Math.trunc(months(days) / 3),
  isoyear: isoYear,
  day: same,
  dayofweek: same,
  isodow: same,
  dayofyear: same,
};

const lengths: Readonly<Partial<Record<DatePart, number>>> = { hour: HOUR, minute: MINUTE, second: SECOND, epoch: SECOND, millisecond: 1000, microsecond: 1 };

const known = [...Object.keys(numbers), 'week', 'yearweek', ...Object.keys(lengths)] as DatePart[];

function daysBetween(part: DatePart): ((start: number, end: number) => number) | undefined {
  // no Mondays are counted, just lengths of seven days
  if (part === 'week' || part === 'yearweek') return (start, end) => Math.trunc((end - start) / 7) + 0;
  const number = numbers[part];
  return number === undefined ? undefined : (start, end) => number(end) - number(start);
}

function floorBig(value: Exact, length: number): bigint {
  const [a, b] = [BigInt(value), BigInt(length)];
  return a >= 0n ? a / b : (a + 1n) / b - 1n;
}

function microsBetween(length: number): (start: Exact, end: Exact) => Exact {
  return (start, end) => {
    if (typeof start === 'number' && typeof end === 'number') {
      const difference = Math.floor(end / length) - Math.floor(start / length);
      if (Number.isSafeInteger(difference)) return difference + 0;
    }
    const difference = floorBig(end, length) - floorBig(start, length);
    if (BigInt.asIntN(64, difference) !== difference) throw failed(`Overflow in subtraction of INT64 (${end} - ${start})!`);
    return exact(difference);
  };
}

const LARGEST = 2n ** 63n;

function diffDate(part: DatePart): (start: number, end: number) => Exact | null {
  const body = daysBetween(part);
  const length = lengths[part];
  if (body !== undefined) return (start, end) => (isInfiniteDate(start) || isInfiniteDate(end) ? null : body(start, end));
  const perDay = 86_400_000_000n / BigInt(length as number);
  return (start, end) => {
    if (isInfiniteDate(start) || isInfiniteDate(end)) return null;
    if ((length as number) <= 1000) {
      // goes by microseconds
      for (const days of [start, end]) {
        const micros = BigInt(days) * 86_400_000_000n;
        if (micros >= LARGEST || micros < -LARGEST) throw failed('Could not convert DATE to microseconds');
      }
    }
    const difference = BigInt(end - start) * perDay;
    if (BigInt.asIntN(64, difference) !== difference) throw failed('Overflow in subtraction of INT64');
    return exact(difference);
  };
}

function diffTimestamp(part: DatePart): (start: Exact, end: Exact) => Exact | null {
  const days = daysBetween(part);
  const micros = microsBetween(lengths[part] ?? 1);
  return (start, end) => {
    if (isInfiniteTimestamp(start) || isInfiniteTimestamp(end)) return null;
    return days === undefined ? micros(start, end) : days(dayOf(start), dayOf(end));
  };
}

const constant = { at: 0, required: false, refuse: refusePart(known) };

const overloads: readonly Overload[] = [
  {
    fn: 'date_diff.date',
    params: ['VARCHAR', 'DATE', 'DATE'],
    constant,
    returns: scalar('BIGINT'),
    nulls: 'propagate',
    make: () => {
      const find = byPart(known, diffDate);
      return typed((part: string, start: number, end: number) => find(part)(start, end));
    },
  },
  {
    fn: 'date_diff.timestamp',
    params: ['VARCHAR', 'TIMESTAMP', 'TIMESTAMP'],
    constant,
    returns: scalar('BIGINT'),
    nulls: 'propagate',
    make: () => {
      const find = byPart(known, diffTimestamp);
      return typed((part: string, start: Exact, end: Exact) => find(part)(start, end));
    },
  },
];

export const dateDiffFunctions: readonly ScalarFunction[] = [
  { name: 'date_diff', overloads },
  { name: 'datediff', overloads },
];
