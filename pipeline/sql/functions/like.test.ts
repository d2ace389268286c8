import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Column, type Comparison, expectSame, type Oracle, openOracle, overloadNamed } from './duckdb.case.ts';
import { compileLike, likeFunctions } from './like.ts';

let oracle: Oracle;
beforeAll(async () => {
  oracle = await openOracle();
});
afterAll(() => oracle.close());

const texts: Column = {
  type: 'VARCHAR',
  values: [
    '',
    'a',
    'A',
    'ab',
    'aab',
    'abc',
    'ABC',
    'aXbXc',
    'a%b',
    'a_b',
    'a$b',
    'a\\b',
    'abcabc',
    'é',
    'éa',
    'É',
    'a😀b',
    '😀',
    '\u212a',
    'K',
    'k',
    '%',
    '_',
    '$',
    'aaaaaaaaab',
  ],
};
const patterns: Column = {
  type: 'VARCHAR',
  values: [
    ...['', '%', '%%', '_', '__', '%_', '_%', 'a', 'a%', '%a', '%b', 'a%b', 'a_b', '%a%', '%b%c', 'a%%b', '%ab%bc%', '_%_', '%_b', 'a%a', 'ab%ab%'],
    ...[
      'a$%b',
      '$_',
      'a$$b',
      'a$',
      '%$',
      'a$b',
      '$',
      '$é',
      'é',
      '%É%',
      '😀',
      '_b',
      'a😀_',
      'A%',
      'k',
      'X',
      'aX%',
      '%%$%',
      '%a%a%a%b',
      'a%_%b',
      '$%%',
      'a%%',
      '_$',
    ],
  ],
};

const parts: Column = { type: 'VARCHAR', values: ['', 'a', '%é'] };

describe('as DuckDB', () => {
  test.each([
    ['$1 LIKE $2', 'like'],
    ['$1 NOT LIKE $2', 'not_like'],
    ['$1 ILIKE $2', 'ilike'],
    ['$1 NOT ILIKE $2', 'not_ilike'],
  ])('%s', async (sql, fn) => {
    await expectSame(oracle, [{ sql, overload: overloadNamed(likeFunctions, fn), columns: [texts, patterns] }]);
  });

  test.each(['like_escape', 'not_like_escape', 'ilike_escape', 'not_ilike_escape'])('%s', async (fn) => {
    const overload = overloadNamed(likeFunctions, fn);
    const comparisons = ['$', '%', '_', 'X', '', '\\', 'é', '$$'].map(
      (mark): Comparison => ({
        sql: `${fn}($1, $2, '${mark}')`,
        overload,
        // the last two are refused for every text
        columns: mark === 'é' || mark === '$$' ? [parts, parts] : [texts, patterns],
        args: ([text, pattern]) => [text, pattern, mark],
      }),
    );
    await expectSame(oracle, comparisons, { raises: 50 });
  });
});

test('a pattern of many % takes no exponential time', () => {
  const text = 'a'.repeat(5000);
  expect(compileLike(`${'%a'.repeat(12)}_b`, null)(text)).toBe(false);
  expect(compileLike(`${'%_a'.repeat(12)}%`, null)(text)).toBe(true);
});
