/** of a magnitude's lower part, which with the sign makes 28 bits */
const LOW = 2 ** 27;

/**
 * Zigzag varints of integers from −2^53 to 2^53, in plain numbers. The zigzag of a large one is no safe integer, so its lowest
 * bit is kept apart from the rest. At most 8 bytes each.
 */
export function writeVarint(value: number, buffer: Uint8Array, pos: number): number {
  let at = pos;
  if (value >= -0x40000000 && value < 0x40000000) {
    let rest = (value << 1) ^ (value >> 31);
    while (rest > 0x7f) {
      buffer[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    buffer[at++] = rest;
    return at;
  }
  return writeLarge(value, buffer, at);
}

/** The same for numbers below −2^30 or from 2^30 on: 28 bits of the zigzag in four bytes, then the rest. */
function writeLarge(value: number, buffer: Uint8Array, pos: number): number {
  const magnitude = value >= 0 ? value : -value - 1;
  let high = Math.floor(magnitude / LOW);
  const low = ((magnitude - high * LOW) << 1) | (value < 0 ? 1 : 0);
  buffer[pos] = low | 0x80;
  buffer[pos + 1] = (low >>> 7) | 0x80;
  buffer[pos + 2] = (low >>> 14) | 0x80;
  buffer[pos + 3] = (low >>> 21) | 0x80;
  let at = pos + 4;
  while (high > 0x7f) {
    buffer[at++] = (high & 0x7f) | 0x80;
    high >>>= 7;
  }
  buffer[at++] = high;
  return at;
}

/** Bytes that {@link writeVarint} takes. */
export function varintSize(value: number): number {
  const magnitude = value >= 0 ? value : -value - 1;
  if (magnitude < LOW) {
    let size = 1;
    for (let left = magnitude >>> 6; left > 0; left >>>= 7) size++;
    return size;
  }
  let size = 5;
  for (let left = Math.floor(magnitude / LOW) >>> 7; left > 0; left >>>= 7) size++;
  return size;
}

/** Reads varints of a span without throwing: `good` is false once something was not there, and reads give 0. */
export class VarintReader {
  buffer: Uint8Array = new Uint8Array(0);
  pos = 0;
  end = 0;
  good = true;

  start(buffer: Uint8Array, start: number, end: number): void {
    this.buffer = buffer;
    this.pos = start;
    this.end = end;
    this.good = end >= start;
  }

  read(): number {
    const { buffer } = this;
    const last = Math.min(this.end, this.pos + 8);
    let pos = this.pos;
    let low = 0;
    let byte = 0x80;
    for (let shift = 0; byte >= 0x80 && shift < 28 && pos < last; shift += 7) {
      byte = buffer[pos++];
      low |= (byte & 0x7f) << shift;
    }
    let high = 0;
    for (let shift = 0; byte >= 0x80 && shift < 28 && pos < last; shift += 7) {
      byte = buffer[pos++];
      high |= (byte & 0x7f) << shift;
    }
    if (byte >= 0x80) {
      this.good = false;
      return 0;
    }
    this.pos = pos;
    const half = high * 0x8000000 + (low >>> 1);
    return (low & 1) === 0 ? half : -half - 1;
  }

  /** moves on by `count` bytes and gives where they begin */
  skip(count: number): number {
    const from = this.pos;
    if (count < 0 || count > this.end - from) this.good = false;
    else this.pos = from + count;
    return from;
  }
}
