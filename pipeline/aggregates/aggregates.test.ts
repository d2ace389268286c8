import { type Duckdb, openDuckdb } from '@millrace/runtime/duckdb.ts';
import { ByteReader, ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import { type Column, FlawError, type Row, type SqlType, type Value } from '@millrace/shared-schemas/types.ts';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openChecker } from '../sql/check.ts';
import { compile, compilePredicate } from '../sql/compile.ts';
import type { AggregateCall } from '../sql/expr.ts';
import type { Aggregate } from './aggregate.ts';
import { Cells } from './cells.ts';
import { createAggregate } from './create.ts';

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
const sqlTypes: Record<string, string> = {
  d: 'DOUBLE',
  f: 'FLOAT',
  n: 'INTEGER',
  b: 'BIGINT',
  m: 'DECIMAL(12,2)',
  s: 'VARCHAR',
  t: 'BOOLEAN',
  ts: 'TIMESTAMP',
};
const columns: Column[] = Object.entries(types).map(([name, type]) => ({ name, slot: name, type, nullable: true }));

const some = <T extends Value>(values: fc.Arbitrary<T>): fc.Arbitrary<Value> => fc.option(values as fc.Arbitrary<Value>, { nil: null, freq: 5 });
const rows: fc.Arbitrary<Row[]> = fc.array(
  fc.record({
    d: some(
      fc.oneof(
        { weight: 9, arbitrary: fc.double({ min: -1e6, max: 1e6, noNaN: true }) },
        { weight: 1, arbitrary: fc.constantFrom(Number.NaN, Infinity, -Infinity, 0) },
      ),
    ),
    f: some(fc.float({ min: -1000, max: 1000, noNaN: true })),
    n: some(fc.integer({ min: -5, max: 2_000_000_000 })),
    b: some(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((n) => (Number.isSafeInteger(Number(n)) ? Number(n) : n))),
    m: some(fc.integer({ min: -999_999_999, max: 999_999_999 })),
    s: some(fc.string({ maxLength: 4 })),
    t: some(fc.boolean()),
    ts: some(fc.integer({ min: -1_000_000_000_000_000, max: 4_000_000_000_000_000 })),
  }) as fc.Arbitrary<Row>,
  { maxLength: 12 },
);

/** A row's values as DuckDB reads them from a text. */
function literal(name: string, value: Value): string {
  if (value === null) return `NULL::${sqlTypes[name]}`;
  if (name === 's') return `'${String(value).replaceAll("'", "''")}'::VARCHAR`;
  if (name === 'd' || name === 'f') return `'${Object.is(value, -0) ? '-0.0' : String(value)}'::${sqlTypes[name]}`;
  if (name === 'm') return `(${value}::DECIMAL(14,0) / 1)::INTEGER`;
  if (name === 'ts') return `make_timestamp(${value})`;
  return `(${value})::${sqlTypes[name]}`;
}

function close(a: Value, b: Value): boolean {
  if (typeof a !== 'number' || typeof b !== 'number' || !Number.isFinite(a) || !Number.isFinite(b)) return Object.is(a, b);
  return Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b));
}

/**
 * Whether `fn` over `column` is as near DuckDB's as the rounding of its loops allows. It adds doubles in turn, off by at most (n - 1) u Σ|x|
 * (Higham, Accuracy and Stability of Numerical Algorithms, 4.2), however much cancels; its variances are Welford's, whose rounding grows with the
 * mean beside the spread, and which loses subnormal squares.
 */
function near(fn: string, column: string, ours: Value, theirs: Value, data: readonly Row[]): boolean {
  if (close(ours, theirs)) return true;
  if (typeof ours !== 'number' || typeof theirs !== 'number' || !Number.isFinite(ours) || !Number.isFinite(theirs)) return false;
  const sizes = data.map((row) => Math.abs(Number(row[column] ?? 0))).filter(Number.isFinite);
  if (/^(sum|avg)$/.test(fn) && /^[df]$/.test(column)) return Math.abs(ours - theirs) <= sizes.length * Number.EPSILON * sizes.reduce((a, x) => a + x, 0);
  if (!/^(var|stddev)/.test(fn)) return false;
  const [x, y] = fn.startsWith('stddev') ? [ours, theirs] : [Math.sqrt(ours), Math.sqrt(theirs)];
  return Math.abs(x - y) <= 100 * Number.EPSILON * Math.max(0, ...sizes) + 1e-150;
}

