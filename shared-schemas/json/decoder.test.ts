import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { avroEncoder, parseSchema } from '../avro.ts';
import { decoded, encoded, rowOf } from '../testing.ts';
import { TextSpan } from '../text-span.ts';
import { jsonDecoder } from './decoder.ts';

const NAMES = ['s', 'i', 'l', 'd', 'b', 'f', 't', 'u', 'day', 'm', 'e', 'raw', 'list', 'map', 'rec', 'opt', 'constructor'] as const;
const schema = parseSchema({
  type: 'record',
  name: 'R',
  fields: [
    { name: 's', type: 'string', default: 'dflt' },
    { name: 'i', type: 'int', default: 7 },
    { name: 'l', type: ['null', 'long'] },
    { name: 'd', type: ['double', 'null'], default: 0.5 },
    { name: 'b', type: ['null', 'boolean'] },
    { name: 'f', type: ['null', 'float'] },
    { name: 't', type: ['null', { type: 'long', logicalType: 'timestamp-millis' }] },
    { name: 'u', type: ['null', { type: 'long', logicalType: 'timestamp-micros' }] },
    { name: 'day', type: ['null', { type: 'int', logicalType: 'date' }] },
    { name: 'm', type: ['null', { type: 'bytes', logicalType: 'decimal', precision: 20, scale: 2 }] },
    { name: 'e', type: ['null', { type: 'enum', name: 'E', symbols: ['A', 'B'] }] },
    { name: 'raw', type: 'bytes', default: '\u0000\u00ff' },
    { name: 'list', type: ['null', { type: 'array', items: ['null', 'long'] }] },
    { name: 'map', type: ['null', { type: 'map', values: 'int' }] },
    {
      name: 'rec',
      type: {
        type: 'record',
        name: 'S',
        fields: [
          { name: 'x', type: 'int', default: 3 },
          { name: 'y', type: ['null', 'string'], default: null },
        ],
      },
      default: { x: 9 },
    },
    { name: 'opt', type: ['null', 'string'], default: null },
    { name: 'constructor', type: ['null', 'string'] },
  ],
});
// "constructor" is a name in a schema and no slot
const slots = { ...Object.fromEntries(NAMES.map((name) => [name, name])), constructor: 'ctor' } as Record<string, string>;
const SLOTS = Object.values(slots);
const scanning = jsonDecoder(schema, slots);
const parsing = jsonDecoder(schema, slots, { scan: false });
// as a task has it: texts that come again are known, those that are passed on are no strings
const lending = jsonDecoder(schema, slots, { passed: new Set(['s', 'ctor']), recurring: true });
const lent = (of: object): unknown =>
  Object.fromEntries(Object.entries(of).map(([slot, value]) => [slot, (value as unknown) instanceof TextSpan ? (value as TextSpan).toJSON() : value]));

/** All paths, which must agree; what is not NULL and no default. */
function read(json: string | Uint8Array): unknown {
  const bytes = Buffer.from(json);
  const result = decoded(parsing, SLOTS, bytes);
  expect(decoded(scanning, SLOTS, bytes)).toStrictEqual(result);
  expect(lent(decoded(lending, SLOTS, bytes))).toStrictEqual(result);
  return result;
}

const DEFAULTS = {
  s: 'dflt',
  i: 7,
  l: null,
  d: 0.5,
  b: null,
  f: null,
  t: null,
  u: null,
  day: null,
  m: null,
  e: null,
  raw: new Uint8Array([0, 255]),
  list: null,
  map: null,
  rec: { x: 9, y: null },
  opt: null,
  ctor: null,
};

test('absent fields take their defaults, else null; unknown ones are ignored', () => {
  expect(read('{}')).toStrictEqual(DEFAULTS);
  expect(read(' { "zzz" : [1,{"a":2}] , "__proto__":{"s":"x"},"toString":1 , "nope":"\\u0041é" }\r\n')).toStrictEqual(DEFAULTS);
  expect(read('\ufeff{}')).toStrictEqual(DEFAULTS);
});

