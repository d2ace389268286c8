import { civilOf, daysOf } from '../casts/time.ts';
import {
  DAY,
  dayOf,
  HOUR,
  infiniteTimestamp,
  isDate,
  isInfiniteDate,
  isInfiniteTimestamp,
  MINUTE,
  monthLength,
  SECOND,
  timeOf,
  timestampOf,
} from './calendar.ts';
import type { Overload, ScalarFunction } from './function.ts';
import { type Exact, exact, failed, floorDiv, quotient, scalar, typed } from './value.ts';

/** Arithmetic of DATE and TIMESTAMP with intervals and days, and TIMESTAMPs made of numbers. */

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

/** DATE and TIMESTAMP with an interval, which may stand first; the checker negates the interval of a subtraction. */
function withInterval(fn: string, first: boolean): readonly Overload[] {
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

/** Overloads of `+` and `-` for DATE and TIMESTAMP. DATE − DATE counts days. */
export const timeOperators: Readonly<Record<'+' | '-', readonly Overload[]>> = {
  '+': [
    ...withInterval('add_interval', false),
    ...withInterval('interval_add', true),
    { fn: 'add.date', params: ['DATE', 'INTEGER'], returns: scalar('DATE'), nulls: 'propagate', make: () => typed(addDays) },
    {
      fn: 'add.days',
      params: ['INTEGER', 'DATE'],
      returns: scalar('DATE'),
      nulls: 'propagate',
      make: () => typed((more: number, days: number) => addDays(days, more)),
    },
  ],
  '-': [
    ...withInterval('subtract_interval', false),
    {
      fn: 'subtract.days',
      params: ['DATE', 'INTEGER'],
      returns: scalar('DATE'),
      nulls: 'propagate',
      make: () => typed((days: number, fewer: number) => addDays(days, -fewer)),
    },
    { fn: 'subtract.date', params: ['DATE', 'DATE'], returns: scalar('BIGINT'), nulls: 'propagate', make: () => typed((a: number, b: number) => a - b) },
  ],
};

function timestampOfMillis(millis: Exact): Exact {
  if (typeof millis === 'number') {
    const micros = millis * 1000;
    if (Number.isSafeInteger(micros)) return micros;
  }
  const micros = BigInt(millis) * 1000n;
  if (BigInt.asIntN(64, micros) !== micros) throw failed('Could not convert Timestamp(MS) to Timestamp(US)');
  return exact(micros);
}

/** Toward zero, so a time just before 1970 gives 0. */
function millisOf(micros: Exact): Exact {
  return typeof micros === 'number' ? quotient(micros, 1000) : exact(micros / 1000n);
}

/** Microseconds since the epoch. The two infinities are refused. */
function timestampOfMicros(micros: Exact): Exact {
  if (isInfiniteTimestamp(micros)) throw failed(`Timestamp microseconds out of range: ${micros}`);
  return micros;
}

/** To the nearest integer, ties to even: C's `nearbyint`, by which DuckDB casts doubles. */
function nearest(value: number): number {
  const floor = Math.floor(value);
  const over = value - floor;
  return over > 0.5 || (over === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
}

function timestampOfParts(year: Exact, month: Exact, day: Exact, hour: Exact, minute: Exact, seconds: number): Exact {
  const valid = typeof year === 'number' && typeof month === 'number' && typeof day === 'number' && Math.abs(year) < 6_000_000;
  if (!valid || month < 1 || month > 12 || day < 1 || day > monthLength(year, month)) throw failed(`Date out of range: ${year}-${month}-${day}`);
  const days = daysOf(year, month, day);
  if (!isDate(days)) throw failed(`Date out of range: ${year}-${month}-${day}`);
  const second = seconds < 0 || seconds > 60 ? nearest(seconds) : Math.trunc(seconds);
  const fraction = (seconds - second) * SECOND;
  const micros = Math.trunc(fraction + Math.sign(fraction) * 0.5) + 0;
  const inDay = hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && second >= 0 && second <= 60 && micros >= 0 && micros <= SECOND;
  const midnight = hour === 24 && minute === 0 && second === 0 && micros === 0;
  if (!inDay && !midnight) throw failed(`Time out of range: ${hour}:${minute}:${second}.${micros}`);
  return timestampOf(days, Number(hour) * HOUR + Number(minute) * MINUTE + second * SECOND + micros);
}

export const timeFunctions: readonly ScalarFunction[] = [
  { name: 'date_add', overloads: withInterval('date_add', false) },
  {
    name: 'epoch_ms',
    overloads: [
      { fn: 'epoch_ms.bigint', params: ['BIGINT'], returns: scalar('TIMESTAMP'), nulls: 'propagate', make: () => typed(timestampOfMillis) },
      {
        fn: 'epoch_ms.date',
        params: ['DATE'],
        returns: scalar('BIGINT'),
        nulls: 'propagate',
        make: () => typed((days: number) => (isInfiniteDate(days) ? null : exact(BigInt(days) * 86_400_000n))),
      },
      {
        fn: 'epoch_ms.timestamp',
        params: ['TIMESTAMP'],
        returns: scalar('BIGINT'),
        nulls: 'propagate',
        make: () => typed((micros: Exact) => (isInfiniteTimestamp(micros) ? null : millisOf(micros))),
      },
    ],
  },
  {
    name: 'make_timestamp',
    overloads: [
      { fn: 'make_timestamp.micros', params: ['BIGINT'], returns: scalar('TIMESTAMP'), nulls: 'propagate', make: () => typed(timestampOfMicros) },
      {
        fn: 'make_timestamp.parts',
        params: ['BIGINT', 'BIGINT', 'BIGINT', 'BIGINT', 'BIGINT', 'DOUBLE'],
        returns: scalar('TIMESTAMP'),
        nulls: 'propagate',
        make: () => typed(timestampOfParts),
      },
    ],
  },
];