function run(
  call: AggregateCall,
  data: readonly Row[],
  way: (aggregate: Aggregate, cells: Cells, add: (cell: number, index: number) => void) => number,
): Value {
  const aggregate = createAggregate(call);
  const cells = new Cells([aggregate]);
  const value = call.args.length > 0 ? compile(call.args[0]) : () => true;
  const by = call.args.length > 1 ? compile(call.args[1]) : () => true;
  const holds = call.filter === null ? () => true : compilePredicate(call.filter);
  const cell = way(aggregate, cells, (into, index) => {
    const kept = holds(data[index]);
    aggregate.add(into, kept ? value(data[index]) : null, kept ? by(data[index]) : null, index);
  });
  return aggregate.result(cell);
}

/** the result, or that it fails */
function told(work: () => Value): Value {
  try {
    return work();
  } catch (error) {
    if (error instanceof FlawError) return error.code;
    throw error;
  }
}

const selects = [
  'count(*)',
  'count(d)',
  'count(*) FILTER (n > 3)',
  'count(DISTINCT s)',
  'count(DISTINCT d)',
  'count(DISTINCT b)',
  'sum(n)',
  'sum(b)',
  'sum(m)',
  'sum(d)',
  'sum(f)',
  'avg(n)',
  'avg(b)',
  'avg(m)',
  'avg(d)',
  'avg(f)',
  'min(d)',
  'max(d)',
  'min(b)',
  'max(b)',
  'min(s)',
  'max(s)',
  'min(t)',
  'max(t)',
  'min(ts)',
  'max(m)',
  'min(f)',
  'bool_and(t)',
  'bool_or(t)',
  'bool_or(t) FILTER (n > 0)',
  'var_samp(n)',
  'var_pop(d)',
  'stddev_samp(f)',
  'stddev_pop(n)',
  'var_pop(m)',
  'arg_min(s, d)',
  'arg_max(s, b)',
  'arg_max(d, s) FILTER (t)',
  'first(s)',
  'last(d)',
  'last(s) FILTER (d > 0)',
  'sum(d) FILTER (t)',
];

describe('against DuckDB', () => {
  let duckdb: Duckdb;
  const calls: AggregateCall[] = [];

  beforeAll(async () => {
    duckdb = await openDuckdb({ threads: 1 });
    const checker = await openChecker();
    for (const sql of selects) {
      const checked = await checker.aggregates([{ name: 'r', sql }], columns, [], { distinct: true } as never);
      if (!checked.ok) throw new Error(`${sql}: ${checked.flaws[0].flaw.message}`);
      calls.push(checked.aggregates.calls[0]);
    }
    checker.close();
  });
  afterAll(() => duckdb.close());

  test('random rows give its answers: straight, in merged parts, with rows taken out again, and saved halfway', async () => {
    await fc.assert(
      fc.asyncProperty(rows, rows, fc.nat(12), async (data, others, split) => {
        const values = data.map(
          (row, i) =>
            `(${i}, ${columns.map(({ name }) => (name === 'm' && row['m'] !== null ? `(${row['m']}::DECIMAL(20,0) * 0.01)::DECIMAL(12,2)` : literal(name, row[name]))).join()})`,
        );
        const names = columns.map(({ name }) => name).join();
        const table =
          values.length > 0
            ? `(VALUES ${values.join()}) v(i, ${names})`
            : `(SELECT 0 AS i, ${columns.map(({ name }) => `NULL::${sqlTypes[name]} AS ${name}`).join()} WHERE false)`;
        for (let c = 0; c < selects.length; c++) {
          // in the order of time, which first, last and ties go by
          const sql = selects[c].replace(/^(first|last|arg_min|arg_max)\(([^)]*)\)/, '$1($2 ORDER BY i)');
          const exact = await duckdb.query(`SELECT ${sql} FROM ${table}`).then(
            ({ rows: [[value]] }) => value as Value,
            () => 'expression_failed',
          );
          const all = [...data, ...others];
          const straight = (_: Aggregate, cells: Cells, add: (cell: number, index: number) => void): number => {
            const cell = cells.take();
            data.forEach((_row, i) => {
              add(cell, i);
            });
            return cell;
          };
          const ways = {
            straight,
            merged: (aggregate: Aggregate, cells: Cells, add: (cell: number, index: number) => void): number => {
              const [left, right] = [cells.take(), cells.take()];
              data.forEach((_row, i) => {
                add(i < split ? left : right, i);
              });
              aggregate.merge(right, left);
              return right;
            },
            saved: (aggregate: Aggregate, cells: Cells, add: (cell: number, index: number) => void): number => {
              const [left, right] = [cells.take(), cells.take()];
              for (let i = 0; i < Math.min(split, data.length); i++) add(left, i);
              const bytes = new ByteWriter();
              aggregate.save(left, bytes);
              const saved = bytes.finish();
              aggregate.load(right, new ByteReader(saved));
              aggregate.save(right, bytes);
              expect(bytes.finish()).toEqual(saved);
              for (let i = split; i < data.length; i++) add(right, i);
              return right;
            },
            parted: (aggregate: Aggregate, cells: Cells, add: (cell: number, index: number) => void): number => {
              if (aggregate.kind !== 'invertible') return straight(aggregate, cells, add);
              const [both, gone] = [cells.take(), cells.take()];
              all.forEach((_row, i) => {
                add(both, i);
              });
              others.forEach((_row, i) => {
                add(gone, data.length + i);
              });
              aggregate.unmerge(both, gone);
              return both;
            },
          };
          for (const [name, way] of Object.entries(ways)) {
            const ours = told(() => run(calls[c], all, way));
            const [, fn, column] = /^(\w+)\((?:DISTINCT )?(\w*)/.exec(selects[c]) as unknown as string[];
            const alike = near(fn, column, ours, exact, data);
            expect(alike, `${selects[c]} ${name}: ${String(ours)} for ${String(exact)}`).toBe(true);
          }
        }
      }),
      // shrinking would ask DuckDB ten thousands of times, and the test would end by its clock instead of by what it has found
      { numRuns: 40, endOnFailure: true },
    );
  });
});