test.each([
  ['{"s":"é€𝄞\\n\\u00e9"}', { s: 'é€𝄞\né' }],
  ['{"s":"a","s":"b"}', { s: 'b' }],
  ['{"s":5,"s":"b"}', { s: 'b' }],
  ['{"\\u0073":"b"}', { s: 'b' }],
  ['{"i":-0}', { i: 0 }],
  ['{"i":5.0}', { i: 5 }],
  ['{"i":1e3}', { i: 1000 }],
  ['{"i":-2147483648}', { i: -2147483648 }],
  ['{"l":9007199254740993}', { l: 9007199254740993n }],
  ['{"l":9007199254740991}', { l: 9007199254740991 }],
  ['{"l":9007199254740992}', { l: 9007199254740992n }],
  ['{"l":-9223372036854775808}', { l: -9223372036854775808n }],
  ['{"l":9223372036854775807}', { l: 9223372036854775807n }],
  ['{"l":9223372036854775807.0}', { l: 9223372036854775807n }],
  ['{"l":null,"d":null}', { l: null, d: null }],
  ['{"d":5}', { d: 5 }],
  ['{"d":-0.0}', { d: -0 }],
  ['{"d":0.1e-400}', { d: 0 }],
  ['{"d":123456789012345678901234567890}', { d: 1.2345678901234568e29 }],
  ['{"d":9007199254740993}', { d: 9007199254740992 }],
  ['{"d":5e-324}', { d: 5e-324 }],
  ['{"f":0.1}', { f: Math.fround(0.1) }],
  ['{"t":1700000000123}', { t: 1700000000123000 }],
  ['{"t":9000000000000000}', { t: 9000000000000000000n }],
  ['{"u":1700000000123456}', { u: 1700000000123456 }],
  ['{"day":"2024-02-29"}', { day: 19782 }],
  ['{"day":-1}', { day: -1 }],
  ['{"m":12.5}', { m: 1250 }],
  ['{"m":"-12.50"}', { m: -1250 }],
  ['{"m":123456789012345678.91}', { m: 12345678901234567891n }],
  ['{"m":1.5e1}', { m: 1500 }],
  ['{"e":"B"}', { e: 'B' }],
  ['{"raw":"a\\u00ff"}', { raw: new Uint8Array([97, 255]) }],
  ['{"list":[1,null,9007199254740993]}', { list: [1, null, 9007199254740993n] }],
  [
    '{"map":{"__proto__":1,"a":2}}',
    {
      map: new Map([
        ['__proto__', 1],
        ['a', 2],
      ]),
    },
  ],
  ['{"rec":{"y":"z","q":[]}}', { rec: { x: 3, y: 'z' } }],
  ['{"constructor":"c"}', { ctor: 'c' }],
])('%s', (json, values) => {
  expect(read(json)).toStrictEqual({ ...DEFAULTS, ...values });
});

test.each([
  ['{"s":5}', 's: string is expected, found number 5'],
  ['{"s":null}', 's: string is expected, found null'],
  ['{"i":"5"}', 'i: int is expected, found string "5"'],
  ['{"i":2147483648}', 'i: int is expected, found number 2147483648'],
  ['{"i":1.5}', 'i: int is expected, found number 1.5'],
  ['{"i":true}', 'i: int is expected, found boolean true'],
  ['{"l":9223372036854775808}', 'l: long is expected, found number 9223372036854775808'],
  ['{"l":-9223372036854775809}', 'l: long is expected, found number -9223372036854775809'],
  ['{"l":1e400}', 'l: long is expected, found number Infinity'],
  ['{"d":"NaN"}', 'd: double is expected, found string "NaN"'],
  ['{"d":1e309}', 'd: double is expected, found number Infinity'],
  ['{"f":1e39}', 'f: float is expected, found number 1e+39'],
  ['{"b":1}', 'b: boolean is expected, found number 1'],
  ['{"t":9223372036854776}', 't: timestamp-millis is expected, found number 9223372036854776'],
  ['{"day":"2023-02-29"}', 'day: date is expected, found string "2023-02-29"'],
  ['{"m":1.005}', 'm: a decimal of 20 digits, 2 of them decimals is expected, found number 1.005'],
  ['{"m":1e19}', 'm: a decimal of 20 digits, 2 of them decimals is expected, found number 1e19'],
  ['{"m":1e999999999}', 'm: a decimal of 20 digits, 2 of them decimals is expected, found number 1e999999999'],
  ['{"e":"C"}', 'e: one of A, B is expected, found string "C"'],
  ['{"raw":"€"}', 'raw: bytes is expected, found string "€"'],
  ['{"list":{}}', 'list: array is expected, found an object'],
  ['{"list":[1,"x"]}', 'list[]: long is expected, found string "x"'],
  ['{"map":[1]}', 'map: map is expected, found an array'],
  ['{"rec":{"x":null}}', 'rec.x: int is expected, found null'],
  ['{"rec":7}', 'rec: record is expected, found number 7'],
  ['[1]', 'an object is expected, found an array'],
  ['null', 'an object is expected, found null'],
  ['"x"', 'an object is expected, found string "x"'],
])('%s does not fit', (json, message) => {
  expect(read(json)).toStrictEqual({ flaw: 'schema_mismatch', message });
});

