import { MillraceError } from '@millrace/runtime/errors.ts';
import type { Position, Reader, StoredRecord } from './log.ts';
import { BatchCursor, copyRecord, Spans } from './spans.ts';

/** The batches of one partition, by base offset. What a call gives stands until the next call on the same transport. */
export interface BatchStore {
  /** the batch that begins at `base`, among all that is committed now */
  at(base: number): Uint8Array | undefined;
  /** the batch with the highest base ≤ `offset` */
  covering(offset: number): Uint8Array | undefined;
  start(): number;
  end(): number;
}

/** a buffer beyond this is given back after the view that needed it */
const KEEP_CAPACITY = 4 * 1024 * 1024;

/** Reads a partition batch by batch, copying each into a buffer of its own: small batches join in one view, a large one is handed out in parts. */
export class BatchReader implements Reader {
  readonly #store: BatchStore;
  readonly #view: Spans;
  readonly #cursor = new BatchCursor();
  #buffer = Buffer.allocUnsafeSlow(64 * 1024);
  #next: number;
  #limit = Number.POSITIVE_INFINITY;

  constructor(topic: string, partition: number, store: BatchStore, from: Position) {
    this.#store = store;
    this.#view = new Spans(topic, partition);
    this.#next = from.offset;
  }

  get position(): Position {
    return { offset: this.#next };
  }

  seek(position: Position): void {
    this.#next = position.offset;
    this.#cursor.close();
  }

  poll(maxBytes: number, maxRecords = Number.POSITIVE_INFINITY): Spans | null {
    const view = this.#view;
    view.count = 0;
    // nothing was read yet, so nothing that was read is gone
    if (this.#next === 0) this.#next = this.#store.start();
    const most = Math.min(maxRecords, this.#limit - this.#next);
    if (most <= 0) return null;
    if (this.#cursor.remaining > 0) {
      this.#next = this.#cursor.read(view, maxBytes, most);
      return view;
    }
    if (this.#buffer.length > KEEP_CAPACITY) this.#buffer = Buffer.allocUnsafeSlow(64 * 1024);
    let used = 0;
    while (used < maxBytes && view.count < most && this.#cursor.remaining === 0) {
      const batch = this.#store.at(this.#next) ?? (view.count > 0 ? undefined : this.#locate());
      if (batch === undefined) break;
      const end = used + batch.length;
      if (end > this.#buffer.length) this.#enlarge(end, used);
      this.#buffer.set(batch, used);
      this.#cursor.open(this.#buffer, used, end);
      this.#cursor.skipTo(this.#next);
      this.#next = this.#cursor.read(view, maxBytes - used, most);
      used = end;
    }
    view.buffer = this.#buffer;
    return view.count === 0 ? null : view;
  }

  #enlarge(capacity: number, used: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(capacity, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, used);
    this.#buffer = larger;
  }

  /** The batch that holds the next offset in its middle; undefined at the end of the log. */
  #locate(): Uint8Array | undefined {
    const end = this.#store.end();
    if (this.#next === end) return undefined;
    const place = `${this.#view.topic}/${this.#view.partition}`;
    if (this.#next > end) throw new MillraceError('log_too_short', `${place} ends at offset ${end}, but was read up to ${this.#next} before.`);
    const start = this.#store.start();
    if (this.#next < start) throw new MillraceError('records_gone', `${place} begins at offset ${start}, but the next record to read is ${this.#next}.`);
    return this.#store.covering(this.#next);
  }

  end(): Position {
    return { offset: this.#store.end() };
  }

  reached(end: Position): boolean {
    return this.#next >= end.offset;
  }

  limit(end: Position | null): void {
    this.#limit = end === null ? Number.POSITIVE_INFINITY : end.offset;
  }

  lookup(offset: number): StoredRecord | null {
    const batch = this.#store.covering(offset);
    return batch === undefined ? null : copyRecord(Buffer.from(batch), offset);
  }

  close(): void {
    this.#cursor.close();
    this.#view.count = 0;
  }
}
