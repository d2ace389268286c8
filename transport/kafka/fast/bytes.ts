import { readInt64, writeInt64 } from '../../varint.ts';

/** bytes of a UUID */
const UUID = 16;

/** Writes the fields of a request in Kafka's flexible layout (compact strings and arrays, tagged fields), most significant byte first. */
export class Encoder {
  readonly #parts: Buffer[] = [];
  #chunk: Buffer;
  #start = 0;
  #pos = 0;

  constructor(capacity = 512) {
    this.#chunk = Buffer.allocUnsafe(capacity);
  }

  #room(bytes: number): void {
    if (this.#pos + bytes <= this.#chunk.length) return;
    this.#cut();
    this.#chunk = Buffer.allocUnsafe(Math.max(bytes, this.#chunk.length * 2));
    this.#start = 0;
    this.#pos = 0;
  }

  #cut(): void {
    if (this.#pos > this.#start) this.#parts.push(this.#chunk.subarray(this.#start, this.#pos));
    this.#start = this.#pos;
  }

  int8(value: number): this {
    this.#room(1);
    this.#pos = this.#chunk.writeInt8(value, this.#pos);
    return this;
  }

  int16(value: number): this {
    this.#room(2);
    this.#pos = this.#chunk.writeInt16BE(value, this.#pos);
    return this;
  }

  int32(value: number): this {
    this.#room(4);
    this.#pos = this.#chunk.writeInt32BE(value, this.#pos);
    return this;
  }

  int64(value: number): this {
    this.#room(8);
    writeInt64(this.#chunk, this.#pos, value);
    this.#pos += 8;
    return this;
  }

  bool(value: boolean): this {
    return this.int8(value ? 1 : 0);
  }

  unsigned(value: number): this {
    this.#room(5);
    let rest = value;
    for (; rest > 0x7f; rest >>>= 7) this.#chunk[this.#pos++] = (rest & 0x7f) | 0x80;
    this.#chunk[this.#pos++] = rest;
    return this;
  }

  /** 32 hexadecimal digits */
  uuid(value: string): this {
    this.#room(UUID);
    this.#pos += this.#chunk.write(value, this.#pos, UUID, 'hex');
    return this;
  }

  string(value: string | null): this {
    if (value === null) return this.unsigned(0);
    const bytes = Buffer.from(value);
    this.unsigned(bytes.length + 1).#room(bytes.length);
    this.#pos += bytes.copy(this.#chunk, this.#pos);
    return this;
  }

  array<T>(values: readonly T[] | null, write: (value: T) => void): this {
    if (values === null) return this.unsigned(0);
    this.unsigned(values.length + 1);
    for (const value of values) write(value);
    return this;
  }

  /** the bytes themselves, not a copy, behind their length */
  bytes(value: Buffer): this {
    this.unsigned(value.length + 1).#cut();
    this.#parts.push(value);
    return this;
  }

  /** no tagged fields */
  tags(): this {
    return this.unsigned(0);
  }

  finish(): Buffer[] {
    this.#cut();
    return this.#parts;
  }
}

/** Reads what `Encoder` writes. A read behind the end throws a RangeError. */
export class Decoder {
  readonly buffer: Buffer;
  pos = 0;

  constructor(buffer: Buffer) {
    this.buffer = buffer;
  }

  int8(): number {
    return this.buffer.readInt8(this.pos++);
  }

  int16(): number {
    const value = this.buffer.readInt16BE(this.pos);
    this.pos += 2;
    return value;
  }

  int32(): number {
    const value = this.buffer.readInt32BE(this.pos);
    this.pos += 4;
    return value;
  }

  int64(): number {
    const value = readInt64(this.buffer, this.pos);
    this.pos += 8;
    return value;
  }

  unsigned(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.buffer.readUInt8(this.pos++);
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  }

  uuid(): string {
    this.pos += UUID;
    if (this.pos > this.buffer.length) throw new RangeError('a UUID behind the end of the answer');
    return this.buffer.toString('hex', this.pos - UUID, this.pos);
  }

  string(): string | null {
    const length = this.unsigned() - 1;
    if (length < 0) return null;
    this.pos += length;
    return this.buffer.toString('utf8', this.pos - length, this.pos);
  }

  array<T>(read: () => T): T[] {
    const count = this.unsigned() - 1;
    const values: T[] = [];
    for (let index = 0; index < count; index++) values.push(read());
    return values;
  }

  /** passes over bytes behind their length; gives how many (0 for null) and leaves `pos` behind them */
  bytes(): number {
    const length = Math.max(0, this.unsigned() - 1);
    this.pos += length;
    if (this.pos > this.buffer.length) throw new RangeError('bytes behind the end of the answer');
    return length;
  }

  /** passes over tagged fields */
  tags(): void {
    for (let left = this.unsigned(); left > 0; left--) {
      this.unsigned();
      const size = this.unsigned();
      this.pos += size;
    }
  }
}
