import { MillraceError } from '@millrace/runtime/errors.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assignable, avroDecoder, avroEncoder, columnsOf, fieldOf, parseSchema, sqlType } from './avro.ts';
import { decoded, encoded, rowOf } from './testing.ts';
import type { SqlType, Value } from './types.ts';

const record = (...fields: unknown[]): unknown => ({ type: 'record', name: 'R', fields });
const of = (type: unknown, rest = {}): unknown => ({ name: 'v', type, ...rest });
const D = (precision: number, scale: number): unknown => ({ type: 'bytes', logicalType: 'decimal', precision, scale });

function failure(json: unknown): string {
  try {
    parseSchema(json);
  } catch (error) {
    expect(error).toBeInstanceOf(MillraceError);
    return `${(error as MillraceError).code} ${(error as MillraceError).message}`;
  }
  return 'none';
}

describe('parseSchema', () => {
  test('gives every Avro type its SQL type', () => {
    const item = { type: 'record', name: 'Item', fields: [{ name: 'n', type: 'int' }] };
    const schema = parseSchema(
      record(
        { name: 'a', type: ['null', 'boolean'], default: null },
        { name: 'b', type: { type: 'string', logicalType: 'uuid' } },
        { name: 'c', type: { type: 'int', logicalType: 'time-millis' } },
        { name: 'd', type: D(12, 3) },
        { name: 'e', type: { type: 'array', items: item } },
        { name: 'f', type: ['Item', 'null'] },
        { name: 'g', type: { type: 'map', values: { type: 'long', logicalType: 'timestamp-micros' } } },
        { name: 'h', type: { type: 'fixed', name: 'F', size: 3 }, default: 'abc' },
      ),
    );
    const STRUCT = { kind: 'STRUCT', fields: [{ name: 'n', type: { kind: 'INTEGER' } }] };
    expect(columnsOf(schema)).toStrictEqual([
      { name: 'a', type: { kind: 'BOOLEAN' }, nullable: true, hasDefault: true },
      { name: 'b', type: { kind: 'VARCHAR' }, nullable: false, hasDefault: false },
      { name: 'c', type: { kind: 'INTEGER' }, nullable: false, hasDefault: false },
      { name: 'd', type: { kind: 'DECIMAL', width: 12, scale: 3 }, nullable: false, hasDefault: false },
      { name: 'e', type: { kind: 'LIST', of: STRUCT }, nullable: false, hasDefault: false },
      { name: 'f', type: STRUCT, nullable: true, hasDefault: false },
      { name: 'g', type: { kind: 'MAP', of: { kind: 'TIMESTAMP' } }, nullable: false, hasDefault: false },
      { name: 'h', type: { kind: 'BLOB' }, nullable: false, hasDefault: true },
    ]);
    expect(sqlType(schema)).toMatchObject({ kind: 'STRUCT' });
  });

  test('names the place of a mistake', () => {
    const inner = (type: unknown): unknown =>
      record({ name: 'list', type: { type: 'array', items: { type: 'record', name: 'I', fields: [{ name: 'x', type }] } } });
    expect(failure(inner('strin'))).toBe('schema_invalid list[].x: no type is named strin');
    expect(failure(inner(['null', 'int', 'string']))).toMatch(/^union_unsupported list\[\]\.x: .*\["null","int","string"\]/);
    expect(failure(inner(['int']))).toMatch(/^union_unsupported/);
    expect(failure(inner('null'))).toBe('schema_invalid list[].x: null alone is no type of a column');
    expect(failure(inner('I'))).toMatch(/^schema_invalid list\[\]\.x: I contains itself/);
    expect(failure(inner(D(50, 2)))).toMatch(/^schema_invalid list\[\]\.x: a decimal of 50 digits/);
    expect(failure(inner(D(5, 6)))).toMatch(/scale/);
    expect(failure(record(of('int'), of('int')))).toBe('schema_invalid v: a second field of this name');
    expect(failure(record({ name: 'a b', type: 'int' }))).toMatch(/^schema_invalid fields\[0\]/);
    expect(failure(record({ name: '__proto__', type: 'int' }))).toMatch(/not allowed/);
    expect(failure(record({ name: 'v' }))).toBe('schema_invalid v: the field has no type');
    expect(failure('string')).toMatch(/^schema_invalid a record is expected/);
    expect(failure(null)).toMatch(/^schema_invalid/);
    expect(failure(undefined)).toMatch(/^schema_invalid/);
    expect(failure({ type: 'record', fields: [] })).toMatch(/needs a name/);
    expect(failure({ type: 'record', name: 'R' })).toMatch(/list of fields/);
    expect(failure(record(of('int', { default: 'x' })))).toMatch(/^schema_invalid/);
    expect(failure(record(of({ type: 'enum', name: 'E', symbols: [] })))).toMatch(/symbols/);
  });

  test('resolves names through namespaces', () => {
    const schema = parseSchema({
      type: 'record',
      name: 'R',
      namespace: 'a.b',
      fields: [
        { name: 'x', type: { type: 'enum', name: 'E', symbols: ['P'] } },
        { name: 'y', type: 'E' },
        { name: 'z', type: 'a.b.E' },
      ],
    });
    expect(schema.root.fields.map(({ node }) => node.kind)).toStrictEqual(['enum', 'enum', 'enum']);
    expect(schema.root.name).toBe('a.b.R');
  });

  test('is the same canonically whatever its documentation and key order', () => {
    const plain = parseSchema({ type: 'record', name: 'R', fields: [{ name: 'v', type: 'int', default: 1 }] });
    expect(parseSchema({ fields: [{ doc: 'x', default: 1, type: 'int', name: 'v' }], doc: 'y', name: 'R', type: 'record' }).canonical).toBe(plain.canonical);
    expect(parseSchema({ type: 'record', name: 'R', fields: [{ name: 'v', type: 'int', default: 2 }] }).canonical).not.toBe(plain.canonical);
  });
});

