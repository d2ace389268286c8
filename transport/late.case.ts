import { setImmediate as macrotask } from 'node:timers/promises';
import type { Log, Position, Reader, StoredRecord, TopicInfo, Transport } from './log.ts';
import type { MemoryTransport } from './memory.ts';

/**
 * A transport over memory that answers as late as a broker does: what the seam lets be asynchronous is done a while after the call, and readers give only what has
 * been fetched since they were last polled. For tests: whoever does not wait for it goes wrong.
 */
export function openLate(medium: MemoryTransport): Transport {
  const known = new Map<string, TopicInfo>(medium.log.topics().map((topic) => [topic.name, topic]));
  const waiting = new Set<() => void>();
  let fetches = 0;
  const arrived = (): void => {
    fetches++;
    for (const wake of [...waiting]) wake();
  };
  const later = async <T>(work: () => T | Promise<T>): Promise<T> => {
    for (let turns = 0; turns < 3; turns++) await macrotask();
    return work();
  };
  const { log } = medium;
  const lateLog: Log = {
    ensure: (topic, partitions, meta) =>
      later(async () => {
        const info = await log.ensure(topic, partitions, meta);
        known.set(topic, info);
        return info;
      }),
    topic: (name) => known.get(name) ?? null,
    topics: () => [...known.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
    reader: (topic, partition, from) => new LateReader(log.reader(topic, partition, from), later, arrived),
    appender: (topic) => log.appender(topic),
    startOffset: (topic, partition) => later(() => log.startOffset(topic, partition)),
    endOffset: (topic, partition) => later(() => log.endOffset(topic, partition)),
    ends: (topic) => later(() => log.ends(topic)),
    truncateBefore: (topic, partition, offset) => later(() => log.truncateBefore(topic, partition, offset)),
    version: () => log.version() + fetches,
    wait(ms, since = lateLog.version()) {
      return new Promise((resolve) => {
        const wake = (): void => {
          clearTimeout(timer);
          waiting.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, since === lateLog.version() ? ms : 0);
        waiting.add(wake);
        void log.wait(ms).then(wake);
      });
    },
  };
  return {
    kind: 'memory',
    log: lateLog,
    ledger: medium.ledger,
    commit: (commit) => later(() => medium.commit(commit)),
    note: (puts, fence) => medium.note(puts, fence),
    close: () => medium.close(),
  };
}

class LateReader implements Reader {
  readonly #inner: Reader;
  readonly #later: <T>(work: () => T | Promise<T>) => Promise<T>;
  readonly #arrived: () => void;
  #limit: Position | null = null;
  #fetched = -1;
  #fetching = false;

  constructor(inner: Reader, later: <T>(work: () => T | Promise<T>) => Promise<T>, arrived: () => void) {
    this.#inner = inner;
    this.#later = later;
    this.#arrived = arrived;
  }

  poll(maxBytes: number, maxRecords?: number): ReturnType<Reader['poll']> {
    this.#fetch();
    this.#inner.limit({ offset: Math.min(this.#fetched, this.#limit?.offset ?? Number.POSITIVE_INFINITY) });
    return this.#inner.poll(maxBytes, maxRecords);
  }

  #fetch(): void {
    if (this.#fetching || this.#fetched >= this.#inner.end().offset) return;
    this.#fetching = true;
    void this.#later(() => {
      this.#fetched = this.#inner.end().offset;
      this.#fetching = false;
      this.#arrived();
    });
  }

  get position(): Position {
    return this.#inner.position;
  }

  seek(position: Position): void {
    this.#inner.seek(position);
    this.#fetched = -1;
  }

  /** as the last answer said */
  end(): Position {
    return { offset: this.#fetched < 0 ? Number.POSITIVE_INFINITY : this.#fetched };
  }

  get behind(): boolean {
    return this.#fetched < 0 || this.position.offset < this.#fetched;
  }

  reached(end: Position): boolean {
    return this.#inner.reached(end);
  }

  limit(end: Position | null): void {
    this.#limit = end;
  }

  lookup(offset: number): Promise<StoredRecord | null> {
    return this.#later(() => this.#inner.lookup(offset));
  }

  close(): void {
    this.#inner.close();
  }
}
