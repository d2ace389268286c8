import type { TextSpan } from '../text-span.ts';
import { varintSize, writeVarint } from '../varint.ts';
import type { Exact } from './exact.ts';

const f64 = new Float64Array(1);
const f32 = new Float32Array(1);
const raw = new Uint8Array(f64.buffer);
const raw32 = new Uint8Array(f32.buffer);
const EMPTY = Buffer.alloc(0);

/**
 * A place to write in a buffer. Writing past the buffer's end writes nothing and is seen at the end only: `done()` is −1.
 * All numbers are Avro's: zigzag varints, little-endian doubles.
 */
export class Sink {
  buffer: Buffer = EMPTY;
  pos = 0;
  private limit = 0;

  start(buffer: Buffer, pos: number): void {
    this.buffer = buffer;
    this.limit = buffer.length;
    this.pos = pos;
  }

  /** the position behind what was written, or −1 when it did not fit */
  done(): number {
    return this.pos <= this.limit ? this.pos : -1;
  }

  /** whether `count` more bytes fit; when not, everything after is void too */
  room(count: number): boolean {
    if (this.pos + count <= this.limit) return true;
    this.pos = this.limit + 1;
    return false;
  }

  byte(value: number): void {
    if (this.room(1)) this.buffer[this.pos++] = value;
  }

  int(value: number): void {
    if (value >= -0x40000000 && value < 0x40000000) {
      let rest = (value << 1) ^ (value >> 31);
      let size = 1;
      for (let left = rest >>> 7; left !== 0; left >>>= 7) size++;
      if (!this.room(size)) return;
      const buffer = this.buffer;
      let pos = this.pos;
      while (rest > 0x7f) {
        buffer[pos++] = (rest & 0x7f) | 0x80;
        rest >>>= 7;
      }
      buffer[pos++] = rest;
      this.pos = pos;
    } else {
      this.safe(value);
    }
  }

  /** Any exact integer. The zigzag of one above 2^52 is no safe integer, so its sign bit is kept apart. */
  long(value: Exact): void {
    if (typeof value === 'bigint') this.big(value);
    else this.int(value);
  }

  private safe(value: number): void {
    if (this.room(varintSize(value))) this.pos = writeVarint(value, this.buffer, this.pos);
  }

  private big(value: bigint): void {
    let rest = value >= 0n ? value << 1n : (-value << 1n) - 1n;
    while (rest > 0x7fn) {
      this.byte(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    this.byte(Number(rest));
  }

  double(value: number): void {
    if (!this.room(8)) return;
    f64[0] = value;
    this.copy(raw);
  }

  float(value: number): void {
    if (!this.room(4)) return;
    f32[0] = value;
    this.copy(raw32);
  }

  private copy(bytes: Uint8Array): void {
    const buffer = this.buffer;
    let pos = this.pos;
    for (let i = 0; i < bytes.length; i++) buffer[pos++] = bytes[i];
    this.pos = pos;
  }

  /** raw bytes, no length */
  raw(bytes: Uint8Array): void {
    if (!this.room(bytes.length)) return;
    this.buffer.set(bytes, this.pos);
    this.pos += bytes.length;
  }

  bytes(bytes: Uint8Array): void {
    this.int(bytes.length);
    this.raw(bytes);
  }

  /** length, then UTF-8 */
  string(text: string): void {
    const length = text.length;
    if (length < 64 && this.room(length + 1)) {
      const buffer = this.buffer;
      const start = this.pos + 1;
      let i = 0;
      for (; i < length; i++) {
        const code = text.charCodeAt(i);
        if (code > 0x7f) break;
        buffer[start + i] = code;
      }
      if (i === length) {
        buffer[this.pos] = length << 1;
        this.pos = start + length;
        return;
      }
    }
    const size = Buffer.byteLength(text);
    this.int(size);
    this.utf8(text, size);
  }

  /** length, then the span's bytes */
  span({ buffer: source, start, end }: TextSpan): void {
    const length = end - start;
    if (length > 63) {
      this.bytes(source.subarray(start, end));
      return;
    }
    if (!this.room(length + 1)) return;
    const buffer = this.buffer;
    let pos = this.pos;
    buffer[pos++] = length << 1;
    for (let i = start; i < end; i++) buffer[pos++] = source[i];
    this.pos = pos;
  }

  /** UTF-8 of known size, no length */
  utf8(text: string, size: number): void {
    if (!this.room(size)) return;
    if (size === text.length) this.buffer.latin1Write(text, this.pos, size);
    else this.buffer.utf8Write(text, this.pos, size);
    this.pos += size;
  }
}

declare global {
  // Node's own, of which its types say nothing: writes and slices that need not look up an encoding first.
  interface Buffer<TArrayBuffer extends ArrayBufferLike = ArrayBufferLike> extends Uint8Array<TArrayBuffer> {
    latin1Write(text: string, pos: number, length?: number): number;
    utf8Write(text: string, pos: number, length?: number): number;
    latin1Slice(start: number, end: number): string;
    utf8Slice(start: number, end: number): string;
  }
}