describe('sums of doubles', () => {
  const sum = (values: readonly number[], fn: AggregateCall['fn'] = 'sum'): Value => {
    const call: AggregateCall = { fn, args: [{ op: 'column', slot: 'd', type: types['d'] }], filter: null, distinct: false, type: types['d'], slot: 'a0' };
    const data = values.map((d) => ({ d }));
    return run(call, data, (_, cells, add) => {
      const cell = cells.take();
      data.forEach((_row, i) => {
        add(cell, i);
      });
      return cell;
    });
  };

  test('are the exact sum, rounded once, whatever cancels', () => {
    expect(sum([1e16, 1, -1e16])).toBe(1);
    expect(sum([1e200, 1e100, 1, -1e200, -1e100])).toBe(1);
    expect(sum(Array.from({ length: 10 }, () => 0.1))).toBe(1);
    expect(sum([1e308, 1e308, -1e308])).toBe(1e308);
    expect(sum([1e308, 1e308])).toBe(Number.POSITIVE_INFINITY);
    expect(sum([1e308, 1e308], 'avg')).toBe(1e308);
    expect(sum([Number.MAX_VALUE, -Number.MAX_VALUE, 5e-324])).toBe(5e-324);
    expect([0, 4.4e-323, -4.4e-323].map((tie) => sum([9.999999999999977e299, 9.999999999999984e299, tie]))).toEqual([
      1.999999999999996e300, 1.9999999999999962e300, 1.999999999999996e300,
    ]);
    expect(sum([9.999999999999977e299, 9.999999999999984e299, 2 ** -769, -(2 ** -900)])).toBe(1.9999999999999962e300);
    expect(sum([Infinity, -Infinity])).toBeNaN();
    expect(sum([Infinity, 1, Number.NaN])).toBeNaN();
    expect(sum([-Infinity, 1e308])).toBe(Number.NEGATIVE_INFINITY);
  });

  test('equal the sum of fractions', () => {
    // doubles as integers times 2^-1074
    const scaled = (x: number): bigint => {
      const view = new DataView(new ArrayBuffer(8));
      view.setFloat64(0, x);
      const bits = view.getBigUint64(0);
      const exponent = (bits >> 52n) & 0x7ffn;
      const fraction = bits & 0xfffffffffffffn;
      const size = exponent === 0n ? fraction : (fraction | (1n << 52n)) << (exponent - 1n);
      return bits >> 63n === 1n ? -size : size;
    };
    const rounded = (n: bigint): number => {
      const size = n < 0n ? -n : n;
      const drop = BigInt(Math.max(0, size.toString(2).length - 53));
      let top = size >> drop;
      const rest = size - (top << drop);
      const half = drop === 0n ? 0n : 1n << (drop - 1n);
      if (drop > 0n && (rest > half || (rest === half && (top & 1n) === 1n))) top += 1n;
      // two steps, as 2^drop alone may be out of range
      const value =
        Number(top) * 2 ** (Number(drop) - 1074 < -1000 ? Number(drop) - 1074 + 200 : Number(drop) - 1074) * (Number(drop) - 1074 < -1000 ? 2 ** -200 : 1);
      return n < 0n ? -value : value;
    };
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e300, max: 1e300 }),
            fc.double({ min: -1, max: 1, noNaN: true }),
            fc.constantFrom(2 ** 53, 1, 2 ** -53, -(2 ** 53)),
          ),
          { maxLength: 30 },
        ),
        (values) => {
          const exact = values.reduce((total, x) => total + scaled(x), 0n);
          expect(sum(values)).toBe(values.length === 0 ? null : rounded(exact) + 0);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('a long stream that comes and goes leaves nothing behind', () => {
    const call: AggregateCall = {
      fn: 'stddev_samp',
      args: [{ op: 'column', slot: 'd', type: types['d'] }],
      filter: null,
      distinct: false,
      type: types['d'],
      slot: 'a0',
    };
    const aggregate = createAggregate(call);
    if (aggregate.kind !== 'invertible') throw new Error('not invertible');
    const cell = new Cells([aggregate]).take();
    const value = (i: number): number => 1e9 + Math.sin(i) * 10 ** (i % 7);
    for (let i = 0; i < 50_000; i++) {
      aggregate.add(cell, value(i), true, i);
      if (i >= 100) aggregate.remove(cell, value(i - 100), true);
    }
    const last = Array.from({ length: 100 }, (_, i) => value(49_900 + i) - 1e9);
    const mean = last.reduce((a, b) => a + b) / 100;
    const expected = Math.sqrt(last.reduce((a, x) => a + (x - mean) ** 2, 0) / 99);
    expect(Math.abs((aggregate.result(cell) as number) / expected - 1)).toBeLessThan(1e-9);
  });
});

