import { MillraceError } from '@millrace/runtime/errors.ts';
import type { BatchView, Position, Reader, StoredRecord } from '../log.ts';
import type { Arrivals } from './arrivals.ts';
import type { Feed, KafkaClient } from './client.ts';
import { Lookup } from './lookup.ts';

/** Reads a partition through a feed, which is opened by the first look. */
export class KafkaReader implements Reader {
  readonly #client: KafkaClient;
  readonly #topic: string;
  readonly #partition: number;
  readonly #arrivals: Arrivals;
  #feed: Feed | null = null;
  #lookup: Lookup | null = null;
  #next: number;
  #limit = Number.POSITIVE_INFINITY;

  constructor(client: KafkaClient, topic: string, partition: number, from: Position, arrivals: Arrivals) {
    this.#client = client;
    this.#topic = topic;
    this.#partition = partition;
    this.#next = from.offset;
    this.#arrivals = arrivals;
  }

  #fed(): Feed {
    this.#feed ??= this.#client.feed(this.#topic, this.#partition, this.#next);
    return this.#feed;
  }

  get position(): Position {
    return { offset: this.#next };
  }

  seek(position: Position): void {
    this.#next = position.offset;
    this.#feed?.seek(position.offset);
  }

  poll(maxBytes: number, maxRecords = Number.POSITIVE_INFINITY): BatchView | null {
    const most = Math.min(maxRecords, this.#limit - this.#next);
    if (most <= 0) return null;
    const feed = this.#fed();
    const view = feed.poll(maxBytes, most);
    const first = view === null ? feed.position : (view.offsets[0] as number);
    // offset 0 is the beginning, wherever that is; elsewhere a gap is one of compaction or of a transaction, unless the log begins behind it
    if (this.#next > 0 && first > this.#next && feed.start > this.#next)
      throw new MillraceError(
        'records_gone',
        `${this.#topic}/${this.#partition} begins at offset ${feed.start}, but the next record to read is ${this.#next}.`,
      );
    this.#next = Math.min(Math.max(this.#next, feed.position), Math.max(this.#next, this.#limit));
    return view === null ? null : this.#within(view);
  }

  /** What of a view lies before the limit: offsets have gaps, so that more may have come. */
  #within(view: BatchView): BatchView | null {
    if ((view.offsets[view.count - 1] as number) < this.#limit) return view;
    let count = 0;
    while ((view.offsets[count] as number) < this.#limit) count++;
    this.#feed?.seek(this.#limit);
    if (count > 0) return { ...spans(view), count, release: () => view.release() };
    view.release();
    return null;
  }

  end(): Position {
    const { end } = this.#fed();
    // before the first answer nothing is known to be all there is
    return { offset: end < 0 ? Number.POSITIVE_INFINITY : end };
  }

  get behind(): boolean {
    const { end, position } = this.#fed();
    return end < 0 || Math.max(this.#next, position) < Math.min(end, this.#limit);
  }

  reached(end: Position): boolean {
    return this.#next >= end.offset;
  }

  limit(end: Position | null): void {
    this.#limit = end === null ? Number.POSITIVE_INFINITY : end.offset;
  }

  lookup(offset: number): Promise<StoredRecord | null> {
    this.#lookup ??= new Lookup(
      () => this.#client.feed(this.#topic, this.#partition, offset),
      async () => (await this.#client.offsets(this.#topic, 'stable'))[this.#partition] ?? 0,
      this.#arrivals,
    );
    return this.#lookup.find(offset);
  }

  close(): void {
    this.#feed?.close();
    this.#lookup?.close();
  }
}

/** a view's parts, wherever its type keeps them */
function spans(view: BatchView): Omit<BatchView, 'count' | 'release'> {
  const { topic, partition, buffer, offsets, timestamps, keyStart, keyEnd, valueStart, valueEnd, headersStart, headersEnd } = view;
  return { topic, partition, buffer, offsets, timestamps, keyStart, keyEnd, valueStart, valueEnd, headersStart, headersEnd };
}
