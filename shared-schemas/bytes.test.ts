import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteReader, ByteWriter } from './bytes.ts';
import { exact } from './codec/exact.ts';
import type { SqlType, Value } from './types.ts';

const hex = (write: (writer: ByteWriter) => void): string => {
  const writer = new ByteWriter(1);
  write(writer);
  return Buffer.from(writer.finish()).toString('hex');
};

test('the format, byte by byte', () => {
  expect(hex((w) => [0, -1, 1, 64, -(2 ** 53), 2 ** 53].forEach((n) => void w.varint(n)))).toBe(
    `000102${'8001'}${'ffffffffffffff1f'}${'80808080808080' + '20'}`,
  );
  expect(hex((w) => w.f64(-1.5))).toBe('000000000000f8bf');
  expect(hex((w) => w.text('é'))).toBe('04c3a9');
  expect(hex((w) => w.bytes(new Uint8Array([1, 2])))).toBe('040102');
  expect(hex((w) => w.integer(5))).toBe('000a');
  expect(hex((w) => w.integer(2n ** 63n))).toBe('12008000000000000000');
  expect(hex((w) => w.integer(-(2n ** 63n)))).toBe('108000000000000000');
  expect(hex((w) => w.value({ kind: 'VARCHAR' }, null))).toBe('00');
  expect(hex((w) => w.value({ kind: 'LIST', of: { kind: 'BOOLEAN' } }, [true, null]))).toBe('0104010100');
});

test('what was written reads back in order, the same writer used again', () => {
  const writer = new ByteWriter();
  const int = fc.oneof(fc.maxSafeInteger(), fc.constantFrom(2 ** 53, -(2 ** 53), 0, 2 ** 30, -(2 ** 30)));
  fc.assert(
    fc.property(
      fc.array(fc.record({ n: int, d: fc.double(), t: fc.string({ unit: 'grapheme' }), b: fc.uint8Array(), i: fc.bigInt() }), { maxLength: 6 }),
      (records) => {
        for (const { n, d, t, b, i } of records) {
          writer.varint(n);
          writer.f64(d);
          writer.text(t);
          writer.bytes(b);
          writer.integer(exact(i));
          writer.byte(7);
        }
        const reader = new ByteReader(writer.finish());
        for (const { n, d, t, b, i } of records) {
          expect(reader.varint()).toBe(n);
          expect(reader.f64()).toBe(d);
          expect(reader.text()).toBe(t);
          expect(new Uint8Array(reader.bytes())).toStrictEqual(b);
          expect(reader.integer()).toBe(exact(i));
          expect(reader.byte()).toBe(7);
        }
        expect(reader.done).toBe(true);
        expect(writer.length).toBe(0);
      },
    ),
  );
});

test('values by type', () => {
  const cases: [SqlType, Value][] = [
    [{ kind: 'BIGINT' }, 2n ** 62n],
    [{ kind: 'DECIMAL', width: 38, scale: 2 }, -(10n ** 37n)],
    [{ kind: 'DOUBLE' }, -0],
    [{ kind: 'DATE' }, -1],
    [{ kind: 'BLOB' }, new Uint8Array([0])],
    [
      { kind: 'MAP', of: { kind: 'VARCHAR' } },
      new Map([
        ['a', null],
        ['b', 'x'],
      ]),
    ],
    [{ kind: 'STRUCT', fields: [{ name: 'x', type: { kind: 'LIST', of: { kind: 'INTEGER' } } }] }, { x: [1, null] }],
    [{ kind: 'BOOLEAN' }, null],
  ];
  const writer = new ByteWriter();
  for (const [type, value] of cases) writer.value(type, value);
  const reader = new ByteReader();
  reader.start(writer.finish());
  for (const [type, value] of cases) expect(reader.value(type)).toStrictEqual(value);
});

test('bytes that end too early throw', () => {
  const writer = new ByteWriter();
  writer.text('hello');
  const bytes = writer.finish();
  for (let cut = 0; cut < bytes.length; cut++) expect(() => new ByteReader(bytes.subarray(0, cut)).text()).toThrow('ends too early');
  expect(() => new ByteReader(new Uint8Array([1])).bytes()).toThrow('ends too early');
});
