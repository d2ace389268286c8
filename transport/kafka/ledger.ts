import { setImmediate as macrotask, setTimeout as sleep } from 'node:timers/promises';
import { MillraceError } from '@millrace/runtime/errors.ts';
import { BatchAppender } from '../batchappender.ts';
import type { BatchView, Commit, Ledger } from '../log.ts';
import type { Arrivals } from './arrivals.ts';
import type { Feed, KafkaClient, PartitionBatches, Place } from './client.ts';
import { drainTo, reach, takeReady } from './drain.ts';
import type { LedgerCopy } from './ledger-copy.ts';
import { appendEntry, EntryReader } from './ledger-records.ts';

export const LEDGER_CONFIG = { 'cleanup.policy': 'compact', 'delete.retention.ms': String(7 * 24 * 3600 * 1000) };

/** The record by which the topic names itself; no key of the ledger begins like this. */
const SELF = '\u0001topic';
/** a deletion is kept for `delete.retention.ms`, a day unless set otherwise: an older copy may have missed one */
const OLDEST_COPY = 12 * 3600 * 1000;

/** Entries whose records are made at a time, between which others go on: a millisecond; of a large change a share of what is made, up to a limit. What may take its time rests between two, ms. */
const TURN = 128;
const SHARE = 1 / 64;
const MOST_TURN = 2048;
const REST_MS = 4;

type Changes = Pick<Commit, 'puts' | 'deletePrefixes' | 'deleteRanges'>;

export interface LedgerOptions {
  readonly client: KafkaClient;
  readonly arrivals: Arrivals;
  readonly topic: string;
  readonly partitions: number;
  readonly copy: LedgerCopy;
  readonly now: () => number;
  /** ms to wait for the topic's end at opening */
  readonly patience: number;
}

/** A change on its way: from where the topic would have to be read again if it were lost here. */
export interface Writing {
  readonly session: string;
  /** the change, key by key */
  readonly puts: ReadonlyMap<string, Uint8Array | null>;
  readonly records: readonly PartitionBatches[];
  /** whose batches they are */
  readonly out: BatchAppender;
  readonly from: readonly number[];
}

/**
 * The ledger topic, and the copy of it that is read. Others write to the topic too (each to keys of its own): what they write arrives by itself. Writers
 * of this process, each with a session of its own, say what they write, and it is passed over when it arrives.
 */
export class KafkaLedger implements Ledger {
  readonly #options: LedgerOptions;
  readonly #out: BatchAppender;
  /** for changes that are made in several turns: each has one to itself */
  readonly #large: BatchAppender[] = [];
  readonly #readers: EntryReader[];
  #feeds: Feed[] = [];
  /** null until the copy has caught up */
  #positions: number[] | null = null;
  readonly #own = new Set<string>();
  /** commits of ours on their way: no position that is kept passes where they were made before the copy has them */
  readonly #writing = new Set<Writing>();
  #closed = false;

  constructor(options: LedgerOptions) {
    this.#options = options;
    const { topic, partitions } = options;
    this.#out = new BatchAppender(topic, partitions, () => {});
    this.#readers = Array.from({ length: partitions }, () => new EntryReader());
  }

