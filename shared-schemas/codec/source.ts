import { isUtf8 } from 'node:buffer';
import { BadRecord } from './bad.ts';
import { type Exact, exact } from './exact.ts';

const f64 = new Float64Array(1);
const f32 = new Float32Array(1);
const raw = new Uint8Array(f64.buffer);
const raw32 = new Uint8Array(f32.buffer);
const EMPTY = Buffer.alloc(0);
/** V8's SlicedString::kMinLength */
const SLICED = 13;

/** A place to read in a span of a buffer; throws {@link BadRecord} at whatever is not there. Numbers are Avro's, see `sink.ts`. */
export class Source {
  buffer: Buffer = EMPTY;
  pos = 0;
  end = 0;
  #from = 0;
  /** the span as text, byte for byte, made when the first short string is cut from it */
  #text = '';

  start(buffer: Buffer, start: number, end: number): void {
    this.buffer = buffer;
    this.pos = start;
    this.end = end;
    this.#from = start;
    this.#text = '';
  }

  /** moves on by `count` and gives where that began */
  take(count: number): number {
    const from = this.pos;
    if (count < 0 || count > this.end - from) throw new BadRecord('undecodable', `the record ends ${count < 0 ? 'before it begins' : 'too early'}`);
    this.pos = from + count;
    return from;
  }

  byte(): number {
    return this.buffer[this.take(1)];
  }

  /** A 64-bit integer in the exact form: three runs of 28, 28 and 14 bits, joined as a double while that is exact. */
  long(): Exact {
    const buffer = this.buffer;
    const end = this.end;
    let pos = this.pos;
    let byte = 0x80;
    let low = 0;
    for (let shift = 0; shift < 28 && byte >= 0x80; shift += 7) {
      if (pos === end) throw new BadRecord('undecodable', 'the record ends inside a number');
      byte = buffer[pos++];
      low |= (byte & 0x7f) << shift;
    }
    if (byte < 0x80) {
      this.pos = pos;
      return (low >>> 1) ^ -(low & 1);
    }
    let mid = 0;
    for (let shift = 0; shift < 28 && byte >= 0x80; shift += 7) {
      if (pos === end) throw new BadRecord('undecodable', 'the record ends inside a number');
      byte = buffer[pos++];
      mid |= (byte & 0x7f) << shift;
    }
    let high = 0;
    for (let shift = 0; shift < 14 && byte >= 0x80; shift += 7) {
      if (pos === end) throw new BadRecord('undecodable', 'the record ends inside a number');
      byte = buffer[pos++];
      high |= (byte & 0x7f) << shift;
    }
    if (byte >= 0x80 || high > 0xff) throw new BadRecord('undecodable', 'a number is longer than 64 bits');
    this.pos = pos;
    if (high === 0 && mid < 0x2000000) {
      const half = mid * 0x8000000 + (low >>> 1);
      return (low & 1) === 0 ? half : -half - 1;
    }
    const zigzag = BigInt(low) | (BigInt(mid) << 28n) | (BigInt(high) << 56n);
    return exact((zigzag >> 1n) ^ -(zigzag & 1n));
  }

  /** A number that must be an index or a length: a safe integer. */
  count(): number {
    const value = this.long();
    if (typeof value === 'bigint') throw new BadRecord('undecodable', `a length of ${value}`);
    return value;
  }

  double(): number {
    const from = this.take(8);
    for (let i = 0; i < 8; i++) raw[i] = this.buffer[from + i];
    return f64[0];
  }

  float(): number {
    const from = this.take(4);
    for (let i = 0; i < 4; i++) raw32[i] = this.buffer[from + i];
    return f32[0];
  }

  /** a copy of the next `size` bytes */
  raw(size: number): Uint8Array {
    const from = this.take(size);
    return new Uint8Array(this.buffer.subarray(from, from + size));
  }

  bytes(): Uint8Array {
    return this.raw(this.count());
  }

  string(): string {
    const size = this.count();
    const from = this.take(size);
    if (size < SLICED && this.#isAscii(from, from + size)) {
      // a call into Node costs more than a short string is worth; V8 copies what is cut out below SLICED, above it would keep the whole
      if (this.#text === '') this.#text = this.buffer.latin1Slice(this.#from, this.end);
      return this.#text.substring(from - this.#from, from - this.#from + size);
    }
    const text = this.buffer.utf8Slice(from, from + size);
    // U+FFFD is what bad bytes turn into, and a letter in its own right
    if (text.includes('\ufffd') && !isUtf8(this.buffer.subarray(from, from + size))) throw new BadRecord('undecodable', 'a string is not UTF-8');
    return text;
  }

  #isAscii(from: number, to: number): boolean {
    for (let i = from; i < to; i++) if (this.buffer[i] > 0x7f) return false;
    return true;
  }
}
