import { expect, test } from 'vitest';
import { slotSetter } from '../row.ts';
import { rowOf } from '../testing.ts';
import type { Value } from '../types.ts';
import { type ScanKind, Scanner } from './scanner.ts';

const field = (name: string, kind: ScanKind, nullable = true) => ({
  name,
  kind,
  nullable,
  slot: name,
  set: slotSetter(name),
  convert: (json: unknown): Value => (json === undefined ? null : (json as Value)),
});
const FIELDS = [field('id', 'string'), field('n', 'long'), field('d', 'double'), field('t', 'millis'), field('b', 'boolean', false), field('list', 'other')];

/** The row when the scanner takes the record by itself, false when it leaves it to JSON.parse. */
function scanned(scanner: Scanner, json: string): unknown {
  const row = rowOf({ id: '?', n: '?', d: '?', t: '?', b: '?', list: '?' });
  const bytes = Buffer.from(`}"${json}"x`);
  return scanner.scan(row, bytes, 2, bytes.length - 2) && { ...row };
}

// that the scanner is right is decoder.test.ts's; here, that it is used
test.each([
  '{"id":"a","n":1,"d":1.5,"t":2,"b":true,"list":[1]}',
  '{"b":true,"t":2,"list":[1],"d":1.5,"n":1,"id":"a"}',
  ' { "id" : "a" ,\n"n" :1, "d": 1.5,"t":2,"b":true , "list": [ 1 ] } ',
  '{"id":"\\u0061","n":1,"d":15e-1,"t":2,"b":true,"list":[1],"unknown":"é","other":{"x":["}"]},"more":null}',
  '{"id":"b","id":"a","n":1,"d":1.5000000000000000000000000,"t":2,"b":true,"list":[1]}',
])('takes %s', (json) => {
  const scanner = new Scanner(FIELDS);
  for (let again = 0; again < 3; again++) expect(scanned(scanner, json)).toStrictEqual({ id: 'a', n: 1, d: 1.5, t: 2000, b: true, list: [1] });
});

test('takes records of any order one after another, and absent fields', () => {
  const scanner = new Scanner(FIELDS);
  expect(scanned(scanner, '{"b":false}')).toStrictEqual({ id: null, n: null, d: null, t: null, b: false, list: null });
  expect(scanned(scanner, '{"n":7,"b":true}')).toStrictEqual({ id: null, n: 7, d: null, t: null, b: true, list: null });
  expect(scanned(scanner, '{"b":true,"id":"x","n":null}')).toStrictEqual({ id: 'x', n: null, d: null, t: null, b: true, list: null });
  expect(scanned(scanner, '{}')).toStrictEqual({ id: null, n: null, d: null, t: null, b: null, list: null });
});

test.each([
  '{"n":9007199254740993}',
  '{"n":1.0}',
  '{"n":1e2}',
  '{"b":null}',
  '{"b":tru}',
  '{"n":01}',
  '{"n":1}}',
  '{"n":1',
  '{"n":1,}',
  '[]',
  '',
  '{"d":1e999}',
  '{"\\u006e":1}',
  '{"t":9007199254740991}',
])('leaves %s to JSON.parse', (json) => {
  expect(scanned(new Scanner(FIELDS), json)).toBe(false);
});

test('thousands of unknown names are no leak', () => {
  const scanner = new Scanner(FIELDS);
  for (let i = 0; i < 3000; i++) expect(scanned(scanner, `{"u${i}":1,"b":true}`)).toMatchObject({ b: true });
});
