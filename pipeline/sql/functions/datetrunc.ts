import { civilOf, daysOf } from '../casts/time.ts';
import {
  dayOf,
  HOUR,
  infiniteTimestamp,
  isInfiniteDate,
  isInfiniteTimestamp,
  isoYear,
  isoYearStart,
  MINUTE,
  mondayOf,
  SECOND,
  timeOf,
  timestampOf,
  yearOf,
} from './calendar.ts';
import { byPart, type DatePart, refusePart } from './datepart-name.ts';
import type { Overload, ScalarFunction } from './function.ts';
import { type Exact, scalar, typed } from './value.ts';

/** date_trunc: the start of the year, month, hour … that a DATE or TIMESTAMP lies in, always as a TIMESTAMP; infinite ones stay. */

const yearsStart = (length: number) => (days: number) => daysOf(Math.trunc(yearOf(days) / length) * length, 1, 1);
const same = (days: number) => days;

const dayStarts: Readonly<Partial<Record<DatePart, (days: number) => number>>> = {
  millennium: yearsStart(1000),
  century: yearsStart(100),
  decade: yearsStart(10),
  year: yearsStart(1),
  quarter: (days) => {
    const { year, month } = civilOf(days);
    return daysOf(year, month - ((month - 1) % 3), 1);
  },
  month: (days) => {
    const { year, month } = civilOf(days);
    return daysOf(year, month, 1);
  },
  week: mondayOf,
  yearweek: mondayOf,
  isoyear: (days) => isoYearStart(isoYear(days)),
  day: same,
  dayofweek: same,
  isodow: same,
  dayofyear: same,
};

/** Microseconds that the finer parts are long. */
const lengths: Readonly<Partial<Record<DatePart, number>>> = { hour: HOUR, minute: MINUTE, second: SECOND, epoch: SECOND, millisecond: 1000, microsecond: 1 };

const known = [...Object.keys(dayStarts), ...Object.keys(lengths)] as DatePart[];

function truncDate(part: DatePart): (days: number) => Exact {
  const start = dayStarts[part] ?? same;
  return (days) => (isInfiniteDate(days) ? infiniteTimestamp(days) : timestampOf(start(days), 0));
}

function truncTimestamp(part: DatePart): (micros: Exact) => Exact {
  const start = dayStarts[part];
  if (start !== undefined) return (micros) => (isInfiniteTimestamp(micros) ? micros : timestampOf(start(dayOf(micros)), 0));
  const length = lengths[part] as number;
  return (micros) => {
    if (isInfiniteTimestamp(micros)) return micros;
    const time = timeOf(micros);
    return timestampOf(dayOf(micros), time - (time % length));
  };
}

const constant = { at: 0, required: false, refuse: refusePart(known) };

const overloads: readonly Overload[] = [
  {
    fn: 'date_trunc.date',
    params: ['VARCHAR', 'DATE'],
    constant,
    returns: scalar('TIMESTAMP'),
    nulls: 'propagate',
    make: () => {
      const find = byPart(known, truncDate);
      return typed((part: string, days: number) => find(part)(days));
    },
  },
  {
    fn: 'date_trunc.timestamp',
    params: ['VARCHAR', 'TIMESTAMP'],
    constant,
    returns: scalar('TIMESTAMP'),
    nulls: 'propagate',
    make: () => {
      const find = byPart(known, truncTimestamp);
      return typed((part: string, micros: Exact) => find(part)(micros));
    },
  },
];

export const dateTruncFunctions: readonly ScalarFunction[] = [
  { name: 'date_trunc', overloads },
  { name: 'datetrunc', overloads },
];