describe('edges', () => {
  const column = (slot: string): AggregateCall['args'][number] => ({ op: 'column', slot, type: types[slot] });
  const call = (fn: AggregateCall['fn'], slots: readonly string[], type: SqlType): AggregateCall => ({
    fn,
    args: slots.map(column),
    filter: null,
    distinct: false,
    type,
    slot: 'a0',
  });
  const over = (made: AggregateCall, data: readonly Row[], times: readonly number[]): Value => {
    const aggregate = createAggregate(made);
    const cell = new Cells([aggregate]).take();
    data.forEach((row, i) => {
      aggregate.add(cell, row[(made.args[0] as { slot: string }).slot], made.args.length > 1 ? row[(made.args[1] as { slot: string }).slot] : true, times[i]);
    });
    return aggregate.result(cell);
  };

  test('first, last and the ties of arg_max go by event time, then arrival', () => {
    const data = ['c', 'a', 'b', 'd'].map((s) => ({ s, d: 1 }));
    expect(over(call('first', ['s'], types['s']), data, [5, 3, 3, 4])).toBe('a');
    expect(over(call('last', ['s'], types['s']), data, [5, 3, 5, 4])).toBe('b');
    expect(over(call('arg_max', ['s', 'd'], types['s']), data, [5, 3, 3, 4])).toBe('a');
  });

  test('a sum beyond HUGEINT fails, and is right again when enough is taken out', () => {
    const aggregate = createAggregate(call('sum', ['b'], { kind: 'HUGEINT' }));
    if (aggregate.kind !== 'invertible') throw new Error('not invertible');
    const cell = new Cells([aggregate]).take();
    aggregate.add(cell, 2n ** 126n, true, 0);
    aggregate.add(cell, 2n ** 126n, true, 0);
    expect(() => aggregate.result(cell)).toThrow(FlawError);
    aggregate.remove(cell, 2n ** 126n, true);
    expect(aggregate.result(cell)).toBe(2n ** 126n);
  });

  test('avg of timestamps is a whole microsecond', () => {
    expect(over(call('avg', ['ts'], types['ts']), [{ ts: 1 }, { ts: 2 }], [0, 0])).toBe(1);
  });
});
