import type { BatchView } from '../../log.ts';
import type { Feed } from '../client.ts';
import { type Chunk, chunkOf, type FetchedPartition, takeFrom } from './chunk.ts';

/** One partition's place in the fetching, and what has been fetched of it and not polled. */
export class KafkajsFeed implements Feed {
  readonly topic: string;
  readonly partition: number;
  end = -1;
  start = -1;
  position: number;
  /** where the next fetch begins */
  fetchOffset: number;
  /** broker that leads the partition; null: to be found */
  leader: number | null = null;
  /** ask for it by itself: the last answer does not say whose the error was, or came empty */
  alone = false;
  /** the last answer held nothing though there is something */
  stuck = false;
  closed = false;
  /** raised by `seek`: what is on the way is of no use */
  generation = 0;
  /** runs from the first failure of a row */
  patience: NodeJS.Timeout | undefined;
  readonly #prefetch: number;
  readonly #changed: (feed: KafkajsFeed) => void;
  #chunks: Chunk[] = [];
  #bytes = 0;
  #failure: Error | null = null;

  constructor(topic: string, partition: number, offset: number, prefetch: number, changed: (feed: KafkajsFeed) => void) {
    this.topic = topic;
    this.partition = partition;
    this.position = offset;
    this.fetchOffset = offset;
    this.#prefetch = prefetch;
    this.#changed = changed;
  }

  /** bytes that may still be fetched ahead */
  get room(): number {
    return this.#prefetch - this.#bytes;
  }

  get active(): boolean {
    return !this.closed && this.#failure === null;
  }

  poll(maxBytes: number, maxRecords = Number.POSITIVE_INFINITY): BatchView | null {
    for (let chunk = this.#chunks[0]; chunk !== undefined; chunk = this.#chunks[0]) {
      const view = chunk.taken < chunk.records.count ? takeFrom(chunk, maxBytes, maxRecords) : null;
      if (view !== null) this.position = view.offsets[view.count - 1] + 1;
      if (chunk.taken >= chunk.records.count) this.#drop();
      if (view !== null) return view;
    }
    if (this.#failure !== null) throw this.#failure;
    return null;
  }

  /** forgets the first chunk: it is taken, or was empty */
  #drop(): void {
    const chunk = this.#chunks.shift() as Chunk;
    const full = this.room <= 0;
    this.#bytes -= chunk.records.buffer.length;
    this.position = chunk.next;
    if (full && this.room > 0) this.#changed(this);
  }

  seek(offset: number): void {
    if (offset === this.position && this.#failure === null) return;
    this.position = offset;
    const first = this.#chunks[0];
    if (first !== undefined && offset >= first.from && offset <= this.fetchOffset) {
      while (this.#chunks[0] !== undefined && this.#chunks[0].next <= offset) this.#drop();
      this.position = offset;
      const chunk = this.#chunks[0];
      if (chunk === undefined) return;
      const { offsets, count } = chunk.records;
      chunk.taken = 0;
      while (chunk.taken < count && offsets[chunk.taken] < offset) chunk.taken++;
      return;
    }
    this.#chunks = [];
    this.#bytes = 0;
    this.#failure = null;
    this.#jump(offset);
    this.#changed(this);
  }

  close(): void {
    this.closed = true;
    this.#chunks = [];
    this.#bytes = 0;
    clearTimeout(this.patience);
    this.#changed(this);
  }

  #jump(offset: number): void {
    this.fetchOffset = offset;
    this.generation++;
    this.stuck = false;
    this.alone = false;
  }

  /** Takes an answer in. Tells whether it changed anything that `poll`, `position` or `end` tell. */
  take(fetched: FetchedPartition): boolean {
    clearTimeout(this.patience);
    this.patience = undefined;
    const { end, start } = this;
    this.end = Number(fetched.lastStableOffset);
    this.start = Number(fetched.lastStartOffset ?? -1);
    const chunk = chunkOf(this.topic, this.fetchOffset, fetched);
    // Nothing, though the end of what is decided is further on: another partition took all the room, or compaction left a batch without
    // records, which kafkajs swallows. Asked for by itself it must be the latter: over it, offset by offset.
    const nothing = chunk.next === this.fetchOffset && this.fetchOffset < this.end;
    if (nothing && this.stuck) return this.#pass(this.fetchOffset + 1);
    this.stuck = nothing;
    this.alone = nothing;
    if (chunk.records.count === 0) return this.#pass(chunk.next) || end !== this.end || start !== this.start;
    this.#chunks.push(chunk);
    this.#bytes += chunk.records.buffer.length;
    this.fetchOffset = chunk.next;
    return true;
  }

  /** Moves over offsets without records. */
  #pass(next: number): boolean {
    if (next === this.fetchOffset) return false;
    if (this.#chunks.length === 0) this.position = Math.max(this.position, next);
    else this.#chunks.push({ records: emptyLike(this.#chunks[0]), from: this.fetchOffset, next, taken: 0 });
    this.fetchOffset = next;
    return true;
  }

  /** The records up to `start` are gone: goes on from there, behind what is in hand. */
  skipTo(start: number): void {
    this.start = start;
    this.fetchOffset = start;
    if (this.#chunks.length === 0) this.position = start;
  }

  /** Ends it: `poll` throws this once what is in hand is taken. */
  fail(error: Error): void {
    clearTimeout(this.patience);
    this.patience = undefined;
    if (!this.closed) this.#failure = error;
  }
}

function emptyLike(chunk: Chunk): Chunk['records'] {
  return chunkOf(chunk.records.topic, 0, { partition: chunk.records.partition, lastStableOffset: '0', abortedTransactions: null, messages: [] }).records;
}
