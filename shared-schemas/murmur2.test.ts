import { expect, test } from 'vitest';
import { murmur2, partitionOf } from './murmur2.ts';

// from Kafka's own org.apache.kafka.common.utils.UtilsTest#testMurmur2
test.each([
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
])('murmur2 of %s', (text, hash) => {
  const bytes = Buffer.from(text);
  expect(murmur2(bytes)).toBe(hash);
  const inside = Buffer.concat([Buffer.from('zz'), bytes, Buffer.from('z')]);
  expect(murmur2(inside, 2, 2 + bytes.length)).toBe(hash);
  expect(partitionOf(inside, 2, 2 + bytes.length, 7)).toBe((hash & 0x7fffffff) % 7);
});

test('the empty key', () => {
  expect(murmur2(Buffer.alloc(0))).toBe(275646681);
});
