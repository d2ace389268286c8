import { MillraceError } from '@millrace/runtime/errors.ts';
import type { BatchView, StoredRecord } from './log.ts';
import { BASE_TIMESTAMP, HEAD, recordsIn } from './recordbatch.ts';
import { behind, readInt64, readVarint, readVarlong } from './varint.ts';

const nothing = Buffer.alloc(0);

/** A batch view whose arrays are kept and refilled by its reader. */
export class Spans implements BatchView {
  readonly topic: string;
  readonly partition: number;
  buffer: Buffer = nothing;
  count = 0;
  offsets: Float64Array;
  timestamps: Float64Array;
  keyStart: Int32Array;
  keyEnd: Int32Array;
  valueStart: Int32Array;
  valueEnd: Int32Array;
  headersStart: Int32Array;
  headersEnd: Int32Array;

  constructor(topic: string, partition: number, capacity = 512) {
    this.topic = topic;
    this.partition = partition;
    this.offsets = new Float64Array(capacity);
    this.timestamps = new Float64Array(capacity);
    this.keyStart = new Int32Array(capacity);
    this.keyEnd = new Int32Array(capacity);
    this.valueStart = new Int32Array(capacity);
    this.valueEnd = new Int32Array(capacity);
    this.headersStart = new Int32Array(capacity);
    this.headersEnd = new Int32Array(capacity);
  }

  /** Makes room for at least `records` records; those there are kept. */
  reserve(records: number): void {
    if (records <= this.offsets.length) return;
    const capacity = Math.max(records, this.offsets.length * 2);
    const doubles = (old: Float64Array) => {
      const larger = new Float64Array(capacity);
      larger.set(old);
      return larger;
    };
    const ints = (old: Int32Array) => {
      const larger = new Int32Array(capacity);
      larger.set(old);
      return larger;
    };
    this.offsets = doubles(this.offsets);
    this.timestamps = doubles(this.timestamps);
    this.keyStart = ints(this.keyStart);
    this.keyEnd = ints(this.keyEnd);
    this.valueStart = ints(this.valueStart);
    this.valueEnd = ints(this.valueEnd);
    this.headersStart = ints(this.headersStart);
    this.headersEnd = ints(this.headersEnd);
  }

  release(): void {}
}

/** Walks the records of one batch at a time, as far as asked. */
export class BatchCursor {
  /** records not yet read */
  remaining = 0;
  #buffer: Buffer = nothing;
  #pos = 0;
  #end = 0;
  #baseOffset = 0;
  #baseTimestamp = 0;

  /** Begins with the batch at `buffer[start, end)`. */
  open(buffer: Buffer, start: number, end: number): void {
    this.openRecords(buffer, start, buffer, start + HEAD, end);
  }

  /** Begins with the batch whose head is at `head[headStart]` and whose records are at `buffer[start, end)`: apart from it when they came compressed. */
  openRecords(head: Buffer, headStart: number, buffer: Buffer, start: number, end: number): void {
    this.#buffer = buffer;
    this.#baseOffset = readInt64(head, headStart);
    this.#baseTimestamp = readInt64(head, headStart + BASE_TIMESTAMP);
    this.remaining = recordsIn(head, headStart);
    this.#pos = start;
    this.#end = end;
  }

  close(): void {
    this.remaining = 0;
  }

  /** Passes over the records below `offset`. */
  skipTo(offset: number): void {
    for (; this.remaining > 0; this.remaining--) {
      const length = readVarint(this.#buffer, this.#pos);
      const body = behind;
      readVarlong(this.#buffer, body + 1);
      if (this.#baseOffset + readVarint(this.#buffer, behind) >= offset) return;
      this.#pos = body + length;
    }
  }

  /** Adds records to the view until it holds `maxRecords`, or `maxBytes` of this batch are passed (one record at least); gives the offset behind the last. */
  read(view: Spans, maxBytes: number, maxRecords: number): number {
    const buffer = this.#buffer;
    const base = this.#baseOffset;
    const baseTimestamp = this.#baseTimestamp;
    view.reserve(view.count + Math.min(this.remaining, maxRecords - view.count));
    const { offsets, timestamps, keyStart, keyEnd, valueStart, valueEnd, headersStart, headersEnd } = view;
    const limit = this.#pos + maxBytes;
    let pos = this.#pos;
    let n = view.count;
    let { remaining } = this;
    let next = base;
    while (remaining > 0 && n < maxRecords) {
      const length = readVarint(buffer, pos);
      const end = behind + length;
      if (length < 0 || end > this.#end)
        throw new MillraceError('storage_corrupt', `A batch of ${view.topic}/${view.partition} at offset ${base} is not well formed.`);
      timestamps[n] = baseTimestamp + readVarlong(buffer, behind + 1);
      const offset = base + readVarint(buffer, behind);
      offsets[n] = offset;
      const keyLength = readVarint(buffer, behind);
      pos = behind;
      keyStart[n] = pos;
      if (keyLength < 0) keyEnd[n] = -1;
      else keyEnd[n] = pos += keyLength;
      const valueLength = readVarint(buffer, pos);
      pos = behind;
      valueStart[n] = pos;
      if (valueLength < 0) valueEnd[n] = -1;
      else valueEnd[n] = pos += valueLength;
      headersStart[n] = pos;
      headersEnd[n] = buffer[pos] === 0 ? -1 : end;
      pos = end;
      next = offset + 1;
      n++;
      remaining--;
      if (pos >= limit) break;
    }
    view.count = n;
    this.#pos = pos;
    this.remaining = remaining;
    return next;
  }
}

/** A copy of the record at `offset` of a batch that holds it. */
export function copyRecord(batch: Buffer, offset: number): StoredRecord | null {
  const cursor = new BatchCursor();
  cursor.open(batch, 0, batch.length);
  cursor.skipTo(offset);
  if (cursor.remaining === 0) return null;
  const view = new Spans('', 0, 1);
  cursor.read(view, 1, 1);
  if (view.offsets[0] !== offset) return null;
  const span = (start: number, end: number) => (end < 0 ? null : Uint8Array.prototype.slice.call(batch, start, end));
  return { key: span(view.keyStart[0], view.keyEnd[0]), value: span(view.valueStart[0], view.valueEnd[0]), timestamp: view.timestamps[0] };
}
