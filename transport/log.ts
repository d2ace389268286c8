/**
 * The seam between millrace and what records travel on. Its unit is a batch of spans: one buffer and arrays of positions,
 * never an object a record. Adapters: `memory.ts`, `embedded/`; all pass `log.case.ts`.
 */

/**
 * Records of one partition in offset order. The arrays and the buffer belong to the reader and stand until `release()`
 * (or the next `poll()`): copy what outlives that. A span of a null key, value or absent header has end −1.
 */
export interface BatchView {
  readonly topic: string;
  readonly partition: number;
  readonly buffer: Buffer;
  /** records in this batch; may be 0 while `next` has moved */
  readonly count: number;
  readonly offsets: Float64Array;
  /** epoch ms, wall clock of the append (a file's: its modification time when first opened) */
  readonly timestamps: Float64Array;
  readonly keyStart: Int32Array;
  readonly keyEnd: Int32Array;
  readonly valueStart: Int32Array;
  readonly valueEnd: Int32Array;
  /** the raw header block in Kafka's layout: varint count, then (varint length, name, varint length, value) each */
  readonly headersStart: Int32Array;
  readonly headersEnd: Int32Array;
  release(): void;
}

/** A place in an input partition. `offset` is the next record's; `byte` is where it starts, in inputs that need it (files). */
export interface Position {
  readonly offset: number;
  readonly byte?: number;
}

/** Reads one partition of one log, or of something that behaves as one (a file, a generator). Not shared between tasks. */
export interface Reader {
  /** what is ready, up to about `maxBytes` of values (at least one record, at most `maxRecords`), or null. Throws `MillraceError` when the input lies (truncated, changed, missing). */
  poll(maxBytes: number, maxRecords?: number): BatchView | null;
  /** the position behind the last record polled */
  readonly position: Position;
  /** continues from there; a Position this reader (or an earlier one of the same input) gave */
  seek(position: Position): void;
  /** where the input ends now, as far as is known here: offset +Infinity until a broker has first told. For a file `offset` is −1: only `byte` counts. */
  end(): Position;
  /** A broker has not told yet what is there, or has told of more than it has sent: silence says nothing then. Absent where whatever is there comes with the next poll. */
  readonly behind?: boolean;
  /** whether `position` has reached `end` */
  reached(end: Position): boolean;
  /** from now on `poll` gives nothing at or behind `end` (null: no limit). A file's last line without a newline counts as a line only under a limit at or behind its end. */
  limit(end: Position | null): void;
  /** the bytes of one earlier record's key and value (a copy), for a dead letter; null when gone. A promise where a broker has to be asked for it */
  lookup(offset: number): StoredRecord | null | Promise<StoredRecord | null>;
  close(): void;
}

export interface StoredRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly timestamp: number;
}

/**
 * Appends to all partitions of one topic. Records are encoded in place into a growing buffer per partition:
 *
 *     let pos = out.begin(partition, timestamp, keyBuffer, keyStart, keyEnd);   // keyEnd −1: null key
 *     let end = encode(row, out.buffer, pos);
 *     while (end < 0) { pos = out.grow(); end = encode(row, out.buffer, pos); }
 *     out.end(end, headers, headersStart, headersEnd);
 *
 * Nothing is visible to readers before the flush or the commit that names this appender.
 */
export interface Appender {
  readonly topic: string;
  readonly partitions: number;
  /** valid between `begin` and `end` of one record; may be another object after `grow` */
  readonly buffer: Buffer;
  begin(partition: number, timestamp: number, key: Uint8Array, keyStart: number, keyEnd: number): number;
  /** makes room and gives the value's position anew; what was written of the value is not kept */
  grow(): number;
  end(valueEnd: number, headers?: Uint8Array, headersStart?: number, headersEnd?: number): void;
  /** forgets the record begun */
  abandon(): void;
  /** a record with no value */
  null(
    partition: number,
    timestamp: number,
    key: Uint8Array,
    keyStart: number,
    keyEnd: number,
    headers?: Uint8Array,
    headersStart?: number,
    headersEnd?: number,
  ): void;
  /** bytes and records appended and not yet flushed or committed */
  readonly pendingBytes: number;
  readonly pendingRecords: number;
  /** drops everything not yet flushed */
  discard(): void;
  /** makes the pending records durable and visible, by themselves (outside any `commit`) */
  flush(): Promise<void>;
}

export interface TopicInfo {
  readonly name: string;
  readonly partitions: number;
  /** free-form facts kept with the topic (format, schema id, pipeline, whether internal) */
  readonly meta: Readonly<Record<string, string>>;
}

