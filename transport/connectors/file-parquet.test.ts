import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDuckdb } from '@millrace/runtime/duckdb.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ParquetOptions, ParquetReader } from './file-parquet.ts';
import { unpackHadoopLz4, unpackLz4 } from './lz4.ts';

const dir = mkdtempSync(join(tmpdir(), 'millrace-parquet-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const path = (name: string) => join(dir, `${name}.parquet`);
const ROWS = 300_000;

beforeAll(async () => {
  const names = ['types', 'uncompressed', 'snappy', 'gzip', 'zstd', 'lz4_raw', 'brotli'];
  const database = await openDuckdb({ allowedPaths: names.map(path) });
  const write = (name: string, sql: string, options = '') => database.query(`COPY (${sql}) TO '${path(name)}' (FORMAT parquet ${options})`);
  await write(
    'types',
    `SELECT * FROM (VALUES
      (1::INTEGER, 9223372036854775807::BIGINT, 'a "b" é 😀'::VARCHAR, true, 1.5::DOUBLE, -12345.67::DECIMAL(9,2), '1234567890123456789012345678.0123456789'::DECIMAL(38,10),
       TIMESTAMP '2024-01-02 03:04:05.678901', TIMESTAMP_MS '1969-12-31 23:59:59.999', DATE '2024-02-29', [1, 2, NULL], {'x': 'y', 'z': 9223372036854775806}, '\\x00\\xFF'::BLOB, 'nan'::DOUBLE, ''::VARCHAR),
      (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
    ) AS t(i, l, s, b, d, c, h, t, m, day, list, struct, blob, nan, empty)`,
  );
  for (const codec of ['uncompressed', 'snappy', 'gzip', 'zstd', 'lz4_raw', 'brotli'])
    await write(
      codec,
      `SELECT i::BIGINT AS i, CASE WHEN i % 3 = 0 THEN NULL ELSE 'row ' || i END AS s FROM range(${codec === 'zstd' ? ROWS : 3000}) AS r(i)`,
      `, COMPRESSION ${codec}, ROW_GROUP_SIZE 200000`,
    );
  database.close();
});

function lines(name: string, options: Partial<ParquetOptions> = {}): string[] {
  const reader = new ParquetReader(path(name), { source: 's', timestamp: 5, ...options });
  const found: string[] = [];
  for (let view = reader.poll(1 << 20); view !== null; view = reader.poll(1 << 20)) {
    for (let i = 0; i < view.count; i++) found.push(view.buffer.toString('utf8', view.valueStart[i], view.valueEnd[i]));
  }
  expect(reader.reached(reader.end())).toBe(true);
  reader.close();
  return found;
}

describe('rows of a Parquet file', () => {
  test('become JSON with exact digits', () => {
    const [full, nulls] = lines('types', { bytes: new Set(['blob']), micros: new Set(['m']) });
    expect(full).toBe(
      '{"i":1,"l":9223372036854775807,"s":"a \\"b\\" é 😀","b":true,"d":1.5,"c":-12345.67,"h":1234567890123456789012345678.0123456789,"t":1704164645678,"m":-1000,"day":"2024-02-29",' +
        '"list":[1,2,null],"struct":{"x":"y","z":9223372036854775806},"blob":"\\u0000ÿ","nan":"NaN","empty":""}',
    );
    expect(Object.values(JSON.parse(nulls))).toEqual(new Array(15).fill(null));
    expect(lines('types', { columns: new Set(['t', 's']), micros: new Set(['t']) })[0]).toBe('{"s":"a \\"b\\" é 😀","t":1704164645678901}');
  });

  test.each(['uncompressed', 'snappy', 'gzip', 'lz4_raw', 'brotli'])('%s', (codec) => {
    expect(lines(codec)).toEqual(Array.from({ length: 3000 }, (_, i) => JSON.stringify({ i, s: i % 3 === 0 ? null : `row ${i}` })));
  });

  test('are read from anywhere, over slices and row groups', () => {
    const text = (i: number) => JSON.stringify({ i, s: i % 3 === 0 ? null : `row ${i}` });
    const reader = new ParquetReader(path('zstd'), { source: 's', timestamp: 5 });
    let next = 0;
    for (let view = reader.poll(1 << 20); view !== null; view = reader.poll(1 << 20)) {
      for (let i = 0; i < view.count; i++, next++) {
        if (view.offsets[i] !== next || view.buffer.toString('utf8', view.valueStart[i], view.valueEnd[i]) !== text(next)) throw new Error(`row ${next}`);
      }
    }
    expect(next).toBe(ROWS);
    for (const offset of [0, 131_071, 131_072, 199_999, 200_000, ROWS - 1]) {
      expect(String(Buffer.from(reader.lookup(offset)?.value as Uint8Array))).toBe(text(offset));
      reader.seek({ offset });
      reader.limit({ offset: offset + 2 });
      let count = 0;
      for (let view = reader.poll(1 << 20); view !== null; view = reader.poll(1 << 20)) count += view.count;
      expect(count).toBe(Math.min(ROWS - offset, 2));
    }
    expect(reader.lookup(ROWS)).toBeNull();
    reader.close();
  });

  test('LZ4 in frames of Hadoop', () => {
    // literal abc, a match of 15 bytes 3 back, literals xyz
    const block = [0x3b, 0x61, 0x62, 0x63, 3, 0, 0x30, 0x78, 0x79, 0x7a];
    expect(String(Buffer.from(unpackLz4(Uint8Array.from(block), 21)))).toBe(`${'abc'.repeat(6)}xyz`);
    const framed = Uint8Array.from([0, 0, 0, 21, 0, 0, 0, 10, ...block, 0, 0, 0, 21, 0, 0, 0, 10, ...block]);
    expect(String(Buffer.from(unpackHadoopLz4(framed, 42)))).toBe(`${'abc'.repeat(6)}xyz`.repeat(2));
    expect(String(Buffer.from(unpackHadoopLz4(Uint8Array.from(block), 21)))).toBe(`${'abc'.repeat(6)}xyz`);
    expect(() => unpackLz4(Uint8Array.from([0x3b, 1]), 21)).toThrow('lz4');
  });

  test('what is no Parquet file is told', () => {
    writeFileSync(path('text'), 'hello, this is text\n'.repeat(100));
    expect(() => new ParquetReader(path('text'), { source: 's', timestamp: 5 })).toThrow(expect.objectContaining({ code: 'source_unreadable' }));
    writeFileSync(path('empty'), '');
    expect(() => new ParquetReader(path('empty'), { source: 's', timestamp: 5 })).toThrow(expect.objectContaining({ code: 'source_unreadable' }));
    expect(() => new ParquetReader(path('none'), { source: 's', timestamp: 5 })).toThrow(expect.objectContaining({ code: 'source_missing' }));
    truncateSync(path('gzip'), 2000);
    expect(() => new ParquetReader(path('gzip'), { source: 's', timestamp: 5 })).toThrow(expect.objectContaining({ code: 'source_unreadable' }));
  });
});
