import { varintSize, writeInt64, writeVarint, writeVarlong } from './varint.ts';

/**
 * One batch's bytes: Kafka's record batch, format 2 (https://kafka.apache.org/documentation/#recordbatch), uncompressed.
 *
 *     head, 61 bytes: base offset i64 · length i32 · leader epoch i32 · magic i8 · crc i32 · attributes i16 · last offset delta i32 ·
 *                     base timestamp i64 · max timestamp i64 · producer id i64 · producer epoch i16 · base sequence i32 · records i32
 *     a record:       length · attributes i8 · timestamp delta · offset delta · key length, key · value length, value · header block
 *
 * Lengths and deltas of a record are zigzag varints, −1 for a null. LMDB's pages come or fail as a whole, so the crc stays 0 there.
 */
export const HEAD = 61;
const MAGIC = 2;
const AT = {
  length: 8,
  epoch: 12,
  magic: 16,
  attributes: 21,
  lastDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  sequence: 53,
  count: 57,
};
/** most that a record takes beside its key, value and headers: varints of 5, 10 and 5 bytes, the attributes, two lengths of 5, an empty header block */
const OVERHEAD = 32;
const FIRST_CAPACITY = 16 * 1024;
/** a buffer that one huge record has grown beyond this is not kept */
const KEEP_CAPACITY = 4 * 1024 * 1024;

const noBytes = new Uint8Array(0);

/** Copies `source[start, end)`; a loop beats the call for short keys. */
function copy(target: Buffer, pos: number, source: Uint8Array, start: number, end: number): void {
  if (end - start < 48) for (let at = start; at < end; at++) target[pos++] = source[at];
  else target.set(source.subarray(start, end), pos);
}

/**
 * Encodes the records of one batch in place. The value goes behind lengths whose sizes are guessed from the record before;
 * a wrong guess costs one shift of that record's bytes.
 */
export class BatchBuilder {
  buffer: Buffer = Buffer.allocUnsafeSlow(FIRST_CAPACITY);
  /** complete records */
  count = 0;
  /** bytes up to the last complete record's end, the head included */
  size = HEAD;
  #baseTimestamp = 0;
  #maxTimestamp = 0;
  #lengthGuess = 2;
  #valueGuess = 2;
  // the record begun, or the last one
  #timestamp = 0;
  #start = 0;
  #keyStart = 0;
  #keyEnd = -1;
  #valueStart = -1;
  #open = false;

