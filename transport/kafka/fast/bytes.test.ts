import { expect, test } from 'vitest';
import { Decoder, Encoder } from './bytes.ts';
import { fetch } from './fetch-request.ts';
import { produce } from './produce-request.ts';

test('what is encoded comes back, over the ends of chunks', () => {
  const out = new Encoder(8);
  out
    .int8(-1)
    .int16(-2)
    .int32(-3)
    .int64(2 ** 53 - 1)
    .int64(-1)
    .bool(true)
    .unsigned(0)
    .unsigned(127)
    .unsigned(128)
    .unsigned(0xfffffff);
  out
    .string('wheel')
    .string('')
    .string(null)
    .string('ü'.repeat(200))
    .array([1, 2, 3], (value) => out.int32(value));
  out
    .array(null, () => {})
    .bytes(Buffer.from('raw'))
    .tags()
    .int32(7);
  const answer = new Decoder(Buffer.concat(out.finish()));
  expect([answer.int8(), answer.int16(), answer.int32(), answer.int64(), answer.int64(), answer.int8()]).toEqual([-1, -2, -3, 2 ** 53 - 1, -1, 1]);
  expect([answer.unsigned(), answer.unsigned(), answer.unsigned(), answer.unsigned()]).toEqual([0, 127, 128, 0xfffffff]);
  expect([answer.string(), answer.string(), answer.string(), answer.string()]).toEqual(['wheel', '', null, 'ü'.repeat(200)]);
  expect(answer.array(() => answer.int32())).toEqual([1, 2, 3]);
  expect(answer.array(() => answer.int32())).toEqual([]);
  const length = answer.bytes();
  expect(answer.buffer.toString('utf8', answer.pos - length, answer.pos)).toBe('raw');
  answer.tags();
  expect(answer.int32()).toBe(7);
  expect(answer.pos).toBe(answer.buffer.length);
  expect(() => answer.int32()).toThrow(RangeError);
});

test('tagged fields that we do not know are passed over', () => {
  const answer = new Decoder(Buffer.from([2, 0, 1, 9, 5, 2, 9, 9, 42]));
  answer.tags();
  expect(answer.int8()).toBe(42);
});

test('bytes that are longer than their buffer are an error', () => {
  expect(() => new Decoder(Buffer.from([10, 1, 2])).bytes()).toThrow(RangeError);
});

test('a fetch request byte for byte, as the protocol lays it out', () => {
  const { key, version, body } = fetch(
    [
      { topic: 'a', partition: 1, next: 5, wanted: 1000 },
      { topic: 'a', partition: 2, next: 2 ** 32, wanted: 16 },
    ],
    50,
    4096,
  );
  expect([key, version]).toEqual([1, 12]);
  const partition = (index: string, offset: string, bytes: string) => `${index}ffffffff${offset}ffffffffffffffffffffffff${bytes}00`;
  expect(Buffer.concat(body).toString('hex')).toBe(
    [
      'ffffffff', // replica
      '00000032', // max wait
      '00000001', // min bytes
      '00001000', // max bytes
      '01', // read committed
      '00000000', // no session
      'ffffffff',
      '02', // one topic
      '0261',
      '03',
      partition('00000001', '0000000000000005', '000003e8'),
      partition('00000002', '0000000100000000', '00000010'),
      '00',
      '01', // none forgotten
      '01', // no rack
      '00',
    ].join(''),
  );
});

test('a fetch answer gives where the records of each partition are', () => {
  const out = new Encoder();
  out.int32(0).int16(0).int32(0).unsigned(2).string('a').unsigned(3);
  out.int32(1).int16(0).int64(9).int64(8).int64(2).unsigned(2).int64(77).int64(3).tags().int32(-1).bytes(Buffer.from('records')).tags();
  out.int32(2).int16(6).int64(-1).int64(-1).int64(-1).unsigned(0).int32(-1).unsigned(0).tags();
  out.tags().tags();
  const { error, partitions } = fetch([], 0, 0).parse(new Decoder(Buffer.concat(out.finish())));
  expect(error).toBe(0);
  expect(partitions.map(({ topic, partition, error, stable, start, aborted }) => ({ topic, partition, error, stable, start, aborted }))).toEqual([
    { topic: 'a', partition: 1, error: 0, stable: 8, start: 2, aborted: [{ producer: 77, first: 3 }] },
    { topic: 'a', partition: 2, error: 6, stable: -1, start: -1, aborted: [] },
  ]);
  expect(partitions.map(({ buffer, from, to }) => buffer.toString('utf8', from, to))).toEqual(['records', '']);
});

test('a produce request holds the batches themselves, not copies', () => {
  const bytes = Buffer.from('batch');
  const { key, version, body } = produce('tx', 100, [{ topic: 'a', partition: 3, bytes }]);
  expect([key, version]).toEqual([0, 9]);
  expect(Buffer.concat(body).toString('hex')).toBe(
    ['037478', 'ffff', '00000064', '02', '0261', '02', '00000003', '06', bytes.toString('hex'), '00', '00', '00'].join(''),
  );
  expect(body).toContain(bytes);
});