test('a required field that is missing is named', () => {
  const strict = jsonDecoder(
    parseSchema({
      type: 'record',
      name: 'R',
      fields: [
        { name: 'a', type: 'int' },
        { name: 'b', type: { type: 'record', name: 'S', fields: [{ name: 'c', type: 'int' }] } },
      ],
    }),
    { a: 'a' },
  );
  expect(decoded(strict, ['a'], Buffer.from('{"b":{"c":1}}'))).toStrictEqual({ flaw: 'schema_mismatch', message: 'a is missing' });
  expect(decoded(strict, ['a'], Buffer.from('{"a":1,"b":{}}'))).toStrictEqual({ flaw: 'schema_mismatch', message: 'b.c is missing' });
  expect(decoded(strict, ['a'], Buffer.from('{"a":1}'))).toStrictEqual({ flaw: 'schema_mismatch', message: 'b is missing' });
});

test.each([
  '',
  ' ',
  '{',
  '{"s":"a"',
  '{"s":"a"}}',
  '{"s":"a"} x',
  '{"s":"a",}',
  '{,}',
  '{"s" "a"}',
  "{'s':'a'}",
  '{"i":01}',
  '{"i":1.}',
  '{"i":.5}',
  '{"i":+1}',
  '{"i":-}',
  '{"i":1e}',
  '{"d":NaN}',
  '{"b":tru}',
  '{"s":"\t"}',
  '{"s":"\\x"}',
  '{"s":"\\ud800"}',
  '{"s":nul}',
  'undefined',
  '{"zz":tru}',
  '{"i":1 2}',
])('not JSON: %j', (json) => {
  expect(read(json)).toMatchObject({ flaw: 'undecodable' });
});

test.each(['7b2273223a22c3287d', '7b2273223a22c328227d', '7b2273223a22eda080227d', '7b227a223a22ff227d', '7b22ff223a317d', 'ff'])('not UTF-8: %s', (hex) => {
  expect(read(Buffer.from(hex, 'hex'))).toMatchObject({ flaw: 'undecodable' });
});

test('U+FFFD itself is a letter like others', () => {
  expect(read('{"s":"\ufffd"}')).toStrictEqual({ ...DEFAULTS, s: '\ufffd' });
});

test('deep nesting and endless digits cost a flaw at most', () => {
  const deep = (n: number): string => `${'['.repeat(n)}${']'.repeat(n)}`;
  expect(read(`{"zz":${deep(100_000)},"i":3}`)).toStrictEqual({ ...DEFAULTS, i: 3 });
  expect(read(`{"zz":${deep(100_000)},"l":9007199254740993}`)).toMatchObject({ flaw: 'undecodable', message: 'nested deeper than 1000 levels' });
  expect(read(`{"l":${'9'.repeat(100_000)}}`)).toMatchObject({ flaw: 'schema_mismatch' });
  expect(read(`{"d":0.${'3'.repeat(100_000)}}`)).toStrictEqual({ ...DEFAULTS, d: 1 / 3 });
});

test('fields without a slot are checked and left alone', () => {
  const decode = jsonDecoder(schema, { i: 'i' });
  const untouched = Object.fromEntries(SLOTS.map((slot) => [slot, null]));
  expect(decoded(decode, SLOTS, Buffer.from('{"s":"x","i":4,"l":5}'))).toStrictEqual({ ...untouched, i: 4 });
  expect(decoded(decode, SLOTS, Buffer.from('{"s":5,"i":4}'))).toMatchObject({ flaw: 'schema_mismatch' });
});

test('a text that is passed on is written as the string would be', () => {
  const text = parseSchema({
    type: 'record',
    name: 'T',
    fields: [
      { name: 'a', type: 'string' },
      { name: 'b', type: ['null', 'string'] },
    ],
  });
  const columns = ['a', 'b'].map((name) => ({ field: name, slot: name, type: { kind: 'VARCHAR' } as const }));
  const encode = avroEncoder(text, columns);
  const plain = jsonDecoder(text, { a: 'a', b: 'b' });
  const passing = jsonDecoder(text, { a: 'a', b: 'b' }, { passed: new Set(['a', 'b']) });
  const value = fc.oneof(fc.string({ maxLength: 200 }), fc.string({ unit: 'grapheme' }), fc.constant(null));
  fc.assert(
    fc.property(fc.string({ maxLength: 130 }), value, (a, b) => {
      const bytes = Buffer.from(JSON.stringify({ a, b }));
      const [one, other] = [rowOf({ a: null, b: null }), rowOf({ a: null, b: null })];
      expect(plain(one, bytes, 0, bytes.length)).toBeUndefined();
      expect(passing(other, bytes, 0, bytes.length)).toBeUndefined();
      expect(encoded(encode, other)).toEqual(encoded(encode, one));
    }),
    { numRuns: 2000 },
  );
  const ascii = Buffer.from('{"a":"x","b":"yz"}');
  const row = rowOf({ a: null, b: null });
  passing(row, ascii, 0, ascii.length);
  expect(row['a']).toBeInstanceOf(TextSpan);
  expect(JSON.stringify(row)).toBe('{"a":"x","b":"yz"}');
});

