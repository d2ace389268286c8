import fc from 'fast-check';
import { expect, test } from 'vitest';
import { exact } from './codec/exact.ts';
import { rowCodec } from './row-codec.ts';
import { decoded, encoded, rowOf } from './testing.ts';
import type { Column, SqlType, Value } from './types.ts';

const kind = (name: string): SqlType => ({ kind: name }) as SqlType;
const ints = (bits: bigint): fc.Arbitrary<Value> => fc.bigInt({ min: -(2n ** (bits - 1n)), max: 2n ** (bits - 1n) - 1n }).map(exact);
const text = fc.string({ unit: 'grapheme', maxLength: 80 });

/** A type with values of it, in the forms of `types.ts`. */
const leaf: fc.Arbitrary<{ type: SqlType; value: Value }> = fc.oneof(
  fc.boolean().map((value) => ({ type: kind('BOOLEAN'), value })),
  ...(
    [
      ['TINYINT', 8n],
      ['SMALLINT', 16n],
      ['INTEGER', 32n],
      ['BIGINT', 64n],
      ['HUGEINT', 128n],
      ['TIMESTAMP', 64n],
      ['DATE', 32n],
    ] as const
  ).map(([name, bits]) => ints(bits).map((value) => ({ type: kind(name), value }))),
  fc.double().map((value) => ({ type: kind('DOUBLE'), value })),
  fc.float().map((value) => ({ type: kind('FLOAT'), value })),
  text.map((value) => ({ type: kind('VARCHAR'), value })),
  fc.uint8Array({ maxLength: 40 }).map((value) => ({ type: kind('BLOB'), value })),
  fc.tuple(fc.integer({ min: 1, max: 38 }), fc.nat(10), fc.bigInt()).map(([width, scale, value]) => ({
    type: { kind: 'DECIMAL', width, scale: Math.min(scale, width) } as SqlType,
    value: exact(value % 10n ** BigInt(width)),
  })),
);

const typed: fc.Arbitrary<{ type: SqlType; value: Value }> = fc.oneof(
  { weight: 5, arbitrary: leaf },
  leaf.map(({ type, value }) => ({ type: { kind: 'LIST', of: type } as SqlType, value: [value, null, value] })),
  leaf.map(({ type, value }) => ({
    type: { kind: 'MAP', of: type } as SqlType,
    value: new Map([
      ['', value],
      ['é', null],
    ]),
  })),
  fc.tuple(leaf, leaf).map(([a, b]) => ({
    type: {
      kind: 'STRUCT',
      fields: [
        { name: 'a', type: a.type },
        { name: 'isPrototypeOf', type: { kind: 'LIST', of: b.type } },
      ],
    } as SqlType,
    value: { a: a.value, isPrototypeOf: [b.value] } as unknown as Value,
  })),
);

test('any row comes back as it was, bit for bit', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(typed, fc.boolean()), { minLength: 1, maxLength: 8 }), (parts) => {
      const columns: Column[] = parts.map(([{ type }], i) => ({ name: `c${i}`, type, nullable: true, slot: `s${i}` }));
      const row = Object.fromEntries(parts.map(([{ value }, present], i) => [`s${i}`, present ? value : null]));
      const codec = rowCodec(columns);
      expect(decoded(codec.decode, Object.keys(row), encoded(codec.encode, rowOf(row)))).toStrictEqual(row);
    }),
    { numRuns: 1500 },
  );
});

test('the bounds of every integer', () => {
  const column = (type: SqlType): Column[] => [{ name: 'v', type, nullable: true, slot: 'v' }];
  for (const value of [-(2n ** 127n), 2n ** 127n - 1n, 0, -1]) {
    const codec = rowCodec(column(kind('HUGEINT')));
    expect(decoded(codec.decode, ['v'], encoded(codec.encode, rowOf({ v: value })))).toStrictEqual({ v: value });
  }
  for (const value of [-(2n ** 63n), 2n ** 63n - 1n, 2 ** 53 - 1, -(2 ** 53) + 1, 2n ** 53n]) {
    const codec = rowCodec(column(kind('BIGINT')));
    expect(decoded(codec.decode, ['v'], encoded(codec.encode, rowOf({ v: value })))).toStrictEqual({ v: value });
  }
});

test('fields bear the names of columns, or of slots when a name is no Avro name', () => {
  const columns = (name: string): Column[] => [{ name, type: kind('BIGINT'), nullable: true, slot: 'slot_1' }];
  expect(rowCodec(columns('amount')).schema.root.fields[0].name).toBe('amount');
  expect(rowCodec(columns('två ord')).schema.root.fields[0].name).toBe('slot_1');
  expect(rowCodec(columns('__proto__')).schema.root.fields[0].name).toBe('slot_1');
});