  /** Begins a record and gives the position of its value. `keyEnd` −1: null key. */
  begin(timestamp: number, key: Uint8Array, keyStart: number, keyEnd: number): number {
    if (this.#open) throw new Error('a record is begun already');
    const keyLength = keyEnd < 0 ? -1 : keyEnd - keyStart;
    this.#reserve(this.size, OVERHEAD + keyLength);
    if (this.count === 0) this.#baseTimestamp = timestamp;
    const { buffer } = this;
    this.#start = this.size;
    let pos = this.size + this.#lengthGuess;
    buffer[pos++] = 0;
    pos = writeVarlong(buffer, pos, timestamp - this.#baseTimestamp);
    pos = writeVarint(buffer, pos, this.count);
    pos = writeVarint(buffer, pos, keyLength);
    if (keyLength > 0) copy(buffer, pos, key, keyStart, keyEnd);
    this.#keyStart = pos;
    this.#keyEnd = keyLength < 0 ? -1 : pos + keyLength;
    this.#valueStart = pos + Math.max(0, keyLength) + this.#valueGuess;
    this.#timestamp = timestamp;
    this.#open = true;
    return this.#valueStart;
  }

  /** Makes at least twice the room for the value begun. */
  grow(): number {
    this.#reserve(this.#valueStart, (this.buffer.length - this.#valueStart) * 2 + FIRST_CAPACITY);
    return this.#valueStart;
  }

  /**
   * Completes the record begun; `valueEnd` −1: null value. `headers` holds a header block in Kafka's layout; one that was written into this batch's
   * `buffer` right behind the value stays there.
   */
  end(valueEnd: number, headers: Uint8Array = noBytes, headersStart = 0, headersEnd = headers.length): void {
    if (!this.#open) throw new Error('no record is begun');
    const length = valueEnd < 0 ? -1 : valueEnd - this.#valueStart;
    const block = Math.max(1, headersEnd - headersStart);
    const last = Math.max(valueEnd, this.#valueStart);
    this.#reserve(last, block + 10);
    // not when there was no room: the block is in the buffer before then
    const inPlace = headers === this.buffer && headersStart === valueEnd;
    const valueSize = varintSize(length);
    const lengthAt = this.#valueStart - this.#valueGuess;
    let pos = lengthAt + valueSize + Math.max(0, length);
    if (valueSize !== this.#valueGuess) {
      if (length >= 0) this.buffer.copyWithin(lengthAt + valueSize, this.#valueStart, inPlace ? headersEnd : valueEnd);
      if (length > 0) this.#valueGuess = valueSize;
    }
    this.#valueStart = lengthAt + valueSize;
    writeVarint(this.buffer, lengthAt, length);
    if (headersEnd <= headersStart) this.buffer[pos] = 0;
    else if (!inPlace) copy(this.buffer, pos, headers, headersStart, headersEnd);
    pos += block;
    this.#close(pos, length);
  }

  #close(end: number, valueLength: number): void {
    const bodyStart = this.#start + this.#lengthGuess;
    const body = end - bodyStart;
    const size = varintSize(body);
    const shift = size - this.#lengthGuess;
    if (shift !== 0) {
      this.buffer.copyWithin(this.#start + size, bodyStart, end);
      this.#lengthGuess = size;
      this.#keyStart += shift;
      if (this.#keyEnd >= 0) this.#keyEnd += shift;
      this.#valueStart += shift;
    }
    writeVarint(this.buffer, this.#start, body);
    this.size = end + shift;
    this.#valueEnd = valueLength < 0 ? -1 : this.#valueStart + valueLength;
    if (this.count === 0 || this.#timestamp > this.#maxTimestamp) {
      this.#priorMax = this.#maxTimestamp;
      this.#maxTimestamp = this.#timestamp;
    } else this.#priorMax = this.#maxTimestamp;
    this.count++;
    this.#open = false;
  }
  #valueEnd = -1;
  #priorMax = 0;

  /** Forgets the record begun. */
  abandon(): void {
    this.#open = false;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** Takes the last complete record out of this batch and makes it the next of another. */
  moveLast(to: BatchBuilder): void {
    const { buffer } = this;
    const end = this.size;
    let pos = to.begin(this.#timestamp, buffer, this.#keyStart, this.#keyEnd);
    let valueEnd = -1;
    if (this.#valueEnd >= 0) {
      const length = this.#valueEnd - this.#valueStart;
      while (to.buffer.length - pos < length) pos = to.grow();
      buffer.copy(to.buffer, pos, this.#valueStart, this.#valueEnd);
      valueEnd = pos + length;
    }
    to.end(valueEnd, buffer, this.#valueEnd >= 0 ? this.#valueEnd : this.#valueStart, end);
    this.size = this.#start;
    this.count--;
    this.#maxTimestamp = this.#priorMax;
  }

  /** Writes the head and gives the batch's bytes, which stand until `reset` or the next `begin`. */
  finish(baseOffset: number): Buffer {
    const { buffer } = this;
    buffer.fill(0, 0, HEAD);
    writeInt64(buffer, 0, baseOffset);
    buffer.writeInt32BE(this.size - AT.epoch, AT.length);
    buffer[AT.magic] = MAGIC;
    buffer.writeInt32BE(this.count - 1, AT.lastDelta);
    writeInt64(buffer, AT.baseTimestamp, this.#baseTimestamp);
    writeInt64(buffer, AT.maxTimestamp, this.#maxTimestamp);
    writeInt64(buffer, AT.producerId, -1);
    buffer.writeInt16BE(-1, AT.producerEpoch);
    buffer.writeInt32BE(-1, AT.sequence);
    buffer.writeInt32BE(this.count, AT.count);
    return buffer.subarray(0, this.size);
  }

  /** Empties the batch. */
  reset(): void {
    if (this.buffer.length > KEEP_CAPACITY) this.buffer = Buffer.allocUnsafeSlow(FIRST_CAPACITY);
    this.count = 0;
    this.size = HEAD;
    this.#open = false;
  }

  /** Room for `more` bytes behind `used`, which are kept. */
  #reserve(used: number, more: number): void {
    if (used + more <= this.buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.buffer.length * 2, used + more));
    this.buffer.copy(larger, 0, 0, used);
    this.buffer = larger;
  }
}

/** Records in a batch, from its head. */
export function recordsIn(batch: Buffer, start = 0): number {
  return batch.readInt32BE(start + AT.count);
}

/** Base timestamp of a batch, from its head. */
export const BASE_TIMESTAMP = AT.baseTimestamp;