function write(type: SqlType, field: unknown, v: Value): unknown {
  const schema = parseSchema(record(field));
  try {
    const bytes = encoded(avroEncoder(schema, [{ field: 'v', slot: 's', type }]), rowOf({ s: v }));
    return (decoded(avroDecoder(schema, { v: 's' }), ['s'], bytes) as { s: Value }).s;
  } catch (error) {
    return (error as { code?: string }).code ?? error;
  }
}

const kind = (name: string): SqlType => ({ kind: name }) as SqlType;
const DEC = (width: number, scale: number): SqlType => ({ kind: 'DECIMAL', width, scale });

describe('what goes into a schema', () => {
  test.each([
    ['HUGEINT', of('long'), 2n ** 63n - 1n, 2n ** 63n - 1n],
    ['HUGEINT', of('long'), 2n ** 63n, 'value_out_of_range'],
    ['HUGEINT', of('long'), -(2n ** 63n), -(2n ** 63n)],
    ['BIGINT', of('int'), 2 ** 31 - 1, 2 ** 31 - 1],
    ['BIGINT', of('int'), 2 ** 31, 'value_out_of_range'],
    ['BIGINT', of('int'), -(2 ** 31) - 1, 'value_out_of_range'],
    ['BIGINT', of('double'), 2n ** 53n + 1n, 2 ** 53],
    ['HUGEINT', of('double'), 10n ** 30n, 1e30],
    ['INTEGER', of('float'), 16777217, 16777216],
    ['BIGINT', of(D(5, 2)), 999, 99900],
    ['BIGINT', of(D(5, 2)), 1000, 'value_out_of_range'],
    ['BIGINT', of({ type: 'long', logicalType: 'timestamp-millis' }), 1700000000123, 1700000000123000],
    ['VARCHAR', of({ type: 'enum', name: 'E', symbols: ['A'] }), 'A', 'A'],
    ['VARCHAR', of({ type: 'enum', name: 'E', symbols: ['A'] }), 'toString', 'value_out_of_range'],
    ['BLOB', of({ type: 'fixed', name: 'F', size: 2 }), new Uint8Array([1, 2]), new Uint8Array([1, 2])],
    ['BLOB', of({ type: 'fixed', name: 'F', size: 2 }), new Uint8Array([1]), 'value_out_of_range'],
    ['VARCHAR', of('string'), null, 'value_out_of_range'],
    ['VARCHAR', of(['null', 'string']), null, null],
    ['TIMESTAMP', of({ type: 'long', logicalType: 'timestamp-millis' }), -1500, -1000],
    ['TIMESTAMP', of({ type: 'long', logicalType: 'timestamp-micros' }), -1500, -1500],
  ])('%s into %j: %s', (from, field, value, expected) => {
    expect(write(kind(from), field, value as Value)).toStrictEqual(expected);
  });

  test.each([
    [DEC(10, 2), of('long'), 500, 5],
    [DEC(10, 2), of('long'), 501, 'value_out_of_range'],
    [DEC(10, 2), of('double'), 10, 0.1],
    [DEC(38, 20), of('double'), 12345678901234567890123n, 123.45678901234568],
    [DEC(10, 2), of(D(12, 4)), -125, -12500],
    [DEC(10, 2), of(D(12, 1)), -120, -12],
    [DEC(10, 2), of(D(12, 1)), -125, 'value_out_of_range'],
    [DEC(10, 2), of(D(4, 2)), 10000, 'value_out_of_range'],
    [DEC(10, 0), of(D(38, 28)), 7, 7n * 10n ** 28n],
    [DEC(10, 0), of(D(38, 28)), 0, 0],
  ])('%j into %j: %s', (from, field, value, expected) => {
    expect(write(from as SqlType, field, value as Value)).toStrictEqual(expected);
  });

  test('converts inside lists, maps and structs, NULLs apart', () => {
    const list = of({ type: 'array', items: ['null', 'double'] });
    expect(write({ kind: 'LIST', of: DEC(4, 1) }, list, [15, null])).toStrictEqual([1.5, null]);
    expect(write({ kind: 'LIST', of: DEC(4, 1) }, of({ type: 'array', items: 'double' }), [null])).toBe('value_out_of_range');
    expect(write({ kind: 'MAP', of: kind('BIGINT') }, of({ type: 'map', values: 'int' }), new Map([['a', 2 ** 40]]))).toBe('value_out_of_range');
    const struct = of({ type: 'record', name: 'S', fields: [{ name: 'b', type: 'int' }] });
    const from: SqlType = {
      kind: 'STRUCT',
      fields: [
        { name: 'a', type: kind('VARCHAR') },
        { name: 'b', type: kind('BIGINT') },
      ],
    };
    expect(write(from, struct, { a: 'x', b: 5 })).toStrictEqual({ b: 5 });
  });

  test('assignable says why not', () => {
    const why = (from: SqlType, type: unknown): string | null => assignable(from, fieldOf(parseSchema(record(of(type))), 'v') as never);
    expect(why(kind('DOUBLE'), 'int')).toMatch(/DOUBLE does not go into Avro int: cast it, as in CAST\(x AS INTEGER\)/);
    expect(why(kind('DOUBLE'), D(10, 2))).toMatch(/DECIMAL\(10,2\)/);
    expect(why(kind('DOUBLE'), 'float')).toMatch(/FLOAT/);
    expect(why(kind('FLOAT'), 'double')).toBeNull();
    expect(why(kind('HUGEINT'), ['null', 'long'])).toBeNull();
    expect(why(kind('VARCHAR'), 'long')).not.toBeNull();
    expect(why(kind('BIGINT'), 'string')).not.toBeNull();
    expect(why(kind('TIMESTAMP'), 'long')).not.toBeNull();
    expect(why({ kind: 'STRUCT', fields: [] }, { type: 'record', name: 'S', fields: [{ name: 'q', type: 'int' }] })).toMatch(/no field q/);
    expect(fieldOf(parseSchema(record(of('int'))), 'w')).toBeNull();
  });

  test('an encoder without a source for a field, or with a wrong one, is a defect', () => {
    const schema = parseSchema(record(of('int')));
    expect(() => avroEncoder(schema, [])).toThrow('no source for field v');
    expect(() => avroEncoder(schema, [{ field: 'v', slot: 's', type: kind('VARCHAR') }])).toThrow(/does not go/);
  });
});

