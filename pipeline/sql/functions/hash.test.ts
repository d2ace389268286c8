import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { caller, expectSame, type Oracle, openOracle, overloadNamed } from './duckdb.case.ts';
import { edges } from './edges.case.ts';
import { hashFunctions } from './hash.ts';
import { privacyFunctions } from './privacy.ts';

let oracle: Oracle;
beforeAll(async () => {
  oracle = await openOracle();
});
afterAll(() => oracle.close());

test.each(['md5', 'sha256'])('%s as DuckDB', async (name) => {
  await expectSame(oracle, [{ sql: `${name}($1)`, overload: overloadNamed(hashFunctions, name), columns: [edges.VARCHAR] }]);
});

describe('mask', () => {
  const mask = caller(
    overloadNamed(
      privacyFunctions(() => null),
      'mask',
    ),
    [],
  );

  test.each([
    ['4111111111111111', 4, '************1111'],
    ['abc', 3, 'abc'],
    ['abc', 9, 'abc'],
    ['abc', 0, '***'],
    ['abc', -1, '***'],
    ['', 2, ''],
    ['a😀b', 1, '**b'],
    ['a😀b', 2, '*😀b'],
    ['abc', 9223372036854775807n, 'abc'],
  ])('of %s keeping %s', (text, keep, masked) => {
    expect(mask([text, keep])).toBe(masked);
  });

  test('of NULL', () => {
    expect(mask([null, 1])).toBe(null);
    expect(mask(['a', null])).toBe(null);
  });
});

describe('hmac', () => {
  const hmac = (secret: string | null) =>
    caller(
      overloadNamed(
        privacyFunctions(() => secret),
        'hmac',
      ),
      [],
    );

  test('is HMAC-SHA-256 (RFC 4231, case 2)', () => {
    expect(hmac('Jefe')(['what do ya want for nothing?'])).toBe('5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843');
  });

  test('fails record by record without a secret, and not for NULL', () => {
    expect(() => hmac(null)(['a'])).toThrow(expect.objectContaining({ code: 'expression_failed' }));
    expect(hmac(null)([null])).toBe(null);
  });
});
