import type { Appender } from './log.ts';
import { BatchBuilder, HEAD } from './recordbatch.ts';

/** batches are cut here: below Kafka's usual limit of 1 MiB */
const CUT = 900 * 1024;
const noBytes = new Uint8Array(0);

/** Pending batches of one partition, in order; the last one is being filled. */
interface Pending {
  readonly done: BatchBuilder[];
  filling: BatchBuilder;
}

/** Encodes records into batches a partition and keeps them until the transport has committed them. */
export class BatchAppender implements Appender {
  readonly topic: string;
  readonly partitions: number;
  readonly #flush: (appender: BatchAppender) => void | Promise<void>;
  readonly #pending: Pending[];
  readonly #spare: BatchBuilder[] = [];
  #at: Pending;
  #records = 0;
  #bytes = 0;

  constructor(topic: string, partitions: number, flush: (appender: BatchAppender) => void | Promise<void>) {
    this.topic = topic;
    this.partitions = partitions;
    this.#flush = flush;
    this.#pending = Array.from({ length: partitions }, () => ({ done: [], filling: new BatchBuilder() }));
    this.#at = this.#pending[0];
  }

  get buffer(): Buffer {
    return this.#at.filling.buffer;
  }

  begin(partition: number, timestamp: number, key: Uint8Array, keyStart: number, keyEnd: number): number {
    const at = this.#pending[partition];
    if (at === undefined) throw new RangeError(`${this.topic} has no partition ${partition}`);
    if (this.#at.filling.isOpen) throw new Error('a record is begun already');
    this.#at = at;
    return at.filling.begin(timestamp, key, keyStart, keyEnd);
  }

  grow(): number {
    return this.#at.filling.grow();
  }

  end(valueEnd: number, headers: Uint8Array = noBytes, headersStart = 0, headersEnd = headers.length): void {
    const at = this.#at;
    const before = at.filling.size;
    at.filling.end(valueEnd, headers, headersStart, headersEnd);
    this.#bytes += at.filling.size - before;
    this.#records++;
    if (at.filling.size <= CUT || at.filling.count === 1) return;
    const full = at.filling;
    at.filling = this.#spare.pop() ?? new BatchBuilder();
    full.moveLast(at.filling);
    at.done.push(full);
  }

  abandon(): void {
    this.#at.filling.abandon();
  }

  null(
    partition: number,
    timestamp: number,
    key: Uint8Array,
    keyStart: number,
    keyEnd: number,
    headers?: Uint8Array,
    headersStart?: number,
    headersEnd?: number,
  ): void {
    this.begin(partition, timestamp, key, keyStart, keyEnd);
    this.end(-1, headers, headersStart, headersEnd);
  }

  get pendingBytes(): number {
    return this.#bytes;
  }

  get pendingRecords(): number {
    return this.#records;
  }

  /** The pending batches of a partition in order, for the transport's commit. */
  *batches(partition: number): Generator<BatchBuilder> {
    const { done, filling } = this.#pending[partition];
    yield* done;
    if (filling.count > 0) yield filling;
  }

  /** Drops everything pending: it is committed, or not wanted. */
  discard(): void {
    if (this.#records === 0 && !this.#at.filling.isOpen) return;
    for (const pending of this.#pending) {
      for (const batch of pending.done) {
        batch.reset();
        if (this.#spare.length < 4) this.#spare.push(batch);
      }
      pending.done.length = 0;
      if (pending.filling.size > HEAD || pending.filling.isOpen) pending.filling.reset();
    }
    this.#records = 0;
    this.#bytes = 0;
  }

  /**
   * Takes the pending batches out, for a commit that is not done on return; the appender may be filled again meanwhile.
   * `discard` touches them no more: `giveBack` them when they are written.
   */
  take(): { readonly partition: number; readonly batches: BatchBuilder[] }[] {
    const taken: { partition: number; batches: BatchBuilder[] }[] = [];
    for (const [partition, pending] of this.#pending.entries()) {
      if (pending.filling.isOpen) throw new Error('a record is begun');
      const batches = pending.done.splice(0);
      if (pending.filling.count > 0) {
        batches.push(pending.filling);
        pending.filling = this.#spare.pop() ?? new BatchBuilder();
      }
      if (batches.length > 0) taken.push({ partition, batches });
    }
    this.#records = 0;
    this.#bytes = 0;
    return taken;
  }

  giveBack(batches: readonly BatchBuilder[]): void {
    for (const batch of batches) {
      batch.reset();
      if (this.#spare.length < this.partitions + 4) this.#spare.push(batch);
    }
  }

  async flush(): Promise<void> {
    await this.#flush(this);
  }
}
