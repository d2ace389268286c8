import { MillraceError } from '@millrace/runtime/errors.ts';
import { BatchAppender } from '../batchappender.ts';
import { BatchReader, type BatchStore } from '../batchreader.ts';
import type { Log, TopicInfo } from '../log.ts';
import { recordsIn } from '../recordbatch.ts';
import type { Environment, Table } from './environment.ts';
import { batchKey, numberBytes, offsetOf, partitionKey, readNumber, samePartition, setOffset } from './keys.ts';
import type { Wakes } from './wakes.ts';

interface Topic {
  readonly id: number;
  readonly partitions: number;
  readonly meta: Record<string, string>;
}

/** partition key of the counter that every append raises; topic ids begin at 1 */
const VERSION = partitionKey(0, 0);
/** the last topic id given */
const LAST_ID = partitionKey(0, 1);

/**
 * The log in LMDB: `topics` name → id, partitions, meta; `batches` (topic, partition, base offset) → a record batch;
 * `ends` (topic, partition) → end offset.
 */
export class EmbeddedLog implements Log {
  readonly #environment: Environment;
  readonly #wakes: Wakes;
  readonly #flush: (appender: BatchAppender) => void;
  readonly #topics: Table;
  readonly #batches: Table;
  readonly #ends: Table;
  /** what never changes of a topic */
  readonly #known = new Map<string, Topic>();

  constructor(environment: Environment, wakes: Wakes, flush: (appender: BatchAppender) => void) {
    this.#environment = environment;
    this.#wakes = wakes;
    this.#flush = flush;
    this.#topics = environment.table('topics');
    this.#batches = environment.table('batches');
    this.#ends = environment.table('ends');
  }

