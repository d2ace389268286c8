import { civilOf } from '../casts/time.ts';
import {
  DAY,
  dayOf,
  dayOfYear,
  HOUR,
  isInfiniteDate,
  isInfiniteTimestamp,
  isoDayOfWeek,
  isoWeek,
  isoYear,
  MINUTE,
  SECOND,
  timeOf,
  yearOf,
} from './calendar.ts';
import { byPart, type DatePart, findPart, refusePart } from './datepart-name.ts';
import type { Overload, ScalarFunction } from './function.ts';
import { type Exact, scalar, typed } from './value.ts';

/** extract and its functions: one number of a DATE or TIMESTAMP; NULL for the infinite ones. */

const SECONDS_A_DAY = 86_400;

/** From year 1 on the first is 1; before it there is no 0th. */
function age(year: number, length: number): number {
  return year > 0 ? Math.floor((year - 1) / length) + 1 : Math.ceil(year / length) - 1;
}

function yearWeek(days: number): number {
  const year = isoYear(days);
  const week = isoWeek(days);
  return year * 100 + (year > 0 ? week : -week);
}

/** Parts that a day decides. */
const ofDay: Readonly<Partial<Record<DatePart, (days: number) => number>>> = {
  year: yearOf,
  month: (days) => civilOf(days).month,
  day: (days) => civilOf(days).day,
  decade: (days) => Math.trunc(yearOf(days) / 10) + 0,
  century: (days) => age(yearOf(days), 100),
  millennium: (days) => age(yearOf(days), 1000),
  dayofweek: (days) => isoDayOfWeek(days) % 7,
  isodow: isoDayOfWeek,
  week: isoWeek,
  dayofyear: dayOfYear,
  quarter: (days) => Math.floor((civilOf(days).month - 1) / 3) + 1,
  yearweek: yearWeek,
  isoyear: isoYear,
  era: (days) => (yearOf(days) > 0 ? 1 : 0),
};

/** Parts that the microseconds of the day decide; those below a minute count the seconds in. */
const ofTime: Readonly<Partial<Record<DatePart, (micros: number) => number>>> = {
  hour: (micros) => Math.floor(micros / HOUR),
  minute: (micros) => Math.floor(micros / MINUTE) % 60,
  second: (micros) => Math.floor(micros / SECOND) % 60,
  millisecond: (micros) => Math.floor((micros % MINUTE) / 1000),
  microsecond: (micros) => micros % MINUTE,
};

const known = [...Object.keys(ofDay), ...Object.keys(ofTime), 'epoch'] as DatePart[];

function partOfDate(part: DatePart): (days: number) => number | null {
  const body = part === 'epoch' ? (days: number) => days * SECONDS_A_DAY : (ofDay[part] ?? (() => 0));
  return (days) => (isInfiniteDate(days) ? null : body(days));
}

function partOfTimestamp(part: DatePart): (micros: Exact) => number | null {
  if (part === 'epoch') return (micros) => (isInfiniteTimestamp(micros) ? null : Number(micros) / SECOND);
  const day = ofDay[part];
  if (day !== undefined) return (micros) => (isInfiniteTimestamp(micros) ? null : day(dayOf(micros)));
  const time = ofTime[part] as (micros: number) => number;
  return (micros) => (isInfiniteTimestamp(micros) ? null : time(typeof micros === 'number' && micros >= 0 ? micros % DAY : timeOf(micros)));
}

function partFunction(part: DatePart): ScalarFunction {
  const returns = scalar(part === 'epoch' ? 'DOUBLE' : 'BIGINT');
  return {
    name: part,
    overloads: [
      { fn: `${part}.date`, params: ['DATE'], returns, nulls: 'propagate', make: () => typed(partOfDate(part)) },
      { fn: `${part}.timestamp`, params: ['TIMESTAMP'], returns, nulls: 'propagate', make: () => typed(partOfTimestamp(part)) },
    ],
  };
}

const constant = { at: 0, required: true, refuse: refusePart(known) };
const partType: Overload['returns'] = (_, detail) => scalar(findPart(detail ?? '', known) === 'epoch' ? 'DOUBLE' : 'BIGINT');

const datePart: readonly Overload[] = [
  {
    fn: 'date_part.date',
    params: ['VARCHAR', 'DATE'],
    constant,
    returns: partType,
    nulls: 'propagate',
    make: () => {
      const find = byPart(known, partOfDate);
      return typed((part: string, days: number) => find(part)(days));
    },
  },
  {
    fn: 'date_part.timestamp',
    params: ['VARCHAR', 'TIMESTAMP'],
    constant,
    returns: partType,
    nulls: 'propagate',
    make: () => {
      const find = byPart(known, partOfTimestamp);
      return typed((part: string, micros: Exact) => find(part)(micros));
    },
  },
];

const functions: readonly DatePart[] = [
  ...(['year', 'quarter', 'month', 'week', 'day', 'dayofweek', 'isodow', 'dayofyear'] as const),
  ...(['hour', 'minute', 'second', 'millisecond', 'microsecond', 'epoch'] as const),
];

export const datePartFunctions: readonly ScalarFunction[] = [
  ...functions.map(partFunction),
  // what DuckDB's parser makes of EXTRACT(part FROM time)
  { name: 'date_part', overloads: datePart },
];
