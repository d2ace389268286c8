import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { timeOperators } from '../operators/times.ts';
import { dateDiffFunctions } from './datediff.ts';
import { datePartFunctions } from './datepart.ts';
import { dateTruncFunctions } from './datetrunc.ts';
import { type Column, type Comparison, expectSame, type Oracle, openOracle, overloadNamed, typeOf } from './duckdb.case.ts';
import { edges } from './edges.case.ts';
import type { Overload } from './function.ts';
import { strftimeFunctions } from './strftime.ts';
import { timeFunctions } from './time.ts';

let oracle: Oracle;
beforeAll(async () => {
  oracle = await openOracle();
});
afterAll(() => oracle.close());

const { DATE, TIMESTAMP } = edges;
const kinds = ['DATE', 'TIMESTAMP'] as const;
const far: Column = { type: 'DATE', values: [...DATE.values, '5877642-06-25 (BC)', '5881580-07-10', '290309-12-22 (BC)', '294247-01-10'] };
const functions = [...datePartFunctions, ...dateTruncFunctions, ...dateDiffFunctions, ...timeFunctions, ...strftimeFunctions];
const named = (fn: string) => overloadNamed(functions, fn);

describe('as DuckDB', () => {
  test.each(['year', 'quarter', 'month', 'week', 'day', 'dayofweek', 'isodow', 'dayofyear', 'hour', 'minute', 'second', 'millisecond', 'microsecond', 'epoch'])(
    '%s',
    async (name) => {
      await expectSame(oracle, [
        { sql: `${name}($1)`, overload: named(`${name}.date`), columns: [far] },
        { sql: `${name}($1)`, overload: named(`${name}.timestamp`), columns: [TIMESTAMP] },
      ]);
    },
  );

  const parts = 'year quarter Months w day dow isodow doy hour mins second MS us epoch decade century millennium isoyear yearweek era'.split(' ');

  test('extract', async () => {
    const comparisons = parts.flatMap((part) =>
      kinds.map(
        (kind): Comparison => ({
          sql: `extract('${part}' FROM $1)`,
          overload: named(`date_part.${kind.toLowerCase()}`),
          columns: [kind === 'DATE' ? far : TIMESTAMP],
          args: ([value]) => [part, value],
          types: ([type]) => [typeOf('VARCHAR'), type],
          detail: part,
        }),
      ),
    );
    await expectSame(oracle, comparisons);
  });

  const names: Column = { type: 'VARCHAR', values: [...parts.filter((part) => part !== 'era'), 'fortnight', ''] };

  test('date_trunc', async () => {
    await expectSame(
      oracle,
      kinds.map((kind) => ({ sql: 'date_trunc($1, $2)', overload: named(`date_trunc.${kind.toLowerCase()}`), columns: [names, edges[kind]] })),
      { raises: 40 },
    );
  });

  test('date_diff', async () => {
    const comparisons = parts
      .filter((part) => part !== 'era')
      .flatMap((part) =>
        kinds.map(
          (kind): Comparison => ({
            sql: `date_diff('${part}', $1, $2)`,
            overload: named(`date_diff.${kind.toLowerCase()}`),
            columns: [edges[kind], edges[kind]],
            args: (values) => [part, ...values],
            types: (types) => [typeOf('VARCHAR'), ...types],
          }),
        ),
      );
    const unknown: Column = { type: 'VARCHAR', values: ['year', 'era', 'fortnight', ''] };
    const two: Column = { type: 'DATE', values: ['1970-01-01', '2024-02-29'] };
    await expectSame(oracle, [...comparisons, { sql: 'date_diff($1, $2, $3)', overload: named('date_diff.date'), columns: [unknown, two, two] }], {
      raises: 12,
    });
  });

  // text, then months, days and microseconds
  const intervals: readonly (readonly [text: string, months: number, days: number, micros: string])[] = [
    ['0 days', 0, 0, '0'],
    ['1 month', 1, 0, '0'],
    ['-1 month', -1, 0, '0'],
    ['13 months', 13, 0, '0'],
    ['-25 months', -25, 0, '0'],
    ['4000 years', 48_000, 0, '0'],
    ['1 day', 0, 1, '0'],
    ['-1 day', 0, -1, '0'],
    ['100000 days', 0, 100_000, '0'],
    ['2000000000 days', 0, 2_000_000_000, '0'],
    ['1 hour', 0, 0, '3600000000'],
    ['-1 microsecond', 0, 0, '-1'],
    ['36 hours', 0, 0, '129600000000'],
    ['-49 hours', 0, 0, '-176400000000'],
    ['1 month 30 days 1 microsecond', 1, 30, '1'],
    ['-1 month 31 days -25 hours', -1, 31, '-90000000000'],
    ['2562047788 hours', 0, 0, '9223372036800000000'],
  ];

  function plus(sql: (column: string, interval: string) => string, overload: (kind: string) => Overload, sign: 1 | -1): Comparison[] {
    return intervals.flatMap(([text, months, days, micros]) =>
      kinds.map(
        (kind): Comparison => ({
          sql: sql('$1', `INTERVAL '${text}'`),
          overload: overload(kind.toLowerCase()),
          columns: [edges[kind]],
          detail: `${months * sign} ${days * sign} ${BigInt(micros) * BigInt(sign)}`,
        }),
      ),
    );
  }

  test('date_add', async () => {
    const comparisons = plus(
      (column, interval) => `date_add(${column}, ${interval})`,
      (kind) => named(`date_add.${kind}`),
      1,
    );
    await expectSame(oracle, comparisons, { raises: 20 });
  });

  test('+ and − of an interval', async () => {
    const operators = Object.entries(timeOperators).map(([name, overloads]) => ({ name, overloads }));
    await expectSame(
      oracle,
      [
        ...plus(
          (column, interval) => `${column} + ${interval}`,
          (kind) => overloadNamed(operators, `add_interval.${kind}`),
          1,
        ),
        ...plus(
          (column, interval) => `${interval} + ${column}`,
          (kind) => overloadNamed(operators, `interval_add.${kind}`),
          1,
        ),
        ...plus(
          (column, interval) => `${column} - ${interval}`,
          (kind) => overloadNamed(operators, `subtract_interval.${kind}`),
          -1,
        ),
      ],
      { raises: 50 },
    );
  });

  test('+ and − of days', async () => {
    const operators = Object.entries(timeOperators).map(([name, overloads]) => ({ name, overloads }));
    await expectSame(
      oracle,
      [
        { sql: '$1 + $2', overload: overloadNamed(operators, 'add.date'), columns: [far, edges.INTEGER] },
        { sql: '$1 + $2', overload: overloadNamed(operators, 'add.to_date'), columns: [edges.INTEGER, far] },
        { sql: '$1 - $2', overload: overloadNamed(operators, 'subtract.date'), columns: [far, edges.INTEGER] },
        { sql: '$1 - $2', overload: overloadNamed(operators, 'subtract.dates'), columns: [far, far] },
      ],
      { raises: 10 },
    );
  });

  test('epoch_ms both ways', async () => {
    const millis: Column = {
      type: 'BIGINT',
      values: [...edges.BIGINT.values, '-1', '1532498400123', '9223372036854775', '-9223372036854775', '9223372036854776', '9007199254741'],
    };
    await expectSame(
      oracle,
      [
        { sql: 'epoch_ms($1)', overload: named('epoch_ms.bigint'), columns: [millis] },
        { sql: 'epoch_ms($1)', overload: named('epoch_ms.date'), columns: [far] },
        { sql: 'epoch_ms($1)', overload: named('epoch_ms.timestamp'), columns: [TIMESTAMP] },
      ],
      { raises: 3 },
    );
  });

  test('make_timestamp', async () => {
    const column = (type: string, ...values: string[]): Column => ({ type, values });
    await expectSame(
      oracle,
      [
        { sql: 'make_timestamp($1)', overload: named('make_timestamp.micros'), columns: [edges.BIGINT] },
        {
          sql: 'make_timestamp($1, $2, $3, 0, 0, 0)',
          overload: named('make_timestamp.parts'),
          columns: [
            column('BIGINT', '-300000', '-290308', '0', '1969', '1900', '2024', '300000', '9223372036854775807'),
            column('BIGINT', '0', '2', '12', '13'),
            column('BIGINT', '0', '1', '29', '31', '32'),
          ],
          args: (values) => [...values, 0, 0, 0],
        },
        {
          sql: 'make_timestamp(1969, 12, 31, $1, $2, $3)',
          overload: named('make_timestamp.parts'),
          columns: [
            column('BIGINT', '-1', '0', '23', '24', '25'),
            column('BIGINT', '-1', '0', '59', '60'),
            column('DOUBLE', '0', '-0.0', '59.9999999', '1.2345675', '60', '60.5', '60.6', '61', '-0.0000001', '-1', 'nan', 'inf'),
          ],
          args: (values) => [1969, 12, 31, ...values],
        },
      ],
      { raises: 100 },
    );
  });

  test('strftime', async () => {
    const comparisons = ['%Y-%m-%d %H:%M:%S.%f', '%j', '%y%%%Y', 'no specifier ü', '%d%d'].flatMap((format) =>
      kinds.flatMap((kind): Comparison[] => [
        {
          sql: `strftime($1, '${format}')`,
          overload: named(`strftime.${kind.toLowerCase()}`),
          columns: [edges[kind]],
          args: ([value]) => [value, format],
          types: ([type]) => [type, typeOf('VARCHAR')],
          detail: format,
        },
        {
          sql: `strftime('${format}', $1)`,
          overload: named(`strftime.${kind.toLowerCase()}.first`),
          columns: [edges[kind]],
          args: ([value]) => [format, value],
          types: ([type]) => [typeOf('VARCHAR'), type],
          detail: format,
        },
      ]),
    );
    await expectSame(oracle, comparisons);
  });

  test('the calendar over ten thousand years', async () => {
    const pieces = ['year', 'month', 'day', 'isodow', 'dayofyear', 'week', 'isoyear', 'yearweek'];
    const { rows } = await oracle.duckdb.query(
      `SELECT n, ${pieces.map((part) => `date_part('${part}', d)`)}, date_trunc('isoyear', d) FROM (SELECT n, DATE '1970-01-01' + n::INTEGER AS d FROM range(-800000, 2999999, 91) AS t(n)) ORDER BY n`,
    );
    const date = typeOf('DATE');
    const fns = pieces.map((part) => named('date_part.date').make([typeOf('VARCHAR'), date], typeOf('BIGINT'), part));
    const trunc = named('date_trunc.date').make([typeOf('VARCHAR'), date], typeOf('TIMESTAMP'), 'isoyear');
    const wrong = rows.filter(([n, ...expected]) => {
      const ours = [...fns.map((fn, i) => fn(pieces[i], n as number)), trunc('isoyear', n as number)];
      return ours.some((value, i) => !Object.is(value, expected[i]));
    });
    expect(wrong).toEqual([]);
    expect(rows.length).toBeGreaterThan(40_000);
  });
});

describe('constants that lint refuses', () => {
  test.each([
    ['date_part.date', 'fortnight', /not recognized/],
    ['date_part.date', 'timezone', /not recognized/],
    ['date_trunc.timestamp', '', /not recognized/],
    ['strftime.date', '%Q', /not %Q/],
    ['strftime.date', '%', /Trailing/],
    ['strftime.date', '', /Empty/],
    ['strftime.date', '%toString', /not %t/],
  ])('%s of %j', (fn, detail, why) => {
    expect(named(fn).constant?.refuse?.(detail)).toMatch(why);
  });

  test.each([
    ['date_part.date', 'YEAR'],
    ['date_trunc.timestamp', 'w'],
    ['strftime.date', '%Y %%'],
  ])('not %s of %j', (fn, detail) => {
    expect(named(fn).constant?.refuse?.(detail)).toBeUndefined();
  });
});
