import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareUtf8, keyWriter, writeKey } from './keys.ts';
import { rowOf } from './testing.ts';
import type { SqlType, Value } from './types.ts';

const kind = (name: string): SqlType => ({ kind: name }) as SqlType;
const key = (...parts: [SqlType, Value][]): string | null =>
  keyWriter(parts.map(([type], i) => ({ slot: `s${i}`, type }))).text(rowOf(Object.fromEntries(parts.map(([, value], i) => [`s${i}`, value]))));

test('one column', () => {
  expect(key([kind('VARCHAR'), 'a"é'])).toBe('a"é');
  expect(key([kind('VARCHAR'), ''])).toBe('');
  expect(key([kind('VARCHAR'), null])).toBeNull();
  expect(key([kind('BIGINT'), 2n ** 60n])).toBe('1152921504606846976');
  expect(key([kind('BIGINT'), null])).toBeNull();
  expect(key([kind('DOUBLE'), 5])).toBe('5');
  expect(key([kind('DOUBLE'), -0])).toBe('0');
  expect(key([kind('DOUBLE'), Number.NaN])).toBe('"NaN"');
  expect(key([kind('DOUBLE'), Number.NEGATIVE_INFINITY])).toBe('"-Infinity"');
  expect(key([kind('BOOLEAN'), false])).toBe('false');
  expect(key([kind('DATE'), 0])).toBe('"1970-01-01"');
  expect(key([{ kind: 'DECIMAL', width: 4, scale: 2 }, 150])).toBe('1.50');
});

test('timestamps that differ by a microsecond are two keys', () => {
  expect(key([kind('TIMESTAMP'), 1700000000123000])).toBe('1700000000123');
  expect(key([kind('TIMESTAMP'), 1700000000123001])).toBe('1700000000123.001');
  expect(key([kind('TIMESTAMP'), -1])).toBe('-1.999');
  expect(key([kind('TIMESTAMP'), 2n ** 62n + 1n])).toBe('4611686018427387.905');
});

test('several columns are a JSON array; NULL in one makes none', () => {
  expect(key([kind('VARCHAR'), 'a"'], [kind('INTEGER'), 5], [kind('DOUBLE'), -0])).toBe('["a\\"",5,0]');
  expect(key([kind('VARCHAR'), 'a'], [kind('INTEGER'), null])).toBeNull();
});

test('different pairs of strings are different keys', () => {
  const pair = fc.tuple(
    fc.string({ unit: fc.constantFrom('a', '"', ',', '\\'), maxLength: 4 }),
    fc.string({ unit: fc.constantFrom('a', '"', ',', '\\'), maxLength: 4 }),
  );
  fc.assert(
    fc.property(pair, pair, (a, b) => {
      const text = ([x, y]: [string, string]): string | null => key([kind('VARCHAR'), x], [kind('VARCHAR'), y]);
      expect(text(a) === text(b)).toBe(a[0] === b[0] && a[1] === b[1]);
    }),
  );
});

test('compareUtf8 orders as the bytes do', () => {
  const unit = fc.constantFrom('a', 'é', '\ud7ff', '\ue000', '\uffff', '𝄞', '\u{10ffff}', '\u{10000}');
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 5 }), fc.string({ unit, maxLength: 5 }), (a, b) => {
      expect(Math.sign(compareUtf8(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
    { numRuns: 2000 },
  );
});

test('the bytes of a key are its UTF-8, short or long', () => {
  const buffer = Buffer.alloc(1000);
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary', maxLength: 80 }), fc.string({ maxLength: 80 })), (text) => {
      expect(buffer.subarray(0, writeKey(text, buffer)).equals(Buffer.from(text))).toBe(true);
    }),
  );
});
