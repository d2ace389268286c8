import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Column, type Comparison, expectSame, type Oracle, openOracle, overloadNamed } from './duckdb.case.ts';
import { edges } from './edges.case.ts';
import { mathFunctions } from './math.ts';
import { trigFunctions } from './trig.ts';

let oracle: Oracle;
beforeAll(async () => {
  oracle = await openOracle();
});
afterAll(() => oracle.close());

const functions = [...mathFunctions, ...trigFunctions];
const numeric = ['TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'HUGEINT', 'FLOAT', 'DOUBLE'] as const;

function unary(name: string, kind: keyof typeof edges, fn = `${name}.${kind.toLowerCase()}`, ulps = 0): Comparison {
  return { sql: `${name}($1)`, overload: overloadNamed(functions, fn), columns: [edges[kind]], ulps };
}

const decimal: Column = { type: 'DECIMAL(18,6)', values: ['-999999999999.999999', '-2.5', '0', '0.7', '2.500001', '999999999999.999999'] };
const others: readonly Column[] = [
  { type: 'DECIMAL(4,0)', values: ['-9999', '-3', '0', '1', '7'] },
  { type: 'DECIMAL(18,6)', values: ['-1.1', '0', '0.000001', '3.3'] },
  { type: 'DECIMAL(38,4)', values: ['-9999999999999999999999999999999999.9999', '0', '0.0003', '12345678901234567890.5'] },
];

describe('as DuckDB', () => {
  test('abs, which overflows on the least integer', async () => {
    await expectSame(
      oracle,
      [...numeric.map((kind) => unary('abs', kind)), { sql: 'abs($1)', overload: overloadNamed(functions, 'abs.decimal'), columns: [decimal] }],
      {
        raises: 5,
      },
    );
  });

  test('sign', async () => {
    await expectSame(
      oracle,
      numeric.map((kind) => unary('sign', kind)),
    );
  });

  test('mod, NULL by zero and an error for the least integer by −1', async () => {
    const same = numeric.map(
      (kind): Comparison => ({
        sql: 'mod($1, $2)',
        overload: overloadNamed(functions, `mod.${kind.toLowerCase()}`),
        columns: [edges[kind], edges[kind]],
      }),
    );
    const decimals = others.flatMap((left) =>
      [decimal, ...others].map((right): Comparison => ({ sql: 'mod($1, $2)', overload: overloadNamed(functions, 'mod.decimal'), columns: [left, right] })),
    );
    await expectSame(oracle, [...same, ...decimals], { raises: 5 });
  });

  test('mod of decimals that no DECIMAL holds is DOUBLE', async () => {
    const wide: Column = { type: 'DECIMAL(38,0)', values: ['-5', '0', '7', '12345678901234567890'] };
    const deep: Column = { type: 'DECIMAL(30,20)', values: ['-1.5', '0', '0.7', '2.12345678901234567891'] };
    await expectSame(oracle, [{ sql: 'mod($1, $2)', overload: overloadNamed(functions, 'mod.decimal'), columns: [wide, deep] }]);
  });

  test('isnan, isinf, isfinite', async () => {
    const comparisons = (['isnan', 'isinf', 'isfinite'] as const).flatMap((name) =>
      (['FLOAT', 'DOUBLE', 'DATE', 'TIMESTAMP'] as const)
        .filter((kind) => name !== 'isnan' || kind === 'FLOAT' || kind === 'DOUBLE')
        .map((kind) => unary(name, kind)),
    );
    await expectSame(oracle, comparisons);
  });

  test('sqrt, radians and degrees to the last bit', async () => {
    await expectSame(oracle, [unary('sqrt', 'DOUBLE', 'sqrt'), unary('radians', 'DOUBLE', 'radians'), unary('degrees', 'DOUBLE', 'degrees')], { raises: 5 });
  });

  test('cbrt within four units in the last place', async () => {
    await expectSame(oracle, [unary('cbrt', 'DOUBLE', 'cbrt', 4)]);
  });

  test.each(['exp', 'ln', 'log2', 'log10', 'log', 'sin', 'cos', 'tan', 'asin', 'acos', 'atan'])('%s within two units in the last place', async (name) => {
    const raises = ['exp', 'atan'].includes(name) ? 0 : 2;
    await expectSame(oracle, [unary(name, 'DOUBLE', name, 2)], { raises });
  });

  test.each([
    ['pow', 'pow', 0],
    ['atan2', 'atan2', 0],
    ['log', 'log.base', 20],
  ])('%s of two within two units in the last place', async (name, fn, raises) => {
    await expectSame(oracle, [{ sql: `${name}($1, $2)`, overload: overloadNamed(functions, fn), columns: [edges.DOUBLE, edges.DOUBLE], ulps: 2 }], { raises });
  });
});

test('powers of ten have whole logarithms', () => {
  const log10 = overloadNamed(functions, 'log10').make([], { kind: 'DOUBLE' });
  for (let n = -300; n <= 300; n++) expect(log10(Number(`1e${n}`))).toBe(n);
});
