import type { AggregateCall } from '@millrace/pipeline/sql/expr.ts';
import type { Value } from '@millrace/shared-schemas/types.ts';
import fc from 'fast-check';
import type { Arrival, Harness } from './harness.case.ts';
import { call, column, greater } from './harness-plans.case.ts';

/** Test support: random timelines, and what aggregates come to when one simply looks at all the rows. */
export type Event = Arrival | 'end';

/** x in quarters, so that plain sums are exact */
const x = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: -40, max: 40 }).map((n) => n / 4) },
  { weight: 1, arbitrary: fc.constantFrom(null, Number.NaN, Number.POSITIVE_INFINITY) },
);
const i = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -3, max: 3 }) },
  { weight: 1, arbitrary: fc.constantFrom(null, Number.MAX_SAFE_INTEGER, 2n ** 62n) },
);

/** Records that run forward with some jitter, sometimes far, around the epoch; now and then the input ends. */
export const timeline: fc.Arbitrary<Event[]> = fc
  .array(
    fc.oneof(
      {
        weight: 30,
        arbitrary: fc.record({
          step: fc.integer({ min: 0, max: 3 }),
          back: fc.oneof(
            { weight: 6, arbitrary: fc.constant(0) },
            { weight: 3, arbitrary: fc.integer({ min: 0, max: 12 }) },
            { weight: 1, arbitrary: fc.integer({ min: 0, max: 60 }) },
          ),
          k: fc.constantFrom('a', 'b', 'é', '\u{1f600}', '\uffff'),
          x,
          i,
        }),
      },
      { weight: 1, arbitrary: fc.constant('end' as const) },
    ),
    { maxLength: 60 },
  )
  .map((events) => {
    let now = -25;
    return events.map((event): Event => {
      if (event === 'end') return 'end';
      now += event.step;
      return { t: now - event.back, row: { k: event.k, x: event.x, i: event.i } };
    });
  });

export const calls: readonly AggregateCall[] = [
  call('n', 'count', []),
  call('nx', 'count', ['x']),
  call('big', 'count', [], { filter: greater(column('x'), '2') }),
  call('sum_x', 'sum', ['x']),
  call('sum_i', 'sum', ['i'], { type: { kind: 'HUGEINT' } }),
  call('min_x', 'min', ['x']),
  call('max_i', 'max', ['i']),
  call('at_max', 'arg_max', ['i', 'x']),
  call('first_i', 'first', ['i']),
  call('last_x', 'last', ['x'], { filter: greater(column('x'), '0') }),
];

export interface Seen {
  readonly t: number;
  readonly offset: number;
  readonly row: { readonly [slot: string]: Value };
}

type Number_ = number | bigint;
const some = <T extends Value>(values: readonly Value[]): T[] => values.filter((value) => value !== null) as T[];
/** DuckDB's order of doubles: NaN on top */
const rank = (value: Number_): number => (Number.isNaN(value) ? 1 : 0);
const above = (a: Number_, b: Number_): boolean => rank(a) > rank(b) || a > b;

/** The columns `r_…` of `calls` over rows in the order of arrival. */
export function expected(arrived: readonly Seen[]): { [slot: string]: Value } {
  const rows = [...arrived].sort((a, b) => a.t - b.t || a.offset - b.offset).map(({ row }) => row);
  const xs = some<number>(rows.map((row) => row['x']));
  const is = some<Number_>(rows.map((row) => row['i']));
  const sum = is.reduce<bigint>((total, value) => total + BigInt(value), 0n);
  const both = rows.filter((row) => row['x'] !== null && row['i'] !== null);
  const most = both.reduce<(typeof both)[number] | null>((best, row) => (best === null || above(row['x'] as number, best['x'] as number) ? row : best), null);
  const positive = xs.filter((value) => above(value, 0));
  return {
    r_n: rows.length,
    r_nx: xs.length,
    r_big: xs.filter((value) => above(value, 2)).length,
    r_sum_x: xs.length === 0 ? null : xs.reduce((total, value) => total + value, 0),
    r_sum_i: is.length === 0 ? null : Number.isSafeInteger(Number(sum)) ? Number(sum) : sum,
    r_min_x: xs.length === 0 ? null : xs.reduce((least, value) => (above(least, value) ? value : least)),
    r_max_i: is.length === 0 ? null : is.reduce((most, value) => (value > most ? value : most)),
    r_at_max: most?.['i'] ?? null,
    r_first_i: rows.length === 0 ? null : rows[0]['i'],
    r_last_x: positive.at(-1) ?? null,
  };
}

export function play(harness: Harness, events: readonly Event[], restarts: ReadonlySet<number>): Harness {
  events.forEach((event, index) => {
    if (event === 'end') harness.end();
    else harness.feed(event);
    if (restarts.has(index)) harness.restart();
    else if (index % 3 === 0) harness.begin();
  });
  return harness;
}
