import { type Exact, exact } from './exact.ts';

/** Big-endian two's complement, as Avro holds the unscaled integer of a decimal: the shortest form, or exactly `size` bytes. Null when it does not fit. */
export function toTwos(value: Exact, size: number | null): Uint8Array | null {
  const big = BigInt(value);
  // a negative needs as many bits as its complement, and either needs one more for the sign
  const bits = (big < 0n ? ~big : big).toString(2).length + 1;
  const length = big === 0n || big === -1n ? 1 : Math.ceil(bits / 8);
  if (size !== null && length > size) return null;
  const width = size ?? length;
  if (width === 0) return big === 0n ? new Uint8Array(0) : null;
  return new Uint8Array(
    Buffer.from(
      BigInt.asUintN(width * 8, big)
        .toString(16)
        .padStart(width * 2, '0'),
      'hex',
    ),
  );
}

/** The integer of a big-endian two's complement of any length. */
export function fromTwos(bytes: Uint8Array): Exact {
  if (bytes.length === 0) return 0;
  if (bytes.length <= 6) {
    let small = bytes[0] >= 0x80 ? bytes[0] - 256 : bytes[0];
    for (let i = 1; i < bytes.length; i++) small = small * 256 + bytes[i];
    return small;
  }
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
  return exact(BigInt.asIntN(bytes.length * 8, BigInt(`0x${hex}`)));
}
