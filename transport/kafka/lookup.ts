import type { BatchView, StoredRecord } from '../log.ts';
import type { Arrivals } from './arrivals.ts';
import type { Feed } from './client.ts';

const MAX_BYTES = 1 << 20;
/** a look-up looks again at least this often */
const LOOK_MS = 100;
/** after so long without a look-up its feed is closed */
const IDLE_MS = 5000;

/** Finds single records by their offset through a feed of its own, which stays open for a while: look-ups come in rows. */
export class Lookup {
  readonly #open: () => Feed;
  readonly #end: () => Promise<number>;
  readonly #arrivals: Arrivals;
  #feed: Feed | null = null;
  /** the records fetched last */
  #view: BatchView | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #idle: NodeJS.Timeout | undefined;
  #closed = false;

  /** `end`: where the partition ends now */
  constructor(open: () => Feed, end: () => Promise<number>, arrivals: Arrivals) {
    this.#open = open;
    this.#end = end;
    this.#arrivals = arrivals;
  }

  /** A copy of the record, null when there is none at this offset (any more). */
  find(offset: number): Promise<StoredRecord | null> {
    const found = this.#last.then(() => this.#find(offset));
    this.#last = found.catch(() => {});
    return found;
  }

  async #find(offset: number): Promise<StoredRecord | null> {
    clearTimeout(this.#idle);
    try {
      if (!this.#holds(offset)) await this.#fetch(offset);
      return this.#copy(offset);
    } finally {
      this.#idle = setTimeout(() => this.#drop(), IDLE_MS);
      this.#idle.unref();
    }
  }

  #holds(offset: number): boolean {
    const view = this.#view;
    return view !== null && offset >= (view.offsets[0] as number) && offset <= (view.offsets[view.count - 1] as number);
  }

  /** Fetches until there is a view that begins at or behind the offset, or is known to be none. */
  async #fetch(offset: number): Promise<void> {
    this.#view?.release();
    this.#view = null;
    if (this.#feed === null) this.#feed = this.#open();
    const feed = this.#feed;
    feed.seek(offset);
    // what the feed knows of the end may be old
    if (offset >= feed.end && offset >= (await this.#end())) return;
    while (!this.#closed) {
      const since = this.#arrivals.version;
      this.#view = feed.poll(MAX_BYTES);
      if (this.#view !== null || feed.position > offset) return;
      await this.#arrivals.wait(LOOK_MS, since);
    }
  }

  #copy(offset: number): StoredRecord | null {
    const view = this.#view;
    if (view === null) return null;
    const at = view.offsets.subarray(0, view.count).indexOf(offset);
    if (at < 0) return null;
    const span = (start: number, end: number) => (end < 0 ? null : Uint8Array.prototype.slice.call(view.buffer, start, end));
    return {
      key: span(view.keyStart[at] as number, view.keyEnd[at] as number),
      value: span(view.valueStart[at] as number, view.valueEnd[at] as number),
      timestamp: view.timestamps[at] as number,
    };
  }

  #drop(): void {
    this.#view?.release();
    this.#view = null;
    this.#feed?.close();
    this.#feed = null;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#idle);
    this.#drop();
    this.#arrivals.notify();
  }
}