  /**
   * Brings the copy up to what is decided in the topic, from where it stands if it may; what an owner has committed may lie behind an open transaction of another: `catchUp`.
   * `name` appends the topic's first record.
   */
  async open(session: string, name: (records: readonly PartitionBatches[]) => Promise<unknown>): Promise<void> {
    const { client, topic, partitions, copy, arrivals, patience, now } = this.#options;
    const ends = await client.offsets(topic, 'stable');
    const id = (await this.#named(ends[0] ?? 0)) ?? (await this.#name(session, name));
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
        reader.read(view, (key, value, writer) => {
          if (key !== SELF && !copy.outdates(key, writer)) puts.push([key, value]);
        });
        // a position inside of a value in parts would lose its beginning
        if (!reader.open) positions[n] = (view.offsets[view.count - 1] as number) + 1;
        copy.write(puts, positions, now());
      });
      positions[n] = feed.position;
    }
    copy.write([], positions, now());
    copy.settle();
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

  /** Waits until all that stands now in the partition of task `task` is in the copy: what the owner before has written. */
  async catchUp(task: number): Promise<void> {
    const { client, topic, arrivals, patience, partitions } = this.#options;
    const n = task % partitions;
    const end = (await client.offsets(topic, 'end'))[n] ?? 0;
    await reach(this.#feeds[n] as Feed, end, arrivals, patience, `Partition ${n} of the ledger ${topic}`, () => this.#arrive());
  }

  /** all that it is written to */
  get places(): Place[] {
    const { topic, partitions } = this.#options;
    return Array.from({ length: partitions }, (_, partition) => ({ topic, partition }));
  }

  /** Makes the records of a change to the ledger as the last arrivals leave it. Then `written`, or `lost`. */
  async records(session: string, changes: Changes, gently = false): Promise<Writing> {
    this.#arrive();
    this.#own.add(session);
    const { copy, topic, partitions, now } = this.#options;
    const at = now();
    const put = new Map(changes.puts);
    for (const key of this.#going(changes)) if (!put.has(key)) put.set(key, null);
    const large = put.size > TURN;
    const out = large ? (this.#large.pop() ?? new BatchAppender(topic, partitions, () => {})) : this.#out;
    let made = 0;
    let turn = TURN;
    for (const [key, value] of put) {
      appendEntry(out, session, at, key, value, copy.size(key));
      if (++made < turn || made === put.size) continue;
      turn = made + Math.min(MOST_TURN, Math.max(TURN, made * SHARE));
      await (gently ? sleep(REST_MS) : macrotask());
    }
    const writing = { session, puts: put, records: out.take().map((of) => ({ topic, ...of })), out, from: this.#kept() };
    if (large) this.#large.push(out);
    this.#writing.add(writing);
    return writing;
  }

  /** The records are committed: now the copy. */
  written(writing: Writing): void {
    for (const { batches } of writing.records) writing.out.giveBack(batches);
    this.#writing.delete(writing);
    this.#options.copy.write(writing.puts, this.#kept(), this.#options.now());
  }

  /** Nobody knows whether the records are committed: if they are, they are to arrive as another's do. */
  lost(writing: Writing): void {
    this.#own.delete(writing.session);
    this.#writing.delete(writing);
    for (const [n, feed] of this.#feeds.entries()) {
      const from = writing.from[n] as number;
      if (this.#positions === null || feed.position <= from) continue;
      feed.seek(from);
      this.#readers[n] = new EntryReader();
      this.#positions[n] = from;
    }
  }

  /** `session`: of whoever notes it */
  note(session: string, puts: Commit['puts']): void {
    this.#options.copy.note(session, puts);
  }

  close(): void {
    this.#closed = true;
    for (const feed of this.#feeds) feed.close();
  }

  /** The positions that the copy may keep. */
  #kept(): number[] {
    const positions = [...(this.#positions as number[])];
    for (const { from } of this.#writing) for (const [n, at] of from.entries()) positions[n] = Math.min(positions[n] as number, at);
    return positions;
  }

  /** Takes in what others have written. */
  #arrive(): void {
    const { copy, now } = this.#options;
    const positions = this.#positions;
    if (this.#closed || positions === null) return;
    const puts: [string, Uint8Array | null][] = [];
    for (const [n, feed] of this.#feeds.entries()) {
      const reader = this.#readers[n] as EntryReader;
      takeReady(feed, (view) => {
        reader.read(
          view,
          (key, value, writer) => {
            if (key !== SELF && !copy.outdates(key, writer)) puts.push([key, value]);
          },
          this.#own,
        );
      });
      if (!reader.open) positions[n] = feed.position;
    }
    if (puts.length > 0) copy.write(puts, this.#kept(), now());
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

  async #name(session: string, write: (records: readonly PartitionBatches[]) => Promise<unknown>): Promise<string> {
    const { partitions, now, topic } = this.#options;
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
