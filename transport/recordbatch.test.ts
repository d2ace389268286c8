import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BatchBuilder } from './recordbatch.ts';

const BLOCK = 30;

/** Adds a record with that many bytes of value and a header block, written behind the value or elsewhere. */
function add(batch: BatchBuilder, size: number, block: Buffer, inPlace: boolean): void {
  let pos = batch.begin(1000, Buffer.from('key'), 0, 3);
  while (batch.buffer.length - pos < size) pos = batch.grow();
  const end = pos + size;
  batch.buffer.fill(0x76, pos, end);
  if (!inPlace || batch.buffer.length - end < block.length) batch.end(end, block, 0, block.length);
  else {
    block.copy(batch.buffer, end);
    batch.end(end, batch.buffer, end, end + block.length);
  }
}

test('a header block that stands behind its value already makes the same bytes, whatever sizes were guessed', () => {
  // sizes around those where a length takes one byte more, and where the first buffer ends
  const size = fc.oneof(fc.nat(200), fc.constantFrom(0, 63, 64, 8191, 8192), fc.integer({ min: 16_000, max: 16_384 }));
  fc.assert(
    fc.property(fc.array(fc.tuple(size, fc.nat(BLOCK)), { maxLength: 20 }), (records) => {
      const elsewhere = new BatchBuilder();
      const inPlace = new BatchBuilder();
      for (const [bytes, length] of records) {
        const block = Buffer.alloc(length + 1, 0x68);
        add(elsewhere, bytes, block, false);
        add(inPlace, bytes, block, true);
      }
      expect(inPlace.finish(7).equals(elsewhere.finish(7))).toBe(true);
    }),
    { numRuns: 500 },
  );
});
