import { rowMaker } from './row.ts';
import type { Row, RowDecoder, RowEncoder } from './types.ts';

const makers = new Map<string, () => Row>();

/** Making a maker compiles code, which would be most of a property test's time. */
function emptyRow(slots: readonly string[]): Row {
  const name = slots.join();
  let make = makers.get(name);
  if (make === undefined) {
    make = rowMaker(slots);
    makers.set(name, make);
  }
  return make();
}

/** For tests: a row of these slots and values. */
export function rowOf(values: Row): Row {
  return Object.assign(emptyRow(Object.keys(values)), values);
}

/** For tests: encodes in the middle of a buffer, grown as callers do, and gives the bytes; checks that nothing before or behind was touched. */
export function encoded(encode: RowEncoder, row: Row): Buffer {
  for (let size = 8; ; size *= 2) {
    const buffer = Buffer.alloc(size, 0xa5);
    const end = encode(row, buffer, 3);
    if (end < 0) continue;
    if (!buffer.subarray(0, 3).equals(Buffer.alloc(3, 0xa5)) || !buffer.subarray(end).equals(Buffer.alloc(size - end, 0xa5)))
      throw new Error('wrote outside its bounds');
    return buffer.subarray(3, end);
  }
}

/** For tests: decodes from the middle of a buffer of other bytes; the flaw, or the row's values as a plain object. */
export function decoded(decode: RowDecoder, slots: readonly string[], bytes: Uint8Array): Row | { flaw: string; message: string } {
  const buffer = Buffer.concat([Buffer.from('"}x'), bytes, Buffer.from('"}]1')]);
  const row = emptyRow(slots);
  const flaw = decode(row, buffer, 3, 3 + bytes.length);
  return flaw === undefined ? { ...row } : { flaw: flaw.code, message: flaw.message };
}
