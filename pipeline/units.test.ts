import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatDuration, formatSize, parseDuration, parseSize } from './units.ts';

test.for([
  ['250ms', 250],
  ['2s', 2000],
  ['1.5h', 5_400_000],
  ['0.001s', 1],
  ['7d', 604_800_000],
  ['-5m', -300_000],
  ['0s', 0],
  ['-0s', 0],
  ['0.5ms', null],
  ['1.0001s', null],
  ['5', null],
  ['s', null],
  ['5 s', null],
  ['5S', null],
  ['1e3s', null],
  ['+5s', null],
  ['5s ', null],
  ['999999999999d', null],
  ['5constructor', null],
] as const)('%s is %s ms', ([text, ms]) => {
  expect(parseDuration(text)).toBe(ms);
});

test.for([
  ['100B', 100],
  ['1.5KiB', 1536],
  ['64MiB', 67_108_864],
  ['1GiB', 1_073_741_824],
  ['1MB', null],
  ['-1B', null],
  ['1.5B', null],
] as const)('%s is %s bytes', ([text, bytes]) => {
  expect(parseSize(text)).toBe(bytes);
});

test('what is formatted parses to itself', () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 10 ** 12 }), (n) => parseDuration(formatDuration(n)) === n && parseSize(formatSize(n)) === n));
});
