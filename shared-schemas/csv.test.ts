import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseSchema } from './avro.ts';
import { csvCells, csvRecordEnd } from './csv/split.ts';
import { csvDecoder, csvEncoder, csvHeader, csvNames } from './csv.ts';
import { outputFields } from './output-encoder.ts';
import { decoded, encoded, rowOf } from './testing.ts';
import type { SqlType, Value } from './types.ts';

const kind = (name: string): SqlType => ({ kind: name }) as SqlType;

describe('records', () => {
  const ends = (text: string): number[] => {
    const bytes = Buffer.from(text);
    const found: number[] = [];
    for (let from = 0; ; ) {
      const end = csvRecordEnd(bytes, from, bytes.length);
      found.push(end);
      if (end < 0) return found;
      from = end + 1;
    }
  };

  test('end at a newline outside quotes', () => {
    expect(ends('a,b\nc\n')).toStrictEqual([3, 5, -1]);
    expect(ends('a,"x\ny"\r\nz')).toStrictEqual([8, -1]);
    expect(ends('"a""\n",1\n')).toStrictEqual([8, -1]);
    expect(ends('"open\nz\n')).toStrictEqual([-1]);
    expect(ends('a"b\nc\n')).toStrictEqual([3, 5, -1]);
    expect(ends('\n\n')).toStrictEqual([0, 1, -1]);
    expect(csvRecordEnd(Buffer.from('ab\ncd\n'), 0, 2)).toBe(-1);
    expect(csvRecordEnd(Buffer.from('"a"\n"b"\n'), 4, 8)).toBe(7);
  });

  test('are split as csv-parse splits them', () => {
    const cell = fc.string({ unit: fc.constantFrom('a', 'é', '"', ',', '\n', '\r', ' ') });
    const written = fc.tuple(cell, fc.boolean()).map(([text, quoted]) => (quoted || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text));
    fc.assert(
      fc.property(fc.array(fc.array(written, { minLength: 2, maxLength: 4 }), { minLength: 1, maxLength: 4 }), (rows) => {
        const text = rows.map((row) => `${row.join()}\n`).join('');
        const bytes = Buffer.from(text);
        const own: unknown[] = [];
        for (let from = 0; from < bytes.length; ) {
          const end = csvRecordEnd(bytes, from, bytes.length);
          own.push(csvCells(bytes, from, end).map((value) => value ?? ''));
          from = end + 1;
        }
        expect(own).toStrictEqual(parse(text, { relax_column_count: true, record_delimiter: '\n' }));
      }),
    );
  });

  test.each(['a"b,c', '"a"b,c', '"a', 'x,"y'])('%s is undecodable', (text) => {
    expect(() => csvCells(Buffer.from(text), 0, text.length)).toThrow(expect.objectContaining({ code: 'undecodable' }));
  });
});

const NAMES = ['s', 'i', 'l', 'd', 'b', 'day', 't', 'm', 'e', 'list', 'extra', 'must'];
const schema = parseSchema({
  type: 'record',
  name: 'R',
  fields: [
    { name: 's', type: ['null', 'string'] },
    { name: 'i', type: ['null', 'int'] },
    { name: 'l', type: ['null', 'long'] },
    { name: 'd', type: ['null', 'double'] },
    { name: 'b', type: ['null', 'boolean'] },
    { name: 'day', type: ['null', { type: 'int', logicalType: 'date' }] },
    { name: 't', type: ['null', { type: 'long', logicalType: 'timestamp-millis' }] },
    { name: 'm', type: ['null', { type: 'bytes', logicalType: 'decimal', precision: 5, scale: 2 }] },
    { name: 'e', type: ['null', { type: 'enum', name: 'E', symbols: ['A'] }] },
    { name: 'list', type: ['null', { type: 'array', items: 'long' }] },
    { name: 'extra', type: 'int', default: 4 },
    { name: 'must', type: 'string' },
  ],
});
const slots = Object.fromEntries(NAMES.map((name) => [name, name]));
const decode = csvDecoder(schema, slots, ['must', 'zzz', ...NAMES.slice(0, 10)]);
const NONE = { s: null, i: null, l: null, d: null, b: null, day: null, t: null, m: null, e: null, list: null, extra: 4, must: 'x' };
const cells = (given: Record<string, string>): Buffer =>
  Buffer.from(
    `x,,${NAMES.slice(0, 10)
      .map((name) => given[name] ?? '')
      .join()}\r`,
  );

test.each([
  ['s', '""', ''],
  ['s', '"a ""q"",\n"', 'a "q",\n'],
  ['s', ' é ', ' é '],
  ['i', '-0012', -12],
  ['l', '9223372036854775807', 9223372036854775807n],
  ['d', '1e3', 1000],
  ['d', '.5', 0.5],
  ['d', 'NaN', Number.NaN],
  ['b', 'TRUE', true],
  ['b', 'False', false],
  ['day', '2024-02-29', 19782],
  ['t', '1700000000123', 1700000000123000],
  ['t', '2023-11-14T22:13:20.123456Z', 1700000000123456],
  ['t', '2023-11-14 23:13:20+01:00', 1700000000000000],
  ['t', '2023-11-14', 1699920000000000],
  ['m', '-1.5', -150],
  ['e', 'A', 'A'],
  ['list', '"[1,9007199254740993]"', [1, 9007199254740993n]],
])('%s: %s', (name, text, value) => {
  expect(decoded(decode, NAMES, cells({ [name]: text }))).toStrictEqual({ ...NONE, [name]: value });
});

