import type { BatchView } from '../../log.ts';
import { BatchCursor, Spans } from '../../spans.ts';
import type { Feed } from '../client.ts';
import { appendTime } from './batchhead.ts';
import type { Frame } from './frames.ts';
import { type Aborted, RecordSet } from './recordset.ts';

/** least that a fetch asks for */
const LEAST = 16 * 1024;
const nothing = Buffer.alloc(0);

/** What a broker answered for one partition. */
export interface Fetched {
  readonly stable: number;
  readonly start: number;
  readonly buffer: Buffer;
  /** of which the buffer is a part; null: it is nobody else's */
  readonly frame?: Frame | null;
  readonly from: number;
  readonly to: number;
  readonly aborted: readonly Aborted[];
}

/** What was fetched of one partition and not yet polled. Who fetches: `Fetcher`. */
export class FetchedFeed implements Feed {
  readonly topic: string;
  readonly partition: number;
  /** a request for it is under way, or it waits before the next */
  busy = false;
  end = -1;
  start = -1;
  /** where the next fetch begins */
  next: number;
  position: number;
  /** grows with every jump: an answer from before it is of no use */
  jumps = 0;
  closed = false;
  readonly #prefetch: number;
  readonly #hungry: () => void;
  readonly #view: Spans;
  readonly #cursor = new BatchCursor();
  readonly #sets: RecordSet[] = [];
  /** of what was passed: the view that was given last may still be in them */
  readonly #spent: Frame[] = [];
  #records: Buffer = nothing;
  #stamp = -1;
  #queued = 0;
  #failure: Error | undefined;

  /** `hungry` is called when it wants to be fetched again, or to be forgotten */
  constructor(topic: string, partition: number, offset: number, prefetch: number, hungry: () => void) {
    this.topic = topic;
    this.partition = partition;
    this.next = offset;
    this.position = offset;
    this.#prefetch = prefetch;
    this.#hungry = hungry;
    this.#view = new Spans(topic, partition);
  }

  /** bytes that the next fetch should bring; 0: it has enough */
  get wanted(): number {
    if (this.closed || this.#failure !== undefined || this.#queued * 2 > this.#prefetch) return 0;
    return Math.max(LEAST, this.#prefetch - this.#queued);
  }

  /** Takes what a fetch from `next` gave; whether there was anything new. */
  take(fetched: Fetched): boolean {
    const moved = fetched.stable !== this.end;
    this.end = fetched.stable;
    this.start = fetched.start;
    if (fetched.from === fetched.to) return moved;
    const set = new RecordSet(`${this.topic}/${this.partition}`, fetched.buffer, fetched.from, fetched.to, fetched.aborted, fetched.frame ?? null);
    if (set.behind < 0) return moved;
    this.next = Math.max(this.next, set.behind);
    this.#sets.push(set);
    set.frame?.hold();
    this.#queued += set.bytes;
    if (this.#cursor.remaining === 0) this.#guard(() => this.#settle());
    return true;
  }

  fail(error: Error): void {
    this.#failure ??= error;
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#failure ??= error as Error;
    }
  }

  /** Passes over batches without records for us; whether one with records is there now. */
  #settle(): boolean {
    for (let set = this.#sets[0]; set !== undefined; set = this.#sets[0]) {
      if (set.done) this.#leave(this.#sets.shift() as RecordSet);
      else if (set.data && set.next > this.position) return true;
      else this.#pass(set);
    }
    return false;
  }

  #leave({ frame }: RecordSet): void {
    if (frame !== null) this.#spent.push(frame);
  }

  #pass(set: RecordSet): void {
    this.position = Math.max(this.position, set.next);
    this.#queued -= set.size;
    set.pass();
  }

  /** Whether a batch is open, opening the next where none is. */
  #ready(): boolean {
    while (this.#cursor.remaining === 0) {
      if (!this.#settle()) return false;
      const set = this.#sets[0] as RecordSet;
      this.#records = set.open(this.#cursor);
      this.#stamp = appendTime(set.buffer, set.start);
      this.#cursor.skipTo(this.position);
      if (this.#cursor.remaining === 0) this.#pass(set);
    }
    return true;
  }

  poll(maxBytes: number, maxRecords = Number.POSITIVE_INFINITY): BatchView | null {
    const view = this.#view;
    view.count = 0;
    for (let frame = this.#spent.pop(); frame !== undefined; frame = this.#spent.pop()) frame.drop();
    if (this.#sets.length === 0) {
      if (this.#failure !== undefined) throw this.#failure;
      return null;
    }
    this.#guard(() => this.#fill(maxBytes, maxRecords));
    if (view.count > 0) {
      if (!this.busy && this.wanted > 0) this.#hungry();
      return view;
    }
    if (this.#failure !== undefined) throw this.#failure;
    return null;
  }

  #fill(maxBytes: number, maxRecords: number): void {
    const view = this.#view;
    const cursor = this.#cursor;
    let budget = maxBytes;
    do {
      if (!this.#ready()) return;
      if (view.count > 0 && view.buffer !== this.#records) return;
      view.buffer = this.#records;
      const from = view.count;
      const next = cursor.read(view, budget, maxRecords);
      if (this.#stamp >= 0) view.timestamps.fill(this.#stamp, from, view.count);
      if (cursor.remaining > 0) {
        this.position = next;
        return;
      }
      const set = this.#sets[0] as RecordSet;
      budget -= set.size;
      this.#pass(set);
    } while (budget > 0 && view.count < maxRecords);
    this.#settle();
  }

  seek(offset: number): void {
    if (offset === this.position) return;
    this.#cursor.close();
    if (offset > this.position && offset <= this.next) {
      this.position = offset;
      this.#guard(() => this.#settle());
    } else this.jump(offset);
    if (!this.busy && this.wanted > 0) this.#hungry();
  }

  /** Goes on from there with nothing of what was fetched. */
  jump(offset: number): void {
    this.#cursor.close();
    for (const set of this.#sets.splice(0)) this.#leave(set);
    this.#queued = 0;
    this.position = offset;
    this.next = offset;
    this.jumps++;
  }

  close(): void {
    this.closed = true;
    this.jump(this.position);
    this.#hungry();
  }
}