/** What a broker has to be asked gives a promise; what a record passes through does not. In memory and embedded a call has done its work when it returns. */
export interface Log {
  /** creates the topic, or checks that it has these partitions (rejects with `MillraceError` partition_count_changed); `meta` is merged into what is kept */
  ensure(topic: string, partitions: number, meta?: Record<string, string>): Promise<TopicInfo>;
  /** as known here: a broker's topics as they were at opening, and those ensured since */
  topic(name: string): TopicInfo | null;
  /** what tells a topic from one that had its name before; null: nobody knows. Absent where no topic can be made anew */
  identity?(topic: string): Promise<string | null>;
  /** in the order of their names; known as `topic` is */
  topics(): TopicInfo[];
  /** Offset 0 is the beginning, wherever that is by now. From any other place `poll` throws `MillraceError` records_gone once records behind it were dropped. */
  reader(topic: string, partition: number, from: Position): Reader;
  appender(topic: string): Appender;
  startOffset(topic: string, partition: number): Promise<number>;
  endOffset(topic: string, partition: number): Promise<number>;
  /** by partition where the topic ends: everything acknowledged lies below, decided or not */
  ends(topic: string): Promise<readonly number[]>;
  /** drops records below `offset` (whole batches only, so fewer may go) */
  truncateBefore(topic: string, partition: number, offset: number): Promise<void>;
  /** a number that changes with every append by anyone: take it before polling and give it to `wait`, so that nothing is missed in between */
  version(): number;
  /** resolves after an append by anyone since `since` (default: now), other threads' at once, other processes' within 10 ms; or after `ms`, whichever comes first */
  wait(ms: number, since?: number): Promise<void>;
}

/** Small durable values beside the log, ordered by key (UTF-8 bytes). Keys are short (< 1,000 bytes) and printable. */
export interface Ledger {
  get(key: string): Uint8Array | null;
  /** all entries whose key begins with `prefix`, ascending; the values are copies */
  entries(prefix: string): Iterable<readonly [key: string, value: Uint8Array]>;
}

export interface Fence {
  readonly key: string;
  readonly value: Uint8Array | null;
}

/** What becomes durable and visible together, or not at all. */
export interface Commit {
  readonly appenders: readonly Appender[];
  /** value null deletes; others are the transport's from the call on */
  readonly puts: readonly (readonly [key: string, value: Uint8Array | null])[];
  /** every key that begins with one of these goes, before `puts` */
  readonly deletePrefixes?: readonly string[];
  /** deletes keys in [from, to) */
  readonly deleteRanges?: readonly (readonly [from: string, to: string])[];
  readonly truncate?: readonly { topic: string; partition: number; before: number }[];
  /** the commit is refused (`MillraceError` fenced) unless the ledger's value of this key equals this one (null: there is none) */
  readonly fence?: Fence;
  /** nobody waits for it: its cost may be spread over some time */
  readonly gently?: boolean;
}

/** Where the records of one call went in one partition. */
export interface Ended {
  readonly topic: string;
  readonly partition: number;
  /** one behind the last of them; −1: not told */
  readonly end: number;
}

/** Who signs what leaves at once, by the ids that brokers know writers by. */
export interface Signature {
  readonly id: number;
  /** who was refused: an owner before that signed with another id was not */
  readonly refused: number;
}

/** What leaves without a transaction. */
export interface Sending extends Pick<Commit, 'appenders' | 'puts'> {
  readonly leads?: boolean;
}

/** Records that leave before a commit. */
export interface Immediate {
  /**
   * Before the first send: refuses whoever sent before, at every partition of these topics and of the ledger. When it resolves, all that was sent or put before can
   * be read. It is to be renewed within half a day, by opening the owner anew: brokers forget. @throws MillraceError fenced …
   */
  fence(topics: Iterable<string>): Promise<Signature>;
  /**
   * First `puts` are made durable (skipped when empty), then the appenders' records leave. What the appenders hold at the call is in it, and they may be filled
   * again at once. Calls follow one another in order, and keep it in each partition; several may be on their way. Resolves when all is acknowledged, with where it
   * went. Any failure is final for this transport: what stands then is for the next owner to find out. Puts and a `commit` of the same keys must not overlap.
   * `leads`: what later calls send may come of these puts, and waits for them as well, also where this one has no records.
   */
  send(what: Sending): Promise<readonly Ended[]>;
}

/** A log and its ledger on one medium, so that a task's outputs, position and state move in one atom. */
export interface Transport {
  readonly kind: 'memory' | 'embedded' | 'kafka';
  readonly log: Log;
  readonly ledger: Ledger;
  /** durable and visible on return (then it throws by itself), or once the promise resolves: await it in any case */
  commit(commit: Commit): void | Promise<void>;
  /**
   * Writes down in this data directory's own ledger what must stand before a record is touched: synchronous and durable on return, on every kind.
   * Throws `MillraceError` fenced as `commit` does.
   */
  note(puts: Commit['puts'], fence?: Fence): void;
  /** present where records leave before a commit: then a commit is for snapshots */
  readonly immediate?: Immediate;
  close(): Promise<void>;
}