describe('the scanner does what JSON.parse does', () => {
  const space = fc.constantFrom('', '', '', ' ', '\n', '\t ', '  ');
  const number = fc.oneof(
    fc.integer().map(String),
    fc.bigInt({ min: -(2n ** 65n), max: 2n ** 65n }).map(String),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value.toExponential()),
    fc.tuple(fc.integer(), fc.stringMatching(/^[0-9]{1,30}$/)).map(([a, b]) => `${a}.${b}`),
    fc.tuple(fc.nat({ max: 30 }), fc.nat({ max: 2 ** 40 })).map(([zeros, digits]) => `0.${'0'.repeat(zeros)}${digits}`),
    fc.tuple(fc.integer(), fc.integer({ min: -400, max: 400 })).map(([a, b]) => `${a}e${b}`),
  );
  const string = fc.oneof(fc.string({ unit: 'binary' }), fc.string(), fc.constantFrom('A', '2024-01-01', '12.5')).map((value) => JSON.stringify(value));
  const word = fc.constantFrom('true', 'false', 'null', 'nul', '[]', '{}', '[1,2]', '{"x":1}', '{"y":"[{\\""}', '[null]');
  const text = fc.oneof(number, string, word);
  const name = fc.constantFrom(...NAMES, 'unknown', '__proto__', 'x y', 'é').map((value) => JSON.stringify(value));
  const object = fc
    .tuple(fc.array(fc.tuple(space, name, space, space, text, space), { maxLength: 12 }), space)
    .map(([members, end]) => `{${members.map(([a, key, b, c, value, d]) => `${a}${key}${b}:${c}${value}${d}`).join()}}${end}`);

  test('on objects of any kind', () => {
    fc.assert(
      fc.property(object, (json) => void read(json)),
      { numRuns: 8000 },
    );
  });

  test('on records of one form, one after another', () => {
    const value = fc.oneof(
      { weight: 4, arbitrary: fc.constant(null) },
      { weight: 1, arbitrary: text },
      { weight: 1, arbitrary: fc.constantFrom('"é"', '"\\n"', '-0', 'null', '9', '-7.5') },
    );
    const usual = [
      '"plain"',
      '12',
      '-5',
      '2.5',
      'true',
      '1.5',
      '1700000000000',
      '1700000000000000',
      '19000',
      '1.25',
      '"A"',
      '"x"',
      '[1]',
      '{"k":1}',
      '{"x":1}',
      'null',
      '"c"',
    ];
    const form = fc.tuple(fc.shuffledSubarray([...NAMES, 'unknown', 'more'], { minLength: 3 }), space, space, space);
    const records = fc.array(fc.array(value, { minLength: 20, maxLength: 20 }), { minLength: 40, maxLength: 60 });
    const change = fc.option(fc.tuple(fc.nat(), fc.constantFrom(...Buffer.from('"{}[]:,\\ 0-.eE\u00e9'))), { freq: 4, nil: null });
    fc.assert(
      fc.property(form, records, fc.array(change, { minLength: 60, maxLength: 60 }), ([names, before, between, behind], all, changes) => {
        const reader = jsonDecoder(schema, slots, { passed: new Set(['s']), recurring: true });
        for (const [i, values] of all.entries()) {
          const members = names.map((each, k) => `${JSON.stringify(each)}:${between}${values[k] ?? usual[NAMES.indexOf(each as 's')] ?? '"u"'}`);
          const bytes = [...Buffer.from(`{${before}${members.join(`,${between}`)}${behind}}`)];
          const changed = changes[i];
          if (i > 34 && changed) bytes.splice(changed[0] % bytes.length, 1, changed[1]);
          const record = Uint8Array.from(bytes);
          expect(lent(decoded(reader, SLOTS, record))).toStrictEqual(decoded(parsing, SLOTS, record));
        }
      }),
      { numRuns: 60 },
    );
  });

  test('on doubles of every length', () => {
    fc.assert(
      fc.property(number, (text) => void read(`{"d":${text}}`)),
      { numRuns: 8000 },
    );
  });

  test('on objects with bytes changed, cut out or put in', () => {
    const change = fc.tuple(
      fc.nat(),
      fc.constantFrom('set', 'cut', 'put'),
      fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(...Buffer.from('"{}[]:,\\ 0-.eE'))),
    );
    fc.assert(
      fc.property(object, fc.array(change, { minLength: 1, maxLength: 3 }), (json, changes) => {
        const bytes = [...Buffer.from(json)];
        for (const [place, how, byte] of changes) bytes.splice(place % (bytes.length + 1), how === 'put' ? 0 : 1, ...(how === 'cut' ? [] : [byte]));
        read(Uint8Array.from(bytes));
      }),
      { numRuns: 8000 },
    );
  });
});