describe('decoding', () => {
  const long = parseSchema(record(of('long')));

  test('a field without a slot is checked and dropped', () => {
    const schema = parseSchema(record({ name: 'a', type: 'string' }, { name: 'b', type: 'int' }));
    expect(decoded(avroDecoder(schema, { b: 'x' }), ['x'], Buffer.from('026106', 'hex'))).toStrictEqual({ x: 3 });
    expect(decoded(avroDecoder(schema, { b: 'x' }), ['x'], Buffer.from('02ff06', 'hex'))).toMatchObject({ flaw: 'undecodable' });
  });

  test.each([
    ['a varint of 11 bytes', 'long', 'ffffffffffffffffffff01'],
    ['a varint beyond 64 bits', 'long', 'ffffffffffffffffff7f'],
    ['an int beyond 32 bits', 'int', '8080808020'],
    ['a boolean of 2', 'boolean', '02'],
    ['no such branch', ['null', 'int'], '04'],
    ['no such symbol', { type: 'enum', name: 'E', symbols: ['A'] }, '02'],
    ['a negative length', 'bytes', '01'],
    ['a length of 2^60', 'string', '8080808080808080a001'],
    ['an array of 2^40 items', { type: 'array', items: 'long' }, '808080808080400000'],
    ['an array of 2^31 empty records', { type: 'array', items: { type: 'record', name: 'N', fields: [] } }, '808080801000'],
    ['a string that is no UTF-8', 'string', '04c328'],
    ['half a surrogate in UTF-8', 'string', '06eda080'],
    ['a decimal beyond its precision', D(2, 0), '040064'],
    ['a decimal of 100 bytes', D(38, 0), `c801${'7f'.repeat(100)}`],
  ])('%s is a flaw', (_, type, hex) => {
    expect(decoded(avroDecoder(parseSchema(record(of(type))), { v: 'v' }), ['v'], Buffer.from(hex, 'hex'))).toMatchObject({ flaw: 'undecodable' });
  });

  test('reads blocks with sizes, as other writers make them', () => {
    const schema = parseSchema(record(of({ type: 'array', items: 'int' })));
    // -2 items in 2 bytes, then 1 item
    expect(decoded(avroDecoder(schema, { v: 'v' }), ['v'], Buffer.from('0304020402060' + '0', 'hex'))).toStrictEqual({ v: [1, 2, 3] });
  });

  test('any bytes at all give a row or a flaw', () => {
    const schema = parseSchema(
      record(
        { name: 'a', type: ['null', 'string'] },
        { name: 'b', type: { type: 'array', items: { type: 'map', values: D(9, 2) } } },
        { name: 'c', type: { type: 'long', logicalType: 'timestamp-millis' } },
      ),
    );
    const decode = avroDecoder(schema, { a: 'a', b: 'b', c: 'c' });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const result = decoded(decode, ['a', 'b', 'c'], bytes);
        if ('flaw' in result) expect(['undecodable', 'schema_mismatch']).toContain(result.flaw);
      }),
      { numRuns: 3000 },
    );
  });

  test('Confluent framing: the id picks the schema a record was written with', () => {
    const old = parseSchema(record(of('int')));
    const next = parseSchema(record(of('long'), { name: 'w', type: 'string', default: 'none' }));
    const decode = avroDecoder(
      next,
      { v: 'v', w: 'w' },
      { framing: 'confluent', writerSchema: (id) => (id === 7 ? old : id === 8 ? next : id === 9 ? parseSchema(record(of('string'))) : null) },
    );
    const oldBytes = encoded(avroEncoder(old, [{ field: 'v', slot: 'v', type: kind('INTEGER') }], { schemaId: 7 }), rowOf({ v: -3 }));
    expect(oldBytes.toString('hex')).toBe('000000000705');
    expect(decoded(decode, ['v', 'w'], oldBytes)).toStrictEqual({ v: -3, w: 'none' });
    expect(decoded(decode, ['v', 'w'], Buffer.from('000000000805024d', 'hex'))).toStrictEqual({ v: -3, w: 'M' });
    expect(decoded(decode, ['v', 'w'], Buffer.from('00000000090241', 'hex'))).toMatchObject({ flaw: 'schema_mismatch' });
    expect(decoded(decode, ['v', 'w'], Buffer.from('000000000a05', 'hex'))).toMatchObject({ flaw: 'undecodable', message: 'no schema has the id 10' });
    expect(decoded(decode, ['v', 'w'], Buffer.from('010000000705', 'hex'))).toMatchObject({ flaw: 'undecodable' });
    expect(decoded(decode, ['v', 'w'], Buffer.from('0000', 'hex'))).toMatchObject({ flaw: 'undecodable' });
  });

  test('resolves fields by name and alias, promotions, enum defaults', () => {
    const writer = parseSchema(
      record(
        { name: 'gone', type: { type: 'array', items: 'string' } },
        { name: 'old', type: 'int' },
        { name: 'e', type: { type: 'enum', name: 'E', symbols: ['A', 'B'] } },
        { name: 's', type: { type: 'record', name: 'S', fields: [{ name: 'p', type: 'float' }] } },
      ),
    );
    const reader = parseSchema(
      record(
        { name: 'e', type: ['null', { type: 'enum', name: 'E', symbols: ['A', 'Z'], default: 'Z' }] },
        { name: 'renamed', aliases: ['old'], type: 'double' },
        {
          name: 's',
          type: {
            type: 'record',
            name: 'S',
            fields: [
              { name: 'q', type: { type: 'bytes', logicalType: 'decimal', precision: 4, scale: 2 }, default: '\u0000\u0080' },
              { name: 'p', type: 'double' },
            ],
          },
        },
      ),
    );
    const S: SqlType = { kind: 'STRUCT', fields: [{ name: 'p', type: kind('FLOAT') }] };
    const bytes = encoded(
      avroEncoder(
        writer,
        [
          { field: 'gone', slot: 'g', type: { kind: 'LIST', of: kind('VARCHAR') } },
          { field: 'old', slot: 'o', type: kind('INTEGER') },
          { field: 'e', slot: 'e', type: kind('VARCHAR') },
          { field: 's', slot: 's', type: S },
        ],
        { schemaId: 1 },
      ),
      rowOf({ g: ['x', 'y'], o: 4, e: 'B', s: { p: 1.5 } }),
    );
    const decode = avroDecoder(reader, { e: 'e', renamed: 'r', s: 's' }, { framing: 'confluent', writerSchema: () => writer });
    expect(decoded(decode, ['e', 'r', 's'], bytes)).toStrictEqual({ e: 'Z', r: 4, s: { q: 128, p: 1.5 } });
  });

  test('a record that just fits, and one that does not', () => {
    const encode = avroEncoder(long, [{ field: 'v', slot: 'v', type: kind('BIGINT') }]);
    const row = rowOf({ v: -(2n ** 63n) });
    expect(encode(row, Buffer.alloc(10), 0)).toBe(10);
    expect(encode(row, Buffer.alloc(10), 1)).toBe(-1);
    expect(encode(row, Buffer.alloc(9), 0)).toBe(-1);
    expect(encode(row, Buffer.alloc(0), 0)).toBe(-1);
  });
});
