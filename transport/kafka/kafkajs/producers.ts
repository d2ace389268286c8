import type { MillraceError } from '@millrace/runtime/errors.ts';
import type { Appended, PartitionBatches, Producer, TransactionalProducer } from '../client.ts';
import { failure, isHalfOpen, patiently, typeOf, within } from './errors.ts';
import type { Producer as LibraryProducer, RecordMetadata, Transaction } from './library.ts';
import { type Send, sends } from './producing.ts';

/** What both kinds of producers need to know of the client. */
export interface Home {
  readonly patience: number;
  /** Asks for topics not asked for before, or for all of them again. @throws unknown_topic at once: kafkajs would look for it until its patience is over */
  known(topics: Iterable<string>, again?: boolean): Promise<void>;
  /** whether leaders can move: there are several brokers */
  readonly several: () => boolean;
  /** connections that have ended so far */
  readonly ended: () => number;
  /** resolves when what is decided of a topic's partitions ends behind these offsets (or after a while, should another's transaction be in between) */
  decided(written: ReadonlyMap<string, ReadonlyMap<number, number>>): Promise<void>;
}

const about = (records: readonly PartitionBatches[]) => `topic ${[...new Set(records.map(({ topic }) => topic))].join(', ')}`;

/** One thing after the other, in the order in which they were asked for. */
class Queue {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }
}

/** How far the records of one append reach in each partition. */
class Ends {
  readonly #ends = new Map<string, number>();

  take(sent: Send, acks: readonly RecordMetadata[]): void {
    const counts = new Map<string, number>();
    for (const { topic, messages } of sent)
      for (const { partition } of messages) counts.set(`${topic}/${partition}`, (counts.get(`${topic}/${partition}`) ?? 0) + 1);
    for (const { topicName, partition, baseOffset } of acks) {
      const base = Number(baseOffset ?? -1);
      const place = `${topicName}/${partition}`;
      if (base >= 0) this.#ends.set(place, base + (counts.get(place) ?? 0));
    }
  }

