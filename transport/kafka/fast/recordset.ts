import { MillraceError } from '@millrace/runtime/errors.ts';
import { HEAD, recordsIn } from '../../recordbatch.ts';
import type { BatchCursor } from '../../spans.ts';
import { codecOf, endOfBatch, isControl, isCurrentFormat, isIntact, isTransactional, offsetBehind, producerOf } from './batchhead.ts';
import type { Frame } from './frames.ts';
import { inflate } from './library.ts';

/** A transaction that was aborted: its writer, and where it began in the partition. */
export interface Aborted {
  readonly producer: number;
  readonly first: number;
}

/** The record batches that one answer of a broker holds of one partition, passed one at a time. */
export class RecordSet {
  readonly buffer: Buffer;
  readonly frame: Frame | null;
  /** offset behind the last whole batch; −1 when there is none */
  readonly behind: number;
  readonly #place: string;
  readonly #end: number;
  /** by their beginning, the first last */
  readonly #aborted: Aborted[];
  readonly #skipping = new Set<number>();
  #start: number;
  #seen = -1;
  #data = false;

  constructor(place: string, buffer: Buffer, start: number, end: number, aborted: readonly Aborted[], frame: Frame | null = null) {
    this.#place = place;
    this.buffer = buffer;
    this.frame = frame;
    this.#start = start;
    this.#aborted = aborted.length === 0 ? [] : [...aborted].sort((a, b) => b.first - a.first);
    let last = -1;
    let pos = start;
    for (let next = endOfBatch(buffer, pos, end); next >= 0; next = endOfBatch(buffer, pos, end)) {
      last = pos;
      pos = next;
    }
    this.#end = pos;
    this.behind = last < 0 ? -1 : offsetBehind(buffer, last);
  }

  /** bytes from the current batch on */
  get bytes(): number {
    return this.#end - this.#start;
  }

  get done(): boolean {
    return this.#start >= this.#end;
  }

  /** where the current batch begins in `buffer` */
  get start(): number {
    return this.#start;
  }

  /** offset behind the current batch */
  get next(): number {
    return offsetBehind(this.buffer, this.#start);
  }

  /** bytes of the current batch */
  get size(): number {
    return endOfBatch(this.buffer, this.#start, this.#end) - this.#start;
  }

  /** whether the current batch has records for a reader: not a marker, nor a part of an aborted transaction */
  get data(): boolean {
    if (this.#seen !== this.#start) {
      this.#data = this.#judge();
      this.#seen = this.#start;
    }
    return this.#data;
  }

  #judge(): boolean {
    const { buffer } = this;
    const start = this.#start;
    if (!isCurrentFormat(buffer, start))
      throw new MillraceError('broker_refused', `${this.#place} holds records in a format from before Kafka 0.11, which millrace does not read.`);
    const { next } = this;
    for (let first = this.#aborted.at(-1); first !== undefined && first.first < next; first = this.#aborted.at(-1)) {
      this.#skipping.add(first.producer);
      this.#aborted.pop();
    }
    if (isControl(buffer, start)) {
      // a marker ends its writer's transaction; what the writer appends after it is another one
      this.#skipping.delete(producerOf(buffer, start));
      return false;
    }
    if (this.#skipping.size > 0 && isTransactional(buffer, start) && this.#skipping.has(producerOf(buffer, start))) return false;
    return recordsIn(buffer, start) > 0;
  }

  pass(): void {
    this.#start += this.size;
  }

  /** Opens the current batch; gives the buffer that its records are in. */
  open(cursor: BatchCursor): Buffer {
    const { buffer } = this;
    const start = this.#start;
    const end = start + this.size;
    if (!isIntact(buffer, start, end))
      throw new MillraceError('broker_refused', `A batch of ${this.#place} below offset ${this.next} came damaged: its checksum is wrong.`);
    const codec = codecOf(buffer, start);
    if (codec === 0) {
      cursor.open(buffer, start, end);
      return buffer;
    }
    let records: Buffer | null;
    try {
      records = inflate(codec, buffer.subarray(start + HEAD, end));
    } catch (error) {
      throw new MillraceError('broker_refused', `A compressed batch of ${this.#place} below offset ${this.next} cannot be read.`, { cause: error });
    }
    if (records === null)
      throw new MillraceError('broker_refused', `${this.#place} holds batches compressed by codec ${codec}, which this Node.js does not have.`);
    cursor.openRecords(buffer, start, records, 0, records.length);
    return records;
  }
}
