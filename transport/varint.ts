/**
 * Zigzag varints as Kafka writes them: 7 bits a byte, lowest first. A reader leaves the position behind the number in
 * `behind`, so that reading one makes no object.
 */
export let behind = 0;

const TWO_32 = 2 ** 32;

/** Bytes that a 32-bit integer takes. */
export function varintSize(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0;
  if (zigzag < 0x80) return 1;
  if (zigzag < 0x4000) return 2;
  if (zigzag < 0x200000) return 3;
  return zigzag < 0x10000000 ? 4 : 5;
}

/** Writes a 32-bit integer and gives the position behind it. */
export function writeVarint(buffer: Uint8Array, pos: number, value: number): number {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  while (rest > 0x7f) {
    buffer[pos++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  buffer[pos++] = rest;
  return pos;
}

/** Writes any safe integer (a `varlong`) and gives the position behind it. */
export function writeVarlong(buffer: Uint8Array, pos: number, value: number): number {
  if (value >= -0x40000000 && value < 0x40000000) return writeVarint(buffer, pos, value);
  // zigzag by arithmetic: 2v for v ≥ 0, −2v − 1 below; beyond 2^53 a double would round, so the halves are kept apart
  const magnitude = value < 0 ? -value - 1 : value;
  let high = Math.floor(magnitude / 2 ** 31);
  let low = ((magnitude % 2 ** 31) * 2 + (value < 0 ? 1 : 0)) >>> 0;
  while (high > 0 || low > 0x7f) {
    buffer[pos++] = (low & 0x7f) | 0x80;
    low = ((low >>> 7) | ((high & 0x7f) << 25)) >>> 0;
    high = Math.floor(high / 128);
  }
  buffer[pos++] = low;
  return pos;
}

/** Reads a 32-bit integer. */
export function readVarint(buffer: Uint8Array, pos: number): number {
  let byte = buffer[pos++];
  let value = byte & 0x7f;
  for (let shift = 7; byte > 0x7f && shift < 35; shift += 7) {
    byte = buffer[pos++];
    value |= (byte & 0x7f) << shift;
  }
  behind = pos;
  return (value >>> 1) ^ -(value & 1);
}

/** Reads an integer of up to 64 bits; exact to ±2^53. */
export function readVarlong(buffer: Uint8Array, pos: number): number {
  let low = 0;
  let high = 0;
  let byte = 0x80;
  for (let index = 0; byte > 0x7f && index < 10; index++) {
    byte = buffer[pos++];
    const bits = byte & 0x7f;
    if (index < 4) low |= bits << (index * 7);
    else if (index === 4) {
      low |= bits << 28;
      high = bits >>> 4;
    } else high += bits * 2 ** (index * 7 - 32);
  }
  behind = pos;
  const half = high * 2 ** 31 + (low >>> 1);
  return low & 1 ? -half - 1 : half;
}

/** Writes a big-endian 64-bit integer (a safe one). */
export function writeInt64(buffer: Buffer, pos: number, value: number): void {
  buffer.writeInt32BE(Math.floor(value / TWO_32), pos);
  buffer.writeUInt32BE(value >>> 0, pos + 4);
}

/** Reads a big-endian 64-bit integer; exact to ±2^53. */
export function readInt64(buffer: Buffer, pos: number): number {
  return buffer.readInt32BE(pos) * TWO_32 + buffer.readUInt32BE(pos + 4);
}
