import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Column, type Comparison, expectSame, type Oracle, openOracle, overloadNamed, typeOf } from './duckdb.case.ts';
import { edges } from './edges.case.ts';
import { roundingFunctions } from './rounding.ts';

let oracle: Oracle;
beforeAll(async () => {
  oracle = await openOracle();
});
afterAll(() => oracle.close());

const named = (fn: string) => overloadNamed(roundingFunctions, fn);
const integers = ['TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'HUGEINT'] as const;
const digits: Column = {
  type: 'INTEGER',
  values: [-400, -39, -38, -20, -19, -18, -17, -10, -9, -5, -3, -2, -1, 0, 1, 2, 5, 15, 22, 300, 308, 400].map(String),
};

const decimals: readonly Column[] = [
  { type: 'DECIMAL(4,2)', values: ['-99.99', '-0.5', '-0.01', '0', '0.01', '0.49', '0.5', '1.5', '99.5', '99.99'] },
  { type: 'DECIMAL(9,0)', values: ['-999999999', '-5', '0', '5', '15', '999999999'] },
  { type: 'DECIMAL(5,5)', values: ['-0.99999', '-0.5', '0', '0.00001', '0.5', '0.99999'] },
  { type: 'DECIMAL(18,6)', values: ['-999999999999.999999', '-1.5', '0', '0.000001', '2.5', '9007199254.740993', '123456.654321', '999999999999.999999'] },
  {
    type: 'DECIMAL(38,10)',
    values: ['-9999999999999999999999999999.9999999999', '-2.5', '0', '1.5', '9007199254740993.5', '9999999999999999999999999999.9999999999'],
  },
  { type: 'DECIMAL(38,38)', values: ['-0.99999999999999999999999999999999999999', '0', '0.5', '0.00000000000000000000000000000000000001'] },
];

describe('as DuckDB', () => {
  test.each(['round', 'trunc'])('%s of integers', async (name) => {
    const comparisons = integers.flatMap((kind): Comparison[] => [
      { sql: `${name}($1)`, overload: named(`${name}.${kind.toLowerCase()}`), columns: [edges[kind]] },
      { sql: `${name}($1, $2)`, overload: named(`${name}.${kind.toLowerCase()}.digits`), columns: [edges[kind], digits] },
    ]);
    await expectSame(oracle, comparisons);
  });

  test.each(['round', 'trunc', 'floor', 'ceil'])('%s of decimals', async (name) => {
    await expectSame(
      oracle,
      decimals.map((column) => ({ sql: `${name}($1)`, overload: named(`${name}.decimal`), columns: [column] })),
    );
  });

  test.each(['round', 'trunc'])('%s of decimals to digits', async (name) => {
    const comparisons = decimals.flatMap((column) =>
      [-40, -29, -28, -5, -3, -2, -1, 0, 1, 2, 5, 6, 9, 37, 40].map(
        (n): Comparison => ({
          sql: `${name}($1, ${n})`,
          overload: named(`${name}.decimal.digits`),
          columns: [column],
          args: ([value]) => [value, n],
          types: ([type]) => [type, typeOf('INTEGER')],
          detail: String(n),
        }),
      ),
    );
    await expectSame(oracle, comparisons);
  });

  test.each(['round', 'trunc', 'floor', 'ceil'])('%s of floating point', async (name) => {
    const comparisons = (['FLOAT', 'DOUBLE'] as const).map((kind) => ({
      sql: `${name}($1)`,
      overload: named(`${name}.${kind.toLowerCase()}`),
      columns: [edges[kind]],
    }));
    await expectSame(oracle, comparisons);
  });

  test.each(['round', 'trunc'])('%s of floating point to digits', async (name) => {
    const comparisons = (['FLOAT', 'DOUBLE'] as const).map((kind) => ({
      sql: `${name}($1, $2)`,
      overload: named(`${name}.${kind.toLowerCase()}.digits`),
      columns: [edges[kind], digits],
    }));
    await expectSame(oracle, comparisons);
  });
});

test('the digits of a decimal are a constant, those of others need not be', () => {
  expect(named('round.decimal.digits').constant).toEqual({ at: 1, required: true });
  expect(named('round.double.digits').constant).toBeUndefined();
});
