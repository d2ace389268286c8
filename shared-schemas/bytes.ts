import { type Exact, exact } from './codec/exact.ts';
import { fromTwos, toTwos } from './codec/twos.ts';
import type { SqlType, Value } from './types.ts';
import { VarintReader, writeVarint } from './varint.ts';

/**
 * The bytes of saved state. Made of:
 *
 * | part | bytes |
 * |---|---|
 * | varint | zigzag varint of an integer from −2^53 to 2^53 |
 * | f64 | 8 bytes, little-endian IEEE 754, bit for bit |
 * | text | varint of the length in UTF-8, then that |
 * | bytes | varint of the length, then that |
 * | integer | an exact integer of any size: varint 0 and a varint when safe, else varint of the length and big-endian two's complement |
 * | value | a byte 0 for NULL, else 1 and the value as its type has it (`ByteWriter.value`) |
 */
const f64 = new Float64Array(1);
const raw = new Uint8Array(f64.buffer);

/** Appends to a buffer of its own, which grows and is used again. */
export class ByteWriter {
  #buffer: Buffer;
  #pos = 0;

  constructor(size = 256) {
    this.#buffer = Buffer.alloc(size);
  }

  get length(): number {
    return this.#pos;
  }

  #room(count: number): void {
    const needed = this.#pos + count;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.alloc(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#pos);
    this.#buffer = larger;
  }

  varint(value: number): void {
    this.#room(8);
    this.#pos = writeVarint(value, this.#buffer, this.#pos);
  }

  byte(value: number): void {
    this.#room(1);
    this.#buffer[this.#pos++] = value;
  }

  f64(value: number): void {
    this.#room(8);
    f64[0] = value;
    for (let i = 0; i < 8; i++) this.#buffer[this.#pos + i] = raw[i];
    this.#pos += 8;
  }

  text(value: string): void {
    const size = Buffer.byteLength(value);
    this.varint(size);
    this.#room(size);
    this.#pos += this.#buffer.utf8Write(value, this.#pos, size);
  }

  bytes(value: Uint8Array): void {
    this.varint(value.length);
    this.#room(value.length);
    this.#buffer.set(value, this.#pos);
    this.#pos += value.length;
  }

  integer(value: Exact): void {
    if (typeof value === 'number') {
      this.varint(0);
      this.varint(value);
    } else {
      this.bytes(toTwos(value, null) as Uint8Array);
    }
  }

  /** A value of a type: integers, decimals and timestamps as `integer`, floats as `f64`, lists and maps as a varint count and their entries. */
  value(type: SqlType, value: Value): void {
    this.byte(value === null ? 0 : 1);
    if (value === null) return;
    switch (type.kind) {
      case 'BOOLEAN':
        this.byte(value === true ? 1 : 0);
        return;
      case 'FLOAT':
      case 'DOUBLE':
        this.f64(value as number);
        return;
      case 'VARCHAR':
        this.text(value as string);
        return;
      case 'BLOB':
        this.bytes(value as Uint8Array);
        return;
      case 'LIST': {
        const list = value as readonly Value[];
        this.varint(list.length);
        for (const item of list) this.value(type.of, item);
        return;
      }
      case 'MAP': {
        const map = value as ReadonlyMap<string, Value>;
        this.varint(map.size);
        for (const [key, item] of map) {
          this.text(key);
          this.value(type.of, item);
        }
        return;
      }
      case 'STRUCT':
        for (const field of type.fields) this.value(field.type, (value as { readonly [name: string]: Value })[field.name]);
        return;
      default:
        this.integer(value as Exact);
    }
  }

  /** a copy of what was written; the writer begins anew */
  finish(): Uint8Array {
    // small ones share their memory: thousands of buffers of their own cost more than what is in them
    const bytes = Buffer.from(this.#buffer.subarray(0, this.#pos));
    this.#pos = 0;
    return bytes;
  }
}

/** Reads what a {@link ByteWriter} wrote, in the same order. Throws when there is less: saved state that does not read back is a defect or a damaged disk. */
export class ByteReader {
  readonly #in = new VarintReader();
  #buffer: Buffer = Buffer.alloc(0);

  constructor(bytes?: Uint8Array) {
    if (bytes !== undefined) this.start(bytes);
  }

  start(bytes: Uint8Array): void {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#in.start(this.#buffer, 0, bytes.length);
  }

  /** whether all has been read */
  get done(): boolean {
    return this.#in.pos === this.#in.end;
  }

  varint(): number {
    const value = this.#in.read();
    if (!this.#in.good) throw new Error('saved state ends too early');
    return value;
  }

  #skip(count: number): number {
    const from = this.#in.skip(count);
    if (!this.#in.good) throw new Error('saved state ends too early');
    return from;
  }

  byte(): number {
    return this.#buffer[this.#skip(1)];
  }

  f64(): number {
    const from = this.#skip(8);
    for (let i = 0; i < 8; i++) raw[i] = this.#buffer[from + i];
    return f64[0];
  }

  text(): string {
    const from = this.#skip(this.varint());
    return this.#buffer.utf8Slice(from, this.#in.pos);
  }

  /** a view of the bytes read from, not a copy */
  bytes(): Uint8Array {
    const from = this.#skip(this.varint());
    return this.#buffer.subarray(from, this.#in.pos);
  }

  integer(): Exact {
    const size = this.varint();
    if (size === 0) return this.varint();
    const from = this.#skip(size);
    return exact(BigInt(fromTwos(this.#buffer.subarray(from, from + size))));
  }

  value(type: SqlType): Value {
    if (this.byte() === 0) return null;
    switch (type.kind) {
      case 'BOOLEAN':
        return this.byte() === 1;
      case 'FLOAT':
      case 'DOUBLE':
        return this.f64();
      case 'VARCHAR':
        return this.text();
      case 'BLOB':
        return new Uint8Array(this.bytes());
      case 'LIST': {
        const list: Value[] = [];
        for (let left = this.varint(); left > 0; left--) list.push(this.value(type.of));
        return list;
      }
      case 'MAP': {
        const map = new Map<string, Value>();
        for (let left = this.varint(); left > 0; left--) {
          const key = this.text();
          map.set(key, this.value(type.of));
        }
        return map;
      }
      case 'STRUCT': {
        const struct: { [name: string]: Value } = {};
        for (const field of type.fields) struct[field.name] = this.value(field.type);
        return struct;
      }
      default:
        return this.integer();
    }
  }
}
