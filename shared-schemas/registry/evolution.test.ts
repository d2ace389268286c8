import { expect, test } from 'vitest';
import { parseSchema } from '../avro.ts';
import { resolvingReader } from '../codec/read.ts';
import { incompatibilities } from './evolution.ts';

const of = (type: unknown, more: object = {}): unknown => ({ type: 'record', name: 'R', fields: [{ name: 'v', type, ...more }] });
const E = (symbols: string[], more: object = {}): unknown => ({ type: 'enum', name: 'E', symbols, ...more });
const F = (size: number, name = 'F'): unknown => ({ type: 'fixed', name, size });
const D = (precision: number, scale: number): unknown => ({ type: 'bytes', logicalType: 'decimal', precision, scale });
const L = (base: string, logicalType: string): unknown => ({ type: base, logicalType });

const broken: [unknown, unknown, string][] = [
  [of('int'), of('long'), 'v is long, the new schema reads int'],
  [of('string'), of('int'), 'v is int, the new schema reads string'],
  [of('int'), of(['null', 'int']), 'v may be null, which the new schema does not allow'],
  [of(E(['A'])), of(E(['A', 'B', 'C'])), 'v may be B, C, which the new schema does not list'],
  [of(E(['A'])), of({ type: 'enum', name: 'Q', symbols: ['A'] }), 'v is named Q, the new schema calls it E'],
  [of(F(3)), of(F(4)), 'v is fixed of 4 bytes, the new schema reads 3'],
  [of(D(5, 2)), of(D(6, 2)), 'v is a decimal(6,2), the new schema reads decimal(5,2)'],
  [of(D(5, 1)), of(D(5, 2)), 'v is a decimal(5,2), the new schema reads decimal(5,1)'],
  [of({ type: 'array', items: 'int' }), of({ type: 'array', items: ['null', 'int'] }), 'v[] may be null, which the new schema does not allow'],
  [of({ type: 'map', values: 'int' }), of({ type: 'map', values: 'double' }), 'v[] is double, the new schema reads int'],
  [
    of({ type: 'record', name: 'S', fields: [{ name: 'x', type: 'int' }] }),
    of({ type: 'record', name: 'S', fields: [] }),
    'v.x has no default, and the new schema would miss it in what was written without it',
  ],
  [{ type: 'record', name: 'Q', fields: [] }, { type: 'record', name: 'R', fields: [] }, 'the record is named R, the new schema calls it Q'],
];

test.each(broken)('%j cannot follow %j', (next, previous, reason) => {
  expect(incompatibilities(parseSchema(next), parseSchema(previous))).toStrictEqual([reason]);
});

test.each([
  [of('long'), of('int')],
  [of('double'), of(['null', 'long']), 'nullable'],
  [of(['int', 'null']), of(['null', 'int'])],
  [of(E(['A', 'B'])), of(E(['B']))],
  [of(E(['A'], { default: 'A' })), of(E(['A', 'Z']))],
  [of('string'), of('bytes')],
  [of(D(9, 2)), of(D(5, 2))],
  [of(L('long', 'timestamp-millis')), of('long')],
  [of('long'), of(L('int', 'date'))],
  [of('int', { aliases: ['w'] }), { type: 'record', name: 'R', fields: [{ name: 'w', type: 'int' }] }],
  [of('int', { default: 1 }), { type: 'record', name: 'a.b.R', fields: [{ name: 'gone', type: 'string' }] }],
])('%j can follow %j', (next, previous, nullable?: string) => {
  const reasons = incompatibilities(parseSchema(next), parseSchema(previous));
  expect(reasons).toStrictEqual(nullable ? ['v may be null, which the new schema does not allow'] : []);
});

test('FORWARD looks the other way, FULL both, NONE nowhere', () => {
  const wide = parseSchema(of('long'));
  const narrow = parseSchema(of('int'));
  expect(incompatibilities(wide, narrow, 'FORWARD')).toStrictEqual(['v is long, the old schema reads int']);
  expect(incompatibilities(wide, narrow, 'FULL')).toHaveLength(1);
  expect(incompatibilities(narrow, wide, 'FORWARD')).toStrictEqual([]);
  expect(incompatibilities(narrow, wide, 'FULL')).toHaveLength(1);
  expect(incompatibilities(narrow, wide, 'NONE')).toStrictEqual([]);
});

test('what the rules allow the decoder reads, and what they refuse for its type it refuses', () => {
  const types = [
    'boolean',
    'int',
    'long',
    'float',
    'double',
    'string',
    'bytes',
    L('int', 'date'),
    L('long', 'timestamp-millis'),
    L('long', 'timestamp-micros'),
    D(5, 2),
    D(7, 2),
    D(7, 3),
    F(2),
    { type: 'array', items: 'int' },
    { type: 'array', items: 'double' },
    { type: 'map', values: 'int' },
    { type: 'record', name: 'S', fields: [] },
  ];
  let allowed = 0;
  for (const a of types) {
    for (const b of types) {
      const [next, previous] = [parseSchema(of(a)), parseSchema(of(b))];
      const fine = incompatibilities(next, previous).length === 0;
      let reads = true;
      try {
        resolvingReader.fields(previous.root, next.root);
      } catch {
        reads = false;
      }
      expect([JSON.stringify(a), JSON.stringify(b), reads]).toStrictEqual([JSON.stringify(a), JSON.stringify(b), fine]);
      if (fine) allowed++;
    }
  }
  expect(allowed).toBe(types.length + 19);
});
