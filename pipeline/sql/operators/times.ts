import { civilOf, dateText, dateToTimestamp, daysOf, splitMicros, timestampText } from '../casts/time.ts';
import { fail } from '../casts/integer.ts';
import type { Overload } from '../functions/function.ts';
import { type Exact, exact, scalar, typed } from '../functions/value.ts';

/** `+` and `-` of dates, and of INTERVAL literals, as `common/types/interval.cpp` of DuckDB does them. */

const infiniteDays = 2 ** 31 - 1;
const infiniteMicros = 2n ** 63n - 1n;
const microsPerDay = 86_400_000_000n;

const monthDays = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function lastDay(year: number, month: number): number {
  const leap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 1 : 0;
  return monthDays[month - 1] + leap;
}

/** The same day of a later or earlier month, or that month's last. */
function addMonths(days: number, months: number): number {
  if (months === 0) return days;
  const { year, month, day } = civilOf(days);
  const total = year * 12 + month - 1 + months;
  const toYear = Math.floor(total / 12);
  const toMonth = total - toYear * 12 + 1;
  return daysOf(toYear, toMonth, Math.min(day, lastDay(toYear, toMonth)));
}

/** Adds months, then days, then microseconds. `detail` is `months days microseconds`. */
export function addInterval(detail: string): (micros: Exact) => Exact {
  const [months, days, micros] = detail.split(' ').map(BigInt);
  return (start) => {
    if (start === infiniteMicros || start === -infiniteMicros) return start;
    const at = splitMicros(start);
    const day = addMonths(at.days, Number(months)) + Number(days);
    const value = BigInt(day) * microsPerDay + BigInt(at.micros) + micros;
    if (Math.abs(day) >= infiniteDays || value >= infiniteMicros || value === -infiniteMicros || value < -(2n ** 63n)) fail(`Overflow in adding an INTERVAL to ${timestampText(start)}`);
    return exact(value);
  };
}

function addDays(days: number, more: number): number {
  if (Math.abs(days) === infiniteDays) return days;
  const value = days + more;
  if (Math.abs(value) >= infiniteDays) fail(`Date out of range: ${dateText(days)} and ${more} days`);
  return value;
}

function intervalOverloads(name: string, first: boolean): readonly Overload[] {
  const params = (kind: 'TIMESTAMP' | 'DATE') => (first ? (['INTERVAL', kind] as const) : ([kind, 'INTERVAL'] as const));
  return [
    { fn: `${name}.timestamp`, params: params('TIMESTAMP'), returns: scalar('TIMESTAMP'), nulls: 'propagate', make: (_args, _type, detail) => typed(addInterval(detail as string)) },
    {
      fn: `${name}.date`,
      params: params('DATE'),
      returns: scalar('TIMESTAMP'),
      nulls: 'propagate',
      make: (_args, _type, detail) => {
        const add = addInterval(detail as string);
        return typed((days: number) => add(dateToTimestamp(days)));
      },
    },
  ];
}

/** What `+` and `-` have besides numbers. The binder turns the interval's sign around for `-`. */
export const timeOperators: Readonly<Record<'+' | '-', readonly Overload[]>> = {
  '+': [
    { fn: 'add.date', params: ['DATE', 'INTEGER'], returns: scalar('DATE'), nulls: 'propagate', make: () => typed(addDays) },
    { fn: 'add.to_date', params: ['INTEGER', 'DATE'], returns: scalar('DATE'), nulls: 'propagate', make: () => typed((more: number, days: number) => addDays(days, more)) },
    ...intervalOverloads('add_interval', false),
    ...intervalOverloads('interval_add', true),
  ],
  '-': [
    { fn: 'subtract.dates', params: ['DATE', 'DATE'], returns: scalar('BIGINT'), nulls: 'propagate', make: () => typed((a: number, b: number) => a - b) },
    { fn: 'subtract.date', params: ['DATE', 'INTEGER'], returns: scalar('DATE'), nulls: 'propagate', make: () => typed((days: number, less: number) => addDays(days, -less)) },
    ...intervalOverloads('subtract_interval', false),
  ],
};