test.each([
  ['i', '1.0'],
  ['i', '2147483648'],
  ['i', '""'],
  ['i', ' 1'],
  ['l', '9223372036854775808'],
  ['d', '0x10'],
  ['d', '1,5'.replace(',', '..')],
  ['b', 'yes'],
  ['day', '2023-02-29'],
  ['t', '2023-11-14T25:00'],
  ['m', '1.005'],
  ['e', 'B'],
  ['list', '[x]'],
])('%s: %s does not fit', (name, text) => {
  expect(decoded(decode, NAMES, cells({ [name]: text }))).toMatchObject({ flaw: 'schema_mismatch', message: expect.stringContaining(name) });
});

test('a record of another width, NULL where none is allowed, bytes that are no UTF-8', () => {
  expect(decoded(decode, NAMES, Buffer.from('x,y'))).toMatchObject({ flaw: 'schema_mismatch', message: 'the record has 2 cells, the header 12' });
  expect(decoded(decode, NAMES, Buffer.from(','.repeat(11)))).toMatchObject({ flaw: 'schema_mismatch', message: 'must: string is expected, found null' });
  expect(decoded(decode, NAMES, Buffer.concat([Buffer.from([0xff]), cells({})]))).toMatchObject({ flaw: 'undecodable' });
  expect(decoded(csvDecoder(schema, slots, ['s']), NAMES, Buffer.from('a'))).toMatchObject({ flaw: 'schema_mismatch', message: 'must is missing' });
});

test('the header', () => {
  const bytes = Buffer.from('\ufeffa,"b ""x""",c\r\n');
  expect(csvNames(bytes, 0, bytes.length)).toStrictEqual(['a', 'b "x"', 'c']);
  expect(csvHeader(['a', 'b,c', ''].map((name) => ({ name, slot: 's', type: kind('BIGINT') })))).toBe('a,"b,c",""');
});

test('what is written reads back', () => {
  const types: [string, SqlType][] = [
    ['s', kind('VARCHAR')],
    ['l', kind('BIGINT')],
    ['d', kind('DOUBLE')],
    ['b', kind('BOOLEAN')],
    ['day', kind('DATE')],
    ['m', { kind: 'DECIMAL', width: 5, scale: 2 }],
    ['list', { kind: 'LIST', of: kind('BIGINT') }],
  ];
  const fields = types.map(([name, type]) => ({ name, slot: name, type }));
  const names = types.map(([name]) => name);
  const optional = parseSchema({
    type: 'record',
    name: 'R',
    fields: schema.root.fields
      .filter(({ name }) => names.includes(name))
      .map(({ name }) => (schema.json as { fields: { name: string }[] }).fields.find((field) => field.name === name)),
  });
  const reader = csvDecoder(optional, slots, names);
  const write = csvEncoder(fields);
  const check = (values: Record<string, Value>): string => {
    const bytes = encoded(write, rowOf(values));
    expect(csvRecordEnd(Buffer.concat([bytes, Buffer.from('\n')]), 0, bytes.length + 1)).toBe(bytes.length);
    expect(decoded(reader, names, bytes)).toStrictEqual(values);
    return bytes.toString();
  };
  expect(check({ s: 'a,"\n', l: -5, d: -0, b: true, day: 0, m: 105, list: [1] })).toBe('"a,""\n",-5,-0,true,1970-01-01,1.05,[1]');
  expect(check({ s: '', l: null, d: Number.NaN, b: null, day: null, m: null, list: [1, 2] })).toBe('"",,NaN,,,,"[1,2]"');
  fc.assert(fc.property(fc.string({ unit: 'grapheme' }), fc.double(), (s, d) => void check({ s, l: null, d, b: null, day: null, m: null, list: null })));
});

test('fields of a schema are written as it says, and read back by it', () => {
  const schema = parseSchema({
    type: 'record',
    name: 'R',
    fields: [
      { name: 'n', type: 'long' },
      { name: 'at', type: ['null', { type: 'long', logicalType: 'timestamp-micros' }] },
      { name: 'ms', type: ['null', { type: 'long', logicalType: 'timestamp-millis' }] },
    ],
  });
  const slots = { n: 'n', at: 'at', ms: 'ms' };
  const columns = [
    { name: 'n', slot: 'n', type: kind('HUGEINT'), nullable: true },
    { name: 'at', slot: 'at', type: kind('TIMESTAMP'), nullable: true },
    { name: 'ms', slot: 'ms', type: kind('BIGINT'), nullable: true },
  ];
  const write = csvEncoder(outputFields(columns, schema.json));
  const bytes = encoded(write, rowOf({ n: 7, at: 1_500_001, ms: 2 }));
  expect(bytes.toString()).toBe('7,1500001,2');
  expect(decoded(csvDecoder(schema, slots, ['n', 'at', 'ms']), ['n', 'at', 'ms'], bytes)).toStrictEqual({ n: 7, at: 1_500_001, ms: 2_000 });
  for (const n of [2n ** 63n, null])
    expect(() => encoded(write, rowOf({ n, at: null, ms: null }))).toThrow(expect.objectContaining({ code: 'value_out_of_range' }));
});