  of(records: readonly PartitionBatches[]): Appended[] {
    return records
      .filter(({ batches }) => batches.some(({ count }) => count > 0))
      .map(({ topic, partition }) => ({ topic, partition, end: this.#ends.get(`${topic}/${partition}`) ?? -1 }));
  }
}

/**
 * Appends outside transactions. Connects with the first append. When one has failed kafkajs no longer knows which of its parts were written, and would take the
 * next for a repetition of them: a new producer takes over.
 */
export class PlainProducer implements Producer {
  readonly #make: () => LibraryProducer;
  readonly #home: Home;
  readonly #queue = new Queue();
  #producer: LibraryProducer | null = null;

  constructor(make: () => LibraryProducer, home: Home) {
    this.#make = make;
    this.#home = home;
  }

  append(records: readonly PartitionBatches[]): Promise<readonly Appended[]> {
    const { patience, known } = this.#home;
    const what = about(records);
    const ends = new Ends();
    return this.#queue.run(async () => {
      await known(records.map(({ topic }) => topic));
      const producer = this.#producer ?? this.#make();
      try {
        if (this.#producer === null) await connect(producer, patience, 'brokers');
        this.#producer = producer;
        for (const calls of sends(records, this.#home.several())) {
          const acks = await within(patience, what, Promise.all(calls.map((topicMessages) => producer.sendBatch({ acks: -1, topicMessages }))));
          ends.take(calls.flat(), acks.flat());
        }
        return ends.of(records);
      } catch (error) {
        this.#producer = null;
        void producer.disconnect().catch(() => {});
        throw failure(error, what);
      }
    });
  }

  async close(): Promise<void> {
    await this.#producer?.disconnect();
  }
}

async function connect(producer: LibraryProducer, patience: number, what: string): Promise<void> {
  await patiently(patience, what, async () => {
    try {
      await producer.connect();
    } catch (error) {
      if (isHalfOpen(error)) await producer.disconnect();
      throw error;
    }
  });
}

/** Appends in transactions. To open one fences whoever had the id before. After a failure it does nothing more. */
export class KafkajsTransactional implements TransactionalProducer {
  readonly #producer: LibraryProducer;
  readonly #home: Home;
  readonly #queue = new Queue();
  readonly #id: string;
  #failure: MillraceError | null = null;
  #transaction: Transaction | null;
  /** connections ended when the coordinator was last known to be there */
  #ended: number;
  /** last offset written in the transaction, by topic and partition */
  readonly #written = new Map<string, Map<number, number>>();

  private constructor(producer: LibraryProducer, home: Home, id: string, first: Transaction) {
    this.#producer = producer;
    this.#home = home;
    this.#id = id;
    this.#transaction = first;
    this.#ended = home.ended();
  }

  static async open(producer: LibraryProducer, home: Home, id: string): Promise<KafkajsTransactional> {
    const what = `transactional id ${id}`;
    await connect(producer, home.patience, what);
    // kafkajs asks for its producer id, and so fences, when it begins its first transaction
    const first = await patiently(home.patience, what, () => producer.transaction());
    return new KafkajsTransactional(producer, home, id, first);
  }

  /** runs `work` when all before it is done, unless some of that failed */
  #run(what: string, work: () => Promise<void>): Promise<void> {
    return this.#queue.run(async () => {
      if (this.#failure !== null) throw this.#failure;
      try {
        await work();
      } catch (error) {
        this.#failure = failure(error, what);
        throw this.#failure;
      }
    });
  }

  append(records: readonly PartitionBatches[]): Promise<void> {
    const { patience, known } = this.#home;
    const what = `transactional id ${this.#id}, ${about(records)}`;
    return this.#run(what, async () => {
      await known(records.map(({ topic }) => topic));
      for (const calls of sends(records, this.#home.several())) {
        this.#transaction ??= await within(patience, what, this.#producer.transaction());
        const transaction = this.#transaction;
        for (const { topic } of calls.flat()) if (!this.#written.has(topic)) this.#written.set(topic, new Map());
        const sent = within(patience, what, Promise.all(calls.map((topicMessages) => transaction.sendBatch({ acks: -1, topicMessages }))));
        const acks = await sent.catch(async (error: unknown) => {
          // for the sake of another topic, which is not named
          if (typeOf(error) === 'OPERATION_NOT_ATTEMPTED') await known(new Set(records.map(({ topic }) => topic)), true);
          throw error;
        });
        for (const { topicName, partition, baseOffset } of acks.flat()) this.#written.get(topicName)?.set(partition, Number(baseOffset));
      }
    });
  }

  async commit(): Promise<void> {
    await this.#end((transaction) => transaction.commit());
  }

  async abort(): Promise<void> {
    await this.#end((transaction) => transaction.abort());
  }

  async #end(how: (transaction: Transaction) => Promise<void>): Promise<void> {
    const { patience, decided } = this.#home;
    const what = `transactional id ${this.#id}`;
    await this.#run(what, async () => {
      if (this.#written.size === 0 || this.#transaction === null) return;
      await this.#findCoordinator(this.#transaction, what);
      await within(patience, what, how(this.#transaction));
      this.#transaction = null;
      // the coordinator answers before its markers are in the partitions
      await decided(this.#written);
      this.#written.clear();
    });
  }

  /**
   * kafkajs asks for a transaction's end but once, so that a coordinator which is just moving or coming back makes it fail. After a connection has ended, this looks for it
   * first, by a request that can be repeated: group offsets of the transaction, of which there are none.
   */
  async #findCoordinator(transaction: Transaction, what: string): Promise<void> {
    const { ended, patience } = this.#home;
    const now = ended();
    if (now === this.#ended) return;
    try {
      await patiently(patience, what, () => transaction.sendOffsets({ consumerGroupId: this.#id, topics: [] }));
      this.#ended = now;
    } catch (error) {
      // without the right to use a group the end is asked for as it is
      if (failure(error, what).code !== 'not_authorized') throw error;
    }
  }

  async close(): Promise<void> {
    await this.#producer.disconnect();
  }
}
