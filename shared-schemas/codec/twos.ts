import { BadRecord } from './bad.ts';
import { type Exact, exact } from './exact.ts';

/** Big-endian two's complement, as Avro holds the unscaled integer of a decimal: the shortest form, or exactly `size` bytes. Null when it does not fit. */
export function toTwos(value: Exact, size: number | null): Uint8Array | null {
  let rest = BigInt(value);
  const bytes: number[] = [];
  do {
    bytes.push(Number(rest & 0xffn));
    rest >>= 8n;
  } while (!((rest === 0n && bytes[bytes.length - 1] < 0x80) || (rest === -1n && bytes[bytes.length - 1] >= 0x80)));
  if (size !== null) {
    if (bytes.length > size) return null;
    const fill = value < 0 ? 0xff : 0;
    while (bytes.length < size) bytes.push(fill);
  }
  return Uint8Array.from(bytes.reverse());
}

/** The integer of a big-endian two's complement; the span is at most 64 bytes, else the record is bad. */
export function fromTwos(bytes: Uint8Array): Exact {
  if (bytes.length === 0) return 0;
  if (bytes.length > 64) throw new BadRecord('undecodable', `a decimal of ${bytes.length} bytes`);
  if (bytes.length <= 6) {
    let small = bytes[0] >= 0x80 ? bytes[0] - 256 : bytes[0];
    for (let i = 1; i < bytes.length; i++) small = small * 256 + bytes[i];
    return small;
  }
  let value = BigInt(bytes[0] >= 0x80 ? bytes[0] - 256 : bytes[0]);
  for (let i = 1; i < bytes.length; i++) value = (value << 8n) | BigInt(bytes[i]);
  return exact(value);
}
