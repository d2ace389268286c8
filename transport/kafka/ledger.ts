import { MillraceError } from '@millrace/runtime/errors.ts';
import { BatchAppender } from '../batchappender.ts';
import type { BatchView, Commit, Ledger } from '../log.ts';
import type { Arrivals } from './arrivals.ts';
import type { Feed, KafkaClient, PartitionBatches } from './client.ts';
import { drainTo, takeReady } from './drain.ts';
import type { LedgerCopy } from './ledger-copy.ts';
import { appendEntry, EntryReader } from './ledger-records.ts';

export const LEDGER_CONFIG = { 'cleanup.policy': 'compact', 'delete.retention.ms': String(7 * 24 * 3600 * 1000) };

/** The record by which the topic names itself; no key of the ledger begins like this. */
const SELF = '\u0001topic';
/** a deletion is kept for `delete.retention.ms`, a day unless set otherwise: an older copy may have missed one */
const OLDEST_COPY = 12 * 3600 * 1000;

type Changes = Pick<Commit, 'puts' | 'deletePrefixes' | 'deleteRanges'>;

export interface LedgerOptions {
  readonly client: KafkaClient;
  readonly arrivals: Arrivals;
  readonly topic: string;
  readonly partitions: number;
  readonly copy: LedgerCopy;
  /** of this process: tells its records from all others' */
  readonly session: string;
  readonly now: () => number;
  /** ms to wait for the topic's end at opening */
  readonly patience: number;
}

/** The ledger topic, and the copy of it that is read. Others write to the topic too (each to keys of its own): what they write arrives by itself. */
export class KafkaLedger implements Ledger {
  readonly #options: LedgerOptions;
  readonly #out: BatchAppender;
  readonly #readers: EntryReader[];
  #feeds: Feed[] = [];
  /** null until the copy has caught up */
  #positions: number[] | null = null;
  /** a commit of ours is on its way: what arrives waits, so that no position passes it before the copy has it */
  #held = false;

  constructor(options: LedgerOptions) {
    this.#options = options;
    const { topic, partitions } = options;
    this.#out = new BatchAppender(topic, partitions, () => {});
    this.#readers = Array.from({ length: partitions }, () => new EntryReader());
  }

