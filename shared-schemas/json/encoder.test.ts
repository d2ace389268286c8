import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fieldOf, parseSchema } from '../avro.ts';
import { encoded, rowOf } from '../testing.ts';
import type { SqlType, Value } from '../types.ts';
import { jsonDecoder } from './decoder.ts';
import { jsonEncoder } from './encoder.ts';
import { rowJson, toJson } from './value.ts';

const kind = (name: string): SqlType => ({ kind: name }) as SqlType;
const one = (type: SqlType, v: Value): string => {
  const json = encoded(jsonEncoder([{ name: 'v', slot: 's', type }]), rowOf({ s: v })).toString();
  expect(json).toBe(`{"v":${toJson(v, type)}}`);
  return json.slice(5, -1);
};

test.each([
  ['BOOLEAN', true, 'true'],
  ['BOOLEAN', null, 'null'],
  ['INTEGER', -5, '-5'],
  ['BIGINT', 0, '0'],
  ['BIGINT', 2 ** 53 - 1, '9007199254740991'],
  ['BIGINT', -(2n ** 63n), '-9223372036854775808'],
  ['HUGEINT', 2n ** 127n - 1n, '170141183460469231731687303715884105727'],
  ['DOUBLE', 5, '5'],
  ['DOUBLE', 0.1 + 0.2, '0.30000000000000004'],
  ['DOUBLE', -0, '-0'],
  ['DOUBLE', 1e21, '1e+21'],
  ['DOUBLE', Number.NaN, '"NaN"'],
  ['DOUBLE', Number.POSITIVE_INFINITY, '"Infinity"'],
  ['DOUBLE', Number.NEGATIVE_INFINITY, '"-Infinity"'],
  ['FLOAT', Math.fround(0.1), '0.10000000149011612'],
  ['VARCHAR', 'a"b\\c\n\u0001\u007fé𝄞\u2028', JSON.stringify('a"b\\c\n\u0001\u007fé𝄞\u2028')],
  ['VARCHAR', 'x'.repeat(300), `"${'x'.repeat(300)}"`],
  ['BLOB', new Uint8Array([0, 255, 16]), '"AP8Q"'],
  ['DATE', 19782, '"2024-02-29"'],
  ['DATE', -719529, '"-0001-12-31"'],
  ['TIMESTAMP', 1700000000123999, '1700000000123'],
  ['TIMESTAMP', -1, '0'],
  ['TIMESTAMP', -1500, '-1'],
  ['TIMESTAMP', 2n ** 63n - 1n, '9223372036854775'],
])('%s %s is %s', (name, value, json) => {
  expect(one(kind(name), value as Value)).toBe(json);
});

test('decimals and nested values', () => {
  expect(one({ kind: 'DECIMAL', width: 10, scale: 2 }, -5)).toBe('-0.05');
  expect(one({ kind: 'DECIMAL', width: 38, scale: 0 }, 10n ** 37n)).toBe(`1${'0'.repeat(37)}`);
  expect(one({ kind: 'DECIMAL', width: 5, scale: 5 }, 0)).toBe('0.00000');
  expect(one({ kind: 'LIST', of: kind('VARCHAR') }, ['a', null, '"'])).toBe('["a",null,"\\""]');
  expect(one({ kind: 'MAP', of: kind('DOUBLE') }, new Map([['é"', Number.NaN]]))).toBe('{"é\\"":"NaN"}');
  expect(
    one(
      {
        kind: 'STRUCT',
        fields: [
          { name: 'a', type: kind('DATE') },
          { name: 'b', type: { kind: 'LIST', of: kind('BIGINT') } },
        ],
      },
      { b: [2n ** 60n], a: 0 },
    ),
  ).toBe('{"a":"1970-01-01","b":[1152921504606846976]}');
});

test('fields in their order, any names; none at all', () => {
  const fields = [
    { name: 'é"', slot: 'b', type: kind('INTEGER') },
    { name: 'a', slot: 'a', type: kind('VARCHAR') },
  ];
  expect(encoded(jsonEncoder(fields), rowOf({ a: 'x', b: 1 })).toString()).toBe('{"é\\"":1,"a":"x"}');
  expect(
    rowJson(
      rowOf({ a: 'x', b: 1 }),
      fields.map((field) => ({ ...field, nullable: true })),
    ),
  ).toBe('{"é\\"":1,"a":"x"}');
  expect(encoded(jsonEncoder([]), rowOf({})).toString()).toBe('{}');
});

test('strings and integers are what JSON.stringify makes of them', () => {
  const encode = jsonEncoder([
    { name: 's', slot: 's', type: kind('VARCHAR') },
    { name: 'n', slot: 'n', type: kind('BIGINT') },
    { name: 'd', slot: 'd', type: kind('DOUBLE') },
  ]);
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.maxSafeInteger(), fc.double({ noNaN: true, noDefaultInfinity: true }), (s, n, d) => {
      const text = encoded(encode, rowOf({ s, n, d })).toString();
      expect(text).toBe(`{"s":${JSON.stringify(s)},"n":${n},"d":${Object.is(d, -0) ? '-0' : JSON.stringify(d)}}`);
    }),
    { numRuns: 800 },
  );
});

test('under a schema: converted, checked, and readable with that schema', () => {
  const schema = parseSchema({
    type: 'record',
    name: 'R',
    fields: [
      { name: 'cents', type: { type: 'bytes', logicalType: 'decimal', precision: 6, scale: 2 } },
      { name: 'n', type: 'int' },
      { name: 'ratio', type: 'double' },
      { name: 'ms', type: { type: 'long', logicalType: 'timestamp-millis' } },
      { name: 'us', type: { type: 'long', logicalType: 'timestamp-micros' } },
      { name: 'raw', type: ['null', 'bytes'] },
    ],
  });
  const types: SqlType[] = [kind('INTEGER'), kind('HUGEINT'), { kind: 'DECIMAL', width: 4, scale: 3 }, kind('TIMESTAMP'), kind('TIMESTAMP'), kind('BLOB')];
  const names = schema.root.fields.map(({ name }) => name);
  const encode = jsonEncoder(names.map((name, i) => ({ name, slot: name, type: types[i], avroField: fieldOf(schema, name) ?? undefined })));
  const row = rowOf({ cents: 7, n: 5, ratio: 1250, ms: 1700000000123456, us: 1700000000123456, raw: new Uint8Array([65, 255]) });
  const bytes = encoded(encode, row);
  expect(bytes.toString()).toBe('{"cents":7.00,"n":5,"ratio":1.25,"ms":1700000000123,"us":1700000000123456,"raw":"A\u00ff"}');
  const back = rowOf(Object.fromEntries(names.map((name) => [name, null])));
  expect(jsonDecoder(schema, Object.fromEntries(names.map((name) => [name, name])))(back, bytes, 0, bytes.length)).toBeUndefined();
  expect({ ...back }).toStrictEqual({ cents: 700, n: 5, ratio: 1.25, ms: 1700000000123000, us: 1700000000123456, raw: new Uint8Array([65, 255]) });
  for (const bad of [{ cents: 10000 }, { n: 2n ** 64n }, { n: null }] as Record<string, Value>[]) {
    expect(() => encode(rowOf({ ...row, ...bad }), Buffer.alloc(1000), 0)).toThrow(expect.objectContaining({ code: 'value_out_of_range' }));
  }
  expect(() => jsonEncoder([{ name: 'n', slot: 'n', type: kind('DOUBLE'), avroField: fieldOf(schema, 'n') ?? undefined }])).toThrow(/cast it/);
});