  async ensure(name: string, partitions: number, meta: Record<string, string> = {}): Promise<TopicInfo> {
    const same = (topic: Topic) => topic.partitions === partitions && Object.entries(meta).every(([key, value]) => topic.meta[key] === value);
    let topic = this.#load(name);
    if (topic === undefined || !same(topic)) {
      this.#environment.transaction(() => {
        const old = this.#read(name);
        if (old !== undefined && old.partitions !== partitions)
          throw new MillraceError('partition_count_changed', `Topic ${name} has ${old.partitions} partitions, not ${partitions}.`);
        let { id } = old ?? { id: 0 };
        if (old === undefined) {
          id = readNumber(this.#ends.get(LAST_ID)) + 1;
          this.#ends.put(LAST_ID, numberBytes(id));
          this.bump();
        }
        topic = { id, partitions, meta: { ...old?.meta, ...meta } };
        this.#topics.put(Buffer.from(name), Buffer.from(JSON.stringify(topic)));
      });
      this.#wakes.notify();
    }
    return { name, partitions, meta: (topic as Topic).meta };
  }

  topic(name: string): TopicInfo | null {
    const topic = this.#load(name);
    return topic === undefined ? null : { name, partitions: topic.partitions, meta: topic.meta };
  }

  topics(): TopicInfo[] {
    this.#environment.refresh();
    const infos: TopicInfo[] = [];
    for (const [name, value] of this.#topics.entries(Buffer.from([0]), Buffer.from([255]))) {
      const { partitions, meta } = JSON.parse(Buffer.from(value).toString()) as Topic;
      infos.push({ name: Buffer.from(name).toString(), partitions, meta });
    }
    return infos;
  }

  reader(topic: string, partition: number, from: { offset: number }): BatchReader {
    const id = this.#place(topic, partition);
    const key = batchKey(id, partition);
    const store: BatchStore = {
      at: (base) => {
        setOffset(key, base);
        const batch = this.#batches.get(key);
        if (batch !== undefined) return batch;
        this.#environment.refresh();
        return this.#batches.get(key);
      },
      covering: (offset) => {
        this.#environment.refresh();
        const found = this.#batches.nearest(setOffset(key, offset), true);
        return found !== undefined && samePartition(found, key) ? this.#batches.get(found) : undefined;
      },
      start: () => this.#start(id, partition),
      end: () => this.#end(id, partition),
    };
    return new BatchReader(topic, partition, store, from);
  }

  appender(topic: string): BatchAppender {
    return new BatchAppender(topic, this.#topic(topic).partitions, this.#flush);
  }

  async startOffset(topic: string, partition: number): Promise<number> {
    return this.#start(this.#place(topic, partition), partition);
  }

  async endOffset(topic: string, partition: number): Promise<number> {
    return this.#end(this.#place(topic, partition), partition);
  }

  async ends(topic: string): Promise<number[]> {
    const { id, partitions } = this.#topic(topic);
    return Array.from({ length: partitions }, (_, partition) => this.#end(id, partition));
  }

  async truncateBefore(topic: string, partition: number, offset: number): Promise<void> {
    this.#environment.transaction(() => this.truncate(topic, partition, offset));
  }

  version(): number {
    this.#environment.refresh();
    return readNumber(this.#ends.get(VERSION));
  }

  wait(ms: number, since = this.version()): Promise<void> {
    return this.#wakes.wait(ms, () => this.version() !== since);
  }

  /** Inside a transaction: stores what the appender has pending. Tells whether there was anything. */
  append(appender: BatchAppender): boolean {
    if (appender.pendingRecords === 0) return false;
    const { id } = this.#topic(appender.topic);
    for (let partition = 0; partition < appender.partitions; partition++) {
      let end = -1;
      for (const batch of appender.batches(partition)) {
        if (end < 0) end = readNumber(this.#ends.get(partitionKey(id, partition)));
        this.#batches.put(setOffset(batchKey(id, partition), end), batch.finish(end));
        end += batch.count;
      }
      if (end >= 0) this.#ends.put(partitionKey(id, partition), numberBytes(end));
    }
    return true;
  }

  /** Inside a transaction: makes `version` another. */
  bump(): void {
    this.#ends.put(VERSION, numberBytes(readNumber(this.#ends.get(VERSION)) + 1));
  }

  /** Inside a transaction: drops the batches that lie wholly below `before`. */
  truncate(topic: string, partition: number, before: number): void {
    const id = this.#place(topic, partition);
    const from = setOffset(batchKey(id, partition), 0);
    const end = readNumber(this.#ends.get(partitionKey(id, partition)));
    const keys = this.#batches.keys(from, setOffset(batchKey(id, partition), Math.min(before, end)));
    for (const [index, key] of keys.entries()) {
      // only the last may reach over `before`
      if (index === keys.length - 1) {
        const batch = this.#batches.get(key);
        if (batch !== undefined && offsetOf(key) + recordsIn(Buffer.from(batch.buffer, batch.byteOffset, batch.length)) > before) return;
      }
      this.#batches.remove(key);
    }
  }

  #start(id: number, partition: number): number {
    // the end first: what is appended behind this look is then found by the next one, and the other way round it would lie before the start
    const end = this.#end(id, partition);
    const key = batchKey(id, partition);
    const first = this.#batches.nearest(key);
    return first !== undefined && samePartition(first, key) ? offsetOf(first) : end;
  }

  #end(id: number, partition: number): number {
    this.#environment.refresh();
    return readNumber(this.#ends.get(partitionKey(id, partition)));
  }

  /** the topic's id, once the partition is known to exist */
  #place(name: string, partition: number): number {
    const { id, partitions } = this.#topic(name);
    if (!(partition >= 0 && partition < partitions)) throw new RangeError(`${name} has no partition ${partition}`);
    return id;
  }

  #topic(name: string): Topic {
    const topic = this.#known.get(name) ?? this.#load(name);
    if (topic === undefined) throw new MillraceError('unknown_topic', `There is no topic ${name}.`);
    return topic;
  }

  #load(name: string): Topic | undefined {
    this.#environment.refresh();
    const topic = this.#read(name);
    if (topic !== undefined) this.#known.set(name, topic);
    return topic;
  }

  #read(name: string): Topic | undefined {
    const bytes = this.#topics.get(Buffer.from(name));
    return bytes === undefined ? undefined : (JSON.parse(Buffer.from(bytes).toString()) as Topic);
  }
}
