import { daysOf } from '../casts/time.ts';
import { withInterval } from '../operators/times.ts';
import { HOUR, isDate, isInfiniteDate, isInfiniteTimestamp, MINUTE, monthLength, SECOND, timestampOf } from './calendar.ts';
import type { ScalarFunction } from './function.ts';
import { type Exact, exact, failed, quotient, scalar, typed } from './value.ts';

/** date_add, and TIMESTAMPs of numbers and back. */

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