  /** Brings the copy up to the topic's end, from where it stands if it may. `name` makes the topic's first record: a transaction of its own. */
  async open(name: (records: readonly PartitionBatches[]) => Promise<void>): Promise<void> {
    const { client, topic, partitions, copy, arrivals, patience, now } = this.#options;
    // Not the stable ends: what this host has committed may lie behind an open transaction of another, and must be waited for.
    const ends = await client.offsets(topic, 'end');
    const id = (await this.#named(ends[0] ?? 0)) ?? (await this.#name(name));
    const old = copy.standing;
    const follows =
      old !== null &&
      old.topic === id &&
      old.positions.length === partitions &&
      old.positions.every((position, n) => position <= (ends[n] ?? 0)) &&
      now() - old.at < OLDEST_COPY;
    if (!follows) copy.reset(id, partitions, now());
    const positions = [...(copy.standing?.positions ?? [])];
    this.#feeds = positions.map((position, n) => client.feed(topic, n, position));
    for (const [n, feed] of this.#feeds.entries()) {
      const reader = this.#readers[n] as EntryReader;
      await drainTo(feed, ends[n] ?? 0, arrivals, patience, `Partition ${n} of the ledger ${topic}`, (view) => {
        const puts: [string, Uint8Array | null][] = [];
        reader.read(view, (key, value) => {
          if (key !== SELF) puts.push([key, value]);
        });
        // a position inside of a value in parts would lose its beginning
        if (!reader.open) positions[n] = (view.offsets[view.count - 1] as number) + 1;
        copy.write({ puts }, positions, now());
      });
      positions[n] = feed.position;
    }
    copy.write({ puts: [] }, positions, now());
    this.#positions = positions;
  }

  get(key: string): Uint8Array | null {
    this.#arrive();
    return this.#options.copy.get(key);
  }

  entries(prefix: string): Iterable<readonly [key: string, value: Uint8Array]> {
    this.#arrive();
    return this.#options.copy.entries(prefix);
  }

  /** Makes the records of a change, as the last arrivals leave the ledger. Until `written` or `failed` nothing else arrives. */
  records(changes: Changes): PartitionBatches[] {
    this.#arrive();
    this.#held = true;
    const { copy, topic, session, now } = this.#options;
    const at = now();
    const put = new Map(changes.puts);
    for (const key of this.#going(changes)) if (!put.has(key)) put.set(key, null);
    for (const [key, value] of put) appendEntry(this.#out, session, at, key, value, copy.get(key)?.length ?? 0);
    return this.#out.take().map((of) => ({ topic, ...of }));
  }

  /** The records are committed: now the copy. */
  written(changes: Changes, records: readonly PartitionBatches[]): void {
    for (const { batches } of records) this.#out.giveBack(batches);
    this.#options.copy.write(changes, this.#positions as number[], this.#options.now());
    this.#held = false;
  }

  note(puts: Commit['puts']): void {
    this.#options.copy.note(puts);
  }

  close(): void {
    this.#held = true;
    for (const feed of this.#feeds) feed.close();
  }

  /** Takes in what others have written. */
  #arrive(): void {
    const { copy, session, now } = this.#options;
    const positions = this.#positions;
    if (this.#held || positions === null) return;
    const puts: [string, Uint8Array | null][] = [];
    for (const [n, feed] of this.#feeds.entries()) {
      const reader = this.#readers[n] as EntryReader;
      takeReady(feed, (view) => {
        reader.read(view, (key, value, writer) => {
          if (writer !== session && key !== SELF) puts.push([key, value]);
        });
      });
      if (!reader.open) positions[n] = feed.position;
    }
    if (puts.length > 0) copy.write({ puts }, positions, now());
  }

  /** The keys that a change deletes by prefix or range. */
  *#going({ deletePrefixes = [], deleteRanges = [] }: Changes): Generator<string> {
    const { copy } = this.#options;
    for (const prefix of deletePrefixes) for (const [key] of copy.entries(prefix)) yield key;
    for (const [from, to] of deleteRanges) {
      // what both bounds begin with is common to all between them
      let same = 0;
      while (same < from.length && from[same] === to[same] && from.charCodeAt(same) < 0x80) same++;
      const [low, high] = [Buffer.from(from), Buffer.from(to)];
      for (const [key] of copy.entries(from.slice(0, same))) {
        const bytes = Buffer.from(key);
        if (Buffer.compare(bytes, low) >= 0 && Buffer.compare(bytes, high) < 0) yield key;
      }
    }
  }

  /** How the topic names itself: by its first record. */
  async #named(end: number): Promise<string | null> {
    const { client, arrivals, topic, partitions, patience } = this.#options;
    const feed = client.feed(topic, 0, 0);
    const first: { name: string | null; seen: boolean } = { name: null, seen: false };
    try {
      await drainTo(feed, end, arrivals, patience, `The ledger ${topic}`, (view) => {
        if (!first.seen) first.name = nameIn(view);
        first.seen = true;
        // the first records are enough
        feed.seek(end);
      });
    } finally {
      feed.close();
    }
    if (first.name === null) return null;
    const self = JSON.parse(first.name) as { id: string; partitions: number };
    if (self.partitions !== partitions)
      throw new MillraceError('partition_count_changed', `The ledger ${topic} was begun with ${self.partitions} partitions and has ${partitions}.`);
    return self.id;
  }

  async #name(write: (records: readonly PartitionBatches[]) => Promise<void>): Promise<string> {
    const { session, partitions, now, topic } = this.#options;
    appendEntry(this.#out, session, now(), SELF, Buffer.from(JSON.stringify({ id: session, partitions })), 0);
    const records = this.#out.take().map((of) => ({ topic, ...of }));
    await write(records);
    for (const { batches } of records) this.#out.giveBack(batches);
    return session;
  }
}

/** The last name in a view: of several that named the topic at once, it stays. */
function nameIn(view: BatchView): string | null {
  let found: string | null = null;
  new EntryReader().read(view, (key, value) => {
    if (key === SELF && value !== null) found = Buffer.from(value).toString();
  });
  return found;
}
