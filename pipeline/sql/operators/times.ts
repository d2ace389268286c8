import { civilOf, daysOf } from '../casts/time.ts';
import { DAY, dayOf, infiniteTimestamp, isDate, isInfiniteDate, isInfiniteTimestamp, monthLength, timeOf, timestampOf } from '../functions/calendar.ts';
import type { Overload } from '../functions/function.ts';
import { type Exact, failed, floorDiv, scalar, typed } from '../functions/value.ts';

/** `+` and `-` of dates, and of INTERVAL literals, as `common/types/interval.cpp` of DuckDB does them. */

interface Parts {
  readonly months: number;
  readonly days: number;
  readonly micros: bigint;
}

function partsOf(detail: string | undefined): Parts {
  const [months, days, micros] = (detail ?? '').split(' ');
  return { months: Number(months), days: Number(days), micros: BigInt(micros) };
}

function dateOf(days: number): number {
  if (!isDate(days)) throw failed('Date out of range');
  return days;
}

/** Months first, the day cut to the new month's length; then days; then microseconds: no part turns into another. */
function adder({ months, days, micros }: Parts): (day: number, time: number) => Exact {
  const wholeDays = Number(micros / BigInt(DAY));
  const rest = Number(micros % BigInt(DAY));
  return (day, timeOfDay) => {
    let date = day;
    if (months !== 0) {
      const civil = civilOf(day);
      const month = civil.year * 12 + civil.month - 1 + months;
      const year = floorDiv(month, 12);
      date = dateOf(daysOf(year, month - year * 12 + 1, Math.min(civil.day, monthLength(year, month - year * 12 + 1))));
    }
    if (days !== 0) date = dateOf(date + days);
    date = dateOf(date + wholeDays);
    const time = timeOfDay + rest;
    if (time < 0) return timestampOf(date - 1, time + DAY);
    return time < DAY ? timestampOf(date, time) : timestampOf(date + 1, time - DAY);
  };
}

/** DATE or TIMESTAMP and an INTERVAL literal, which may stand first; the binder turns its sign around for `-`. */
export function withInterval(fn: string, first: boolean): readonly Overload[] {
  return [
    {
      fn: `${fn}.date`,
      params: first ? ['INTERVAL', 'DATE'] : ['DATE', 'INTERVAL'],
      returns: scalar('TIMESTAMP'),
      nulls: 'propagate',
      make: (_args, _type, detail) => {
        const add = adder(partsOf(detail));
        return typed((days: number) => {
          if (isInfiniteDate(days)) return infiniteTimestamp(days);
          timestampOf(days, 0);
          return add(days, 0);
        });
      },
    },
    {
      fn: `${fn}.timestamp`,
      params: first ? ['INTERVAL', 'TIMESTAMP'] : ['TIMESTAMP', 'INTERVAL'],
      returns: scalar('TIMESTAMP'),
      nulls: 'propagate',
      make: (_args, _type, detail) => {
        const add = adder(partsOf(detail));
        return typed((micros: Exact) => (isInfiniteTimestamp(micros) ? micros : add(dayOf(micros), timeOf(micros))));
      },
    },
  ];
}

function addDays(days: number, more: number): number {
  return isInfiniteDate(days) ? days : dateOf(days + more);
}

/** What `+` and `-` have besides numbers. DATE − DATE counts days. */
export const timeOperators: Readonly<Record<'+' | '-', readonly Overload[]>> = {
  '+': [
    ...withInterval('add_interval', false),
    ...withInterval('interval_add', true),
    { fn: 'add.date', params: ['DATE', 'INTEGER'], returns: scalar('DATE'), nulls: 'propagate', make: () => typed(addDays) },
    {
      fn: 'add.to_date',
      params: ['INTEGER', 'DATE'],
      returns: scalar('DATE'),
      nulls: 'propagate',
      make: () => typed((more: number, days: number) => addDays(days, more)),
    },
  ],
  '-': [
    ...withInterval('subtract_interval', false),
    {
      fn: 'subtract.date',
      params: ['DATE', 'INTEGER'],
      returns: scalar('DATE'),
      nulls: 'propagate',
      make: () => typed((days: number, fewer: number) => addDays(days, -fewer)),
    },
    { fn: 'subtract.dates', params: ['DATE', 'DATE'], returns: scalar('BIGINT'), nulls: 'propagate', make: () => typed((a: number, b: number) => a - b) },
  ],
};
