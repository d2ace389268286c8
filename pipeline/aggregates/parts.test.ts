/** Rows taken in as parts, in other processes, and merged: what every aggregate gives is what it gives when the rows come one after the other. */
import { ByteReader, ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import { type Column, FlawError, type Row, type SqlType, type Value } from '@millrace/shared-schemas/types.ts';
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { openChecker } from '../sql/check.ts';
import type { AggregateCall } from '../sql/expr.ts';
import type { Aggregate } from './aggregate.ts';
import { type BoundCalls, bindCalls } from './calls.ts';
import { Cells } from './cells.ts';
import { Lineage } from './lineage.ts';

const types: Record<string, SqlType> = {
  d: { kind: 'DOUBLE' },
  f: { kind: 'FLOAT' },
  n: { kind: 'INTEGER' },
  b: { kind: 'BIGINT' },
  m: { kind: 'DECIMAL', width: 12, scale: 2 },
  s: { kind: 'VARCHAR' },
  t: { kind: 'BOOLEAN' },
  ts: { kind: 'TIMESTAMP' },
};
const columns: Column[] = Object.entries(types).map(([name, type]) => ({ name, slot: name, type, nullable: true }));

/** their parts may be merged in any order */
const inAnyOrder = [
  ...['count(*)', 'count(d)', 'count(*) FILTER (n > 3)', 'count(DISTINCT s)', 'count(DISTINCT d)', 'count(DISTINCT b)'],
  ...['sum(n)', 'sum(b)', 'sum(m)', 'sum(d)', 'sum(f)', 'sum(d) FILTER (t)', 'avg(n)', 'avg(b)', 'avg(m)', 'avg(d)', 'avg(f)'],
  ...['bool_and(t)', 'bool_or(t)', 'bool_or(t) FILTER (n > 0)'],
  ...['var_samp(n)', 'var_samp(d)', 'var_pop(d)', 'stddev_samp(f)', 'stddev_samp(b)', 'stddev_pop(n)', 'stddev_pop(d)', 'var_pop(m)'],
];
/** these go by arrival where rows tie, so theirs are merged in the order of their rows */
const inOrder = [
  ...['min(d)', 'max(d)', 'min(b)', 'max(b)', 'min(s)', 'max(s)', 'min(t)', 'max(t)', 'min(ts)', 'max(m)', 'min(f)'],
  ...['arg_min(s, d)', 'arg_max(s, b)', 'arg_max(d, t)', 'arg_min(n, t)', 'arg_max(d, s) FILTER (t)'],
  ...['first(s)', 'first(d)', 'last(d)', 'last(s)', 'last(s) FILTER (d > 0)'],
];

let ordered: AggregateCall[];
let unordered: AggregateCall[];

beforeAll(async () => {
  const checker = await openChecker();
  const callsOf = async (selects: readonly string[]): Promise<AggregateCall[]> => {
    const calls: AggregateCall[] = [];
    for (const sql of selects) {
      const checked = await checker.aggregates([{ name: 'r', sql }], columns, [], { distinct: true } as never);
      if (!checked.ok) throw new Error(`${sql}: ${checked.flaws[0].flaw.message}`);
      calls.push(checked.aggregates.calls[0]);
    }
    return calls;
  };
  ordered = await callsOf(inOrder);
  unordered = await callsOf(inAnyOrder);
  checker.close();
});

const some = <T extends Value>(values: fc.Arbitrary<T>): fc.Arbitrary<Value> => fc.option(values as fc.Arbitrary<Value>, { nil: null, freq: 5 });
const doubles = fc.oneof(
  { weight: 6, arbitrary: fc.double({ min: -1e6, max: 1e6, noNaN: true }) },
  // cancel each other, or need many doubles to be exact
  { weight: 3, arbitrary: fc.constantFrom(1e100, -1e100, 1e16, 1, -1e16, 1e-30, 3e-200, 0.1, -0.1) },
  { weight: 1, arbitrary: fc.constantFrom(1e300, -1e300, 1.7e308, 0, -0, Number.NaN, Infinity, -Infinity) },
);

interface Arrived {
  readonly row: Row;
  readonly time: number;
  readonly part: number;
}

const PARTS = 4;
const arrivals: fc.Arbitrary<Arrived[]> = fc.array(
  fc.record({
    row: fc.record({
      d: some(doubles),
      f: some(fc.float({ min: -1000, max: 1000, noNaN: true })),
      n: some(fc.integer({ min: -5, max: 5 })),
      b: some(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((n) => (Number.isSafeInteger(Number(n)) ? Number(n) : n))),
      m: some(fc.integer({ min: -999_999_999, max: 999_999_999 })),
      s: some(fc.string({ maxLength: 2 })),
      t: some(fc.boolean()),
      ts: some(fc.integer({ min: -1_000_000_000_000_000, max: 4_000_000_000_000_000 })),
    }) as fc.Arbitrary<Row>,
    // few, so that rows tie
    time: fc.nat(3),
    part: fc.nat(PARTS - 1),
  }),
  { maxLength: 24 },
);

/** Aggregates of one process, each over cells that all share. */
class Taker {
  readonly #calls: BoundCalls;
  readonly aggregates: readonly Aggregate[];
  readonly cells: Cells;

  constructor(calls: readonly AggregateCall[]) {
    this.#calls = bindCalls(calls);
    this.aggregates = [...this.#calls.aggregates, new Lineage()];
    this.cells = new Cells(this.aggregates);
  }

  add(cell: number, { row, time }: Arrived, offset: number): void {
    const values = this.#calls.arguments.map((evaluate) => evaluate(row));
    const at = (index: number): Value => (index < 0 ? true : values[index]);
    for (const [i, aggregate] of this.aggregates.entries()) {
      if (i < this.#calls.value.length) aggregate.add(cell, at(this.#calls.value[i]), at(this.#calls.by[i]), time);
      else aggregate.add(cell, 0, offset, time);
    }
  }

  results(cell: number): Value[] {
    return this.aggregates.map((aggregate) => {
      try {
        return aggregate.result(cell);
      } catch (error) {
        if (error instanceof FlawError) return error.code;
        throw error;
      }
    });
  }
}

function part(calls: readonly AggregateCall[], rows: readonly (readonly [arrived: Arrived, offset: number])[]): Uint8Array {
  const taker = new Taker(calls);
  const cell = taker.cells.take();
  for (const [arrived, offset] of rows) taker.add(cell, arrived, offset);
  const bytes = new ByteWriter();
  for (const aggregate of taker.aggregates) aggregate.save(cell, bytes);
  return bytes.finish();
}

/** what is there before, then the parts, in the order given */
function merged(calls: readonly AggregateCall[], before: readonly Arrived[], parts: readonly Uint8Array[]): Value[] {
  const taker = new Taker(calls);
  const [cell, from] = [taker.cells.take(), taker.cells.take()];
  for (const [i, arrived] of before.entries()) taker.add(cell, arrived, i);
  for (const bytes of parts) {
    const reader = new ByteReader(bytes);
    for (const aggregate of taker.aggregates) aggregate.load(from, reader);
    expect(reader.done).toBe(true);
    for (const aggregate of taker.aggregates) aggregate.merge(cell, from);
  }
  return taker.results(cell);
}

/** one after the other: the rows of part 0, of part 1 … */
function inline(calls: readonly AggregateCall[], before: readonly Arrived[], rows: readonly Arrived[]): Value[] {
  const taker = new Taker(calls);
  const cell = taker.cells.take();
  for (const [i, arrived] of before.entries()) taker.add(cell, arrived, i);
  for (let p = 0; p < PARTS; p++) for (const [i, arrived] of rows.entries()) if (arrived.part === p) taker.add(cell, arrived, before.length + i);
  return taker.results(cell);
}

function partsOf(calls: readonly AggregateCall[], before: readonly Arrived[], rows: readonly Arrived[]): Uint8Array[] {
  return Array.from({ length: PARTS }, (_, p) =>
    part(
      calls,
      rows.flatMap((arrived, i) => (arrived.part === p ? [[arrived, before.length + i] as const] : [])),
    ),
  );
}

function same(got: readonly Value[], wanted: readonly Value[], names: readonly string[]): void {
  const bits = (values: readonly Value[]): unknown[] => values.map((value, i) => [names[i] ?? 'lineage', Object.is(value, -0) ? '-0' : value]);
  expect(bits(got)).toEqual(bits(wanted));
}

test('in the order of their rows, every aggregate gives the same, to the last bit', () => {
  fc.assert(
    fc.property(arrivals, arrivals, (before, rows) => {
      const calls = [...unordered, ...ordered];
      same(merged(calls, before, partsOf(calls, before, rows)), inline(calls, before, rows), [...inAnyOrder, ...inOrder]);
    }),
    { numRuns: 400 },
  );
});

test('in any order, those that know no order give the same, to the last bit', () => {
  fc.assert(
    fc.property(arrivals, arrivals, fc.shuffledSubarray([0, 1, 2, 3], { minLength: PARTS }), (before, rows, order) => {
      const parts = partsOf(unordered, before, rows);
      same(
        merged(
          unordered,
          before,
          order.map((p) => parts[p]),
        ),
        inline(unordered, before, rows),
        inAnyOrder,
      );
    }),
    { numRuns: 400 },
  );
});
