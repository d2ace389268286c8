import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rowOf } from '../testing.ts';
import type { Row, Value } from '../types.ts';
import { formReader } from './form-reader.ts';

const property = (kind: 'int' | 'long' | 'millis' | 'double' | 'string' | 'other' | 'skip', slot: string | null = kind) => ({
  kind,
  slot,
  span: null,
  known: null,
});
const FORM = ['{"s": ', ', "n": ', ',"l":', ',"t":', ',"d":', ',"o":', ',"x":'].map((text) => Buffer.from(text));
const KINDS = ['string', 'int', 'long', 'millis', 'double', 'other', 'skip'] as const;
const PLAIN = ['"a b"', '-3', '170000000000000', '0', '12.25', '[1]', '"?"'];

/** What a reader of the form makes of the values: the row, and which of them it left to the slow way. */
function read(values: readonly string[], tail = '}'): { row: Row; slow: string[] } | false {
  const bytes = Buffer.from(`x${FORM.map((before, i) => `${before}${values[i]}`).join('')}${tail}"5,}`);
  const end = bytes.length - 4;
  const slow: string[] = [];
  const members = KINDS.map((kind, i) => ({
    property: property(kind, kind === 'skip' ? null : kind),
    before: FORM[i] as Buffer,
    first: (PLAIN[i] as string).charCodeAt(0),
  }));
  const reader = formReader(members, Buffer.from('}'), [{ slot: 'none', value: null }], {
    value({ kind, slot }, row, pos) {
      const text = values[KINDS.indexOf(kind)] as string;
      expect(bytes.subarray(pos).toString().startsWith(text)).toBe(true);
      slow.push(kind);
      if (slot !== null) row[slot] = JSON.parse(text) as Value;
      return pos + Buffer.byteLength(text);
    },
    text: (_, from, to) => bytes.latin1Slice(from, to),
  });
  const row = rowOf({ string: '?', int: '?', long: '?', millis: '?', double: '?', other: '?', none: '?' });
  return reader?.(row, bytes, 1, end) === true && { row: { ...row }, slow };
}

const RIGHT = { string: 'a b', int: -3, long: 170000000000000, millis: 0, double: 12.25, other: [1], none: null };

test('takes plain values itself, all others slowly', () => {
  expect(read(PLAIN)).toStrictEqual({ row: RIGHT, slow: ['other'] });
  const odd = ['"\\u0061"', '3000000000', '1234567890123456', '9007199254741', '1e3', 'null', '7'];
  expect(read(odd)).toStrictEqual({
    row: { string: 'a', int: 3000000000, long: 1234567890123456, millis: 9007199254741, double: 1000, other: null, none: null },
    slow: ['string', 'int', 'long', 'millis', 'double', 'other', 'skip'],
  });
  expect(read([...PLAIN.slice(0, 3), '-9007199254740', '-0.0', '1', '""'])).toStrictEqual({
    row: { ...RIGHT, millis: -9007199254740000, double: -0, other: 1 },
    slow: ['other'],
  });
});

test('is not taken in by records of another form, or that end elsewhere', () => {
  expect(read(PLAIN, ' }')).toBe(false);
  expect(read(PLAIN, '')).toBe(false);
  expect(read(PLAIN, '}}')).toBe(false);
  expect(read(PLAIN, ',"y":1}')).toBe(false);
});

test('numbers are what JSON.parse makes of them', () => {
  const digits = fc.stringMatching(/^-?(0|[1-9][0-9]{0,17})$/);
  const double = fc.oneof(
    fc.tuple(digits, fc.stringMatching(/^[0-9]{1,17}$/)).map(([a, b]) => `${a}.${b}`),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
    digits,
  );
  fc.assert(
    fc.property(digits, double, (long, number) => {
      const result = read([PLAIN[0] as string, '1', long, '2', number, '[1]', '""']);
      expect(result === false ? result : result.row).toStrictEqual({
        ...RIGHT,
        int: 1,
        millis: 2000,
        long: (JSON.parse(long) as number) + 0,
        double: JSON.parse(number),
      });
    }),
    { numRuns: 1500 },
  );
});

test.each(['01', '-01', '00', '-', '.5'])('%s is no number', (text) => {
  // the slow way throws at it here
  for (const kind of ['int', 'long', 'millis', 'double'] as const)
    expect(() => read(PLAIN.map((plain, i) => (KINDS[i] === kind ? text : plain)))).toThrow(SyntaxError);
});

test.each(['1.', '1.e5'])('%s is none either', (text) => {
  expect(() => read(PLAIN.map((plain, i) => (KINDS[i] === 'double' ? text : plain)))).toThrow(SyntaxError);
});

test('none for a form with a property twice, or one that is very long', () => {
  const slowly = { value: () => -1, text: () => null };
  const one = property('int');
  const member = { property: one, before: Buffer.from('{"a":'), first: 0x31 };
  const tail = Buffer.from('}');
  expect(formReader([member], tail, [], slowly)).not.toBeNull();
  expect(formReader([member, member], tail, [], slowly)).toBeNull();
  expect(formReader([{ ...member, before: Buffer.alloc(5000, 0x20) }], tail, [], slowly)).toBeNull();
});
