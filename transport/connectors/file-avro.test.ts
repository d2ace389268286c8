import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { avroDecoder } from '@millrace/shared-schemas/avro.ts';
import { afterAll, describe, expect, test } from 'vitest';
import { AvroFileReader, avroFileSchema } from './file-avro.ts';

const dir = mkdtempSync(join(tmpdir(), 'millrace-avro-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** 100 rows that fastavro wrote in blocks of about 100 bytes */
const bytesOf = (codec: string): Buffer => readFileSync(new URL(`../../shared-schemas/vectors/container-${codec}.avro`, import.meta.url));
const options = { source: 's', timestamp: 7 };
const BIG = { offset: -1, byte: 1e9 };

function fileOf(name: string, bytes: Uint8Array): string {
  const path = join(dir, name);
  writeFileSync(path, bytes);
  return path;
}

function rows(reader: AvroFileReader, path: string, maxRecords?: number): [offset: number, v: unknown, n: unknown][] {
  const decode = avroDecoder(avroFileSchema(path), { v: 'v', n: 'n' });
  const found: [number, unknown, unknown][] = [];
  for (let view = reader.poll(1 << 20, maxRecords); view !== null; view = reader.poll(1 << 20, maxRecords)) {
    expect(view.count).toBeLessThanOrEqual(maxRecords ?? Number.POSITIVE_INFINITY);
    for (let i = 0; i < view.count; i++) {
      const row: Record<string, unknown> = { v: null, n: null };
      expect(decode(row as never, view.buffer, view.valueStart[i] as number, view.valueEnd[i] as number)).toBeUndefined();
      expect(view.timestamps[i]).toBe(7);
      found.push([view.offsets[i] as number, row['v'], row['n']]);
    }
  }
  return found;
}

const all = Array.from({ length: 100 }, (_, i) => [i, String(i), i]);

describe.each(['null', 'deflate'])('a container file, codec %s', (codec) => {
  const path = fileOf(`${codec}.avro`, bytesOf(codec));

  test.each([undefined, 1, 7])('is read whole, at most %s records a poll', (most) => {
    const reader = new AvroFileReader(path, options);
    reader.limit(reader.end());
    expect(rows(reader, path, most)).toEqual(all);
    expect(reader.reached(reader.end())).toBe(true);
    reader.close();
  });

  test('goes on from every position, the block in hand once more', () => {
    const reader = new AvroFileReader(path, options);
    for (let taken = 0; taken < 100; taken += 3) {
      const { position } = reader;
      expect(position.offset).toBeLessThanOrEqual(taken);
      const other = new AvroFileReader(path, options, position);
      expect(rows(other, path)).toEqual(all.slice(position.offset));
      other.seek(position);
      expect(rows(other, path, 2)).toEqual(all.slice(position.offset));
      other.close();
      for (let left = 3; left > 0 && taken + left < 100; ) left -= reader.poll(1 << 20, left)?.count ?? left;
    }
    reader.close();
  });

  test('gives earlier records again, in any order', () => {
    const reader = new AvroFileReader(path, options);
    rows(reader, path);
    const decode = avroDecoder(avroFileSchema(path), { v: 'v', n: 'n' });
    for (const offset of [99, 0, 50, 51, 12]) {
      const record = reader.lookup(offset);
      const row = { v: null, n: null };
      const value = Buffer.from(record?.value as Uint8Array);
      decode(row, value, 0, value.length);
      expect(row).toEqual({ v: String(offset), n: offset });
      expect(record).toMatchObject({ key: null, timestamp: 7 });
    }
    expect(reader.lookup(100)).toBeNull();
    reader.close();
  });

  test('that grows by blocks is followed; a limit inside a block is an error', () => {
    const bytes = bytesOf(codec);
    const growing = fileOf('growing.avro', bytes.subarray(0, bytes.length - 5));
    const reader = new AvroFileReader(growing, options);
    const before = rows(reader, growing);
    expect(before.length).toBeGreaterThan(0);
    expect(before.length).toBeLessThan(100);
    expect(reader.reached(reader.end())).toBe(false);
    reader.limit(reader.end());
    expect(() => reader.poll(1)).toThrow(expect.objectContaining({ code: 'source_unreadable', message: expect.stringContaining('cut off') }));
    reader.limit(null);
    appendFileSync(growing, bytes.subarray(bytes.length - 5));
    expect([...before, ...rows(reader, growing)]).toEqual(all);
    reader.close();
  });
});

test('a block longer than a first read', () => {
  const bytes = bytesOf('null');
  const schema = avroFileSchema(fileOf('small.avro', bytes));
  expect(schema.json).toMatchObject({ name: 'Line' });
  const sync = bytes.subarray(bytes.length - 16);
  const zigzag = (n: number): Buffer => {
    const out: number[] = [];
    for (let left = n * 2; ; left = Math.floor(left / 128)) {
      if (left < 128) return Buffer.from([...out, left]);
      out.push((left % 128) | 128);
    }
  };
  const text = 'é'.repeat(200_000);
  const record = Buffer.concat([zigzag(400_000), Buffer.from(text), zigzag(5)]);
  const path = fileOf('long.avro', Buffer.concat([bytes, zigzag(2), zigzag(record.length * 2), record, record, sync, zigzag(0), zigzag(0), sync]));
  const reader = new AvroFileReader(path, options);
  reader.limit(BIG);
  expect(rows(reader, path).slice(100)).toEqual([
    [100, text, 5],
    [101, text, 5],
  ]);
  expect(reader.reached(reader.end())).toBe(true);
  reader.close();
});

describe('what is no container', () => {
  const bytes = bytesOf('null');
  test.each([
    ['JSON', Buffer.from('{"a":1}\n'), 'no Avro object container'],
    ['nothing', Buffer.alloc(0), 'ends before its head does'],
    ['half a head', bytes.subarray(0, 30), 'ends before its head does'],
  ])('%s', (_, content, message) => {
    const path = fileOf('other.avro', content);
    const wanted = expect.objectContaining({ code: 'source_unreadable', message: expect.stringContaining(message) });
    expect(() => new AvroFileReader(path, options)).toThrow(wanted);
    expect(() => avroFileSchema(path)).toThrow(wanted);
  });

  test('a damaged block is named with its file and place', () => {
    const broken = Buffer.from(bytes);
    broken[broken.length - 3] = (broken[broken.length - 3] as number) ^ 1;
    const path = fileOf('broken.avro', broken);
    const reader = new AvroFileReader(path, options);
    expect(() => rows(reader, path)).toThrow(/broken\.avro: the block does not end in the file's marker \(byte \d+\)/);
    reader.close();
  });

  test('a missing file', () => {
    expect(() => new AvroFileReader(join(dir, 'none.avro'), options)).toThrow(expect.objectContaining({ code: 'source_missing' }));
  });
});

test('text that is no UTF-8 spoils its own record only', () => {
  const bytes = Buffer.from(bytesOf('null'));
  bytes[bytes.indexOf('\u000450') + 1] = 0xff;
  const path = fileOf('text.avro', bytes);
  const reader = new AvroFileReader(path, options);
  const decode = avroDecoder(avroFileSchema(path), { v: 'v', n: 'n' });
  const flawed: number[] = [];
  let count = 0;
  for (let view = reader.poll(1 << 20); view !== null; view = reader.poll(1 << 20)) {
    for (let i = 0; i < view.count; i++, count++) {
      const flaw = decode({ v: null, n: null }, view.buffer, view.valueStart[i] as number, view.valueEnd[i] as number);
      if (flaw) flawed.push(view.offsets[i] as number);
    }
  }
  expect([count, flawed]).toEqual([100, [50]]);
  reader.close();
});
