import fc from 'fast-check';
import { expect, test } from 'vitest';
import { VarintReader, varintSize, writeVarint } from './varint.ts';

/** zigzag and groups of seven bits, as the format says, in bigints */
function bytesOf(value: number): number[] {
  const big = BigInt(value);
  let rest = big >= 0n ? big << 1n : (-big << 1n) - 1n;
  const bytes: number[] = [];
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return [...bytes, Number(rest)];
}

const edges = [...Array(54).keys()].flatMap((n) => [2 ** n, 2 ** n - 1]).flatMap((x) => [x, -x]);

test('writes what the format says, in the size foretold, and reads it back', () => {
  const buffer = Buffer.alloc(32);
  const reader = new VarintReader();
  const check = (value: number): void => {
    const end = writeVarint(value, buffer, 3);
    expect([...buffer.subarray(3, end)]).toEqual(bytesOf(value));
    expect(varintSize(value)).toBe(end - 3);
    reader.start(buffer, 3, end);
    expect([reader.read() === value, reader.good, reader.pos]).toEqual([true, true, end]);
  };
  edges.forEach(check);
  fc.assert(fc.property(fc.maxSafeInteger(), check));
});
