import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeHeader, encodeHeartbeat, HEADER_NAME, HeaderReader, headerBlock, MAX_HEADER, readHeaders } from './header.ts';

const BIG = Number.MAX_SAFE_INTEGER;
const count = fc.oneof(fc.nat(), fc.nat({ max: BIG }), fc.constantFrom(0, 1, 63, 64, BIG));
const time = fc.oneof(fc.integer(), fc.maxSafeInteger(), fc.constantFrom(0, -1, -BIG, BIG, 2 ** 30, -(2 ** 30), -(2 ** 30) - 1));
const watermark = fc.oneof(time, fc.constantFrom(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY));

test('a record header comes back as it was, other headers before or behind it', () => {
  const reader = new HeaderReader();
  fc.assert(
    fc.property(count, count, watermark, fc.option(watermark), time, fc.integer({ min: -1 }), count, (writer, seq, mark, other, eventTime, origin, offset) => {
      const judged = other ?? mark;
      const buffer = Buffer.alloc(MAX_HEADER + 5, 0xff);
      const end = encodeHeader(writer, seq, mark, judged, eventTime, origin, offset, buffer, 5);
      expect(end).toBeLessThanOrEqual(buffer.length);
      const expected = { heartbeat: false, writer, seq, watermark: mark, judged, eventTime, origin, originOffset: offset };
      expect(reader.read(buffer, 5, end)).toBe(true);
      expect(reader).toMatchObject(expected);
      const own = buffer.subarray(5, end);
      const foreign = headerBlock([['trace', Buffer.from('x')], ['n', null], ['mm', Buffer.alloc(0)], ...readHeaders(own, 0, own.length)]);
      expect(reader.read(foreign, 0, foreign.length)).toBe(true);
      expect(reader).toMatchObject(expected);
      const behind = headerBlock([['error.code', Buffer.from('late')]], own);
      expect(reader.read(behind, 0, behind.length)).toBe(true);
      expect(reader).toMatchObject(expected);
      expect(readHeaders(behind, 0, behind.length).map(([name]) => name)).toStrictEqual([HEADER_NAME, 'error.code']);
    }),
    { numRuns: 2000 },
  );
});

test('heartbeats are told apart from records', () => {
  const reader = new HeaderReader();
  const buffer = Buffer.alloc(MAX_HEADER);
  for (const kind of ['watermark', 'idle', 'end', 'final'] as const) {
    for (const mark of [Number.NEGATIVE_INFINITY, -5, 1700000000000, Number.POSITIVE_INFINITY]) {
      const end = encodeHeartbeat({ kind, writer: 300, seq: 0, watermark: mark, run: 2 }, buffer, 0);
      expect(reader.read(buffer, 0, end)).toBe(true);
      expect(reader).toMatchObject({ heartbeat: true, kind, writer: 300, seq: 0, watermark: mark, run: 2 });
    }
  }
});

test('the bytes', () => {
  const buffer = Buffer.alloc(MAX_HEADER);
  expect(buffer.subarray(0, encodeHeader(1, 2, -1, -1, 3, -1, 300, buffer, 0)).toString('hex')).toBe('02026d10000204010601d804');
  expect(buffer.subarray(0, encodeHeader(1, 2, -1, 4, 3, -1, 300, buffer, 0)).toString('hex')).toBe('02026d12000204010601d80408');
  expect(buffer.subarray(0, encodeHeartbeat({ kind: 'idle', writer: 1, seq: 2, watermark: Number.NEGATIVE_INFINITY, run: 0 }, buffer, 0)).toString('hex')).toBe(
    '02026d180402' + '04ffffffffffffff1f00',
  );
});

test('no block, a block without ours, and any bytes at all never throw', () => {
  const reader = new HeaderReader();
  expect(reader.read(Buffer.alloc(0), 0, 0)).toBe(false);
  expect(reader.read(Buffer.alloc(9), 4, -1)).toBe(false);
  expect(readHeaders(Buffer.alloc(9), 4, -1)).toStrictEqual([]);
  const foreign = headerBlock([['mine', Buffer.from('x')]]);
  expect(reader.read(foreign, 0, foreign.length)).toBe(false);
  const nothing = headerBlock([[HEADER_NAME, null]]);
  expect(reader.read(nothing, 0, nothing.length)).toBe(false);
  const buffer = Buffer.alloc(MAX_HEADER);
  const end = encodeHeader(1, 2, 3, 3, 4, 5, 6, buffer, 0);
  for (let cut = 0; cut < end; cut++) expect(reader.read(buffer, 0, cut)).toBe(false);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 30 }), (bytes) => {
      reader.read(bytes, 0, bytes.length);
      readHeaders(bytes, 0, bytes.length);
    }),
  );
});

test('a block of any headers reads back', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.string({ unit: 'grapheme' }), fc.option(fc.uint8Array({ maxLength: 200 }))), { maxLength: 5 }), (headers) => {
      const block = headerBlock(headers);
      expect(readHeaders(block, 0, block.length)).toStrictEqual(headers.map(([name, value]) => [name, value === null ? null : Buffer.from(value)]));
    }),
  );
});
