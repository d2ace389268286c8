import type { MillraceError } from '@millrace/runtime/errors.ts';
import type { PartitionBatches, Producer, TransactionalProducer } from '../client.ts';
import { failure, patiently, within } from './errors.ts';
import type { Producer as LibraryProducer, Transaction } from './library.ts';
import { sends } from './producing.ts';

/** What both kinds of producers need to know of the client. */
export interface Home {
  readonly patience: number;
  /** @throws unknown_topic at once: kafkajs would look for it until its patience is over */
  known(topics: Iterable<string>): Promise<void>;
  /** resolves when what is decided of a topic's partitions ends behind these offsets (or after a while, should another's transaction be in between) */
  decided(written: ReadonlyMap<string, ReadonlyMap<number, number>>): Promise<void>;
}

const about = (records: readonly PartitionBatches[]) => `topic ${[...new Set(records.map(({ topic }) => topic))].join(', ')}`;

/** Sends one batch after the other; after a failure nothing more, as part of it may have arrived. */
class Sender {
  readonly home: Home;
  #last: Promise<unknown> = Promise.resolve();
  #failure: MillraceError | null = null;

  constructor(home: Home) {
    this.home = home;
  }

  /** runs `work` when all before it is done */
  run(what: string, work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(async () => {
      if (this.#failure !== null) throw this.#failure;
      try {
        await work();
      } catch (error) {
        this.#failure = failure(error, what);
        throw this.#failure;
      }
    });
    this.#last = done.catch(() => {});
    return done;
  }
}

/** Appends outside transactions. Connects with the first append. */
export class PlainProducer implements Producer {
  readonly #producer: LibraryProducer;
  readonly #sender: Sender;
  #connected = false;

  constructor(producer: LibraryProducer, home: Home) {
    this.#producer = producer;
    this.#sender = new Sender(home);
  }

  async append(records: readonly PartitionBatches[]): Promise<void> {
    const { home } = this.#sender;
    const what = about(records);
    await home.known(records.map(({ topic }) => topic));
    await this.#sender.run(what, async () => {
      if (!this.#connected) await patiently(home.patience, 'brokers', () => this.#producer.connect());
      this.#connected = true;
      for (const topicMessages of sends(records)) await within(home.patience, what, this.#producer.sendBatch({ acks: -1, topicMessages }));
    });
  }

  async close(): Promise<void> {
    await this.#producer.disconnect();
  }
}

/** Appends in transactions. To open one fences whoever had the id before. */
export class KafkajsTransactional implements TransactionalProducer {
  readonly #producer: LibraryProducer;
  readonly #sender: Sender;
  readonly #id: string;
  #transaction: Transaction | null;
  /** last offset written in the transaction, by topic and partition */
  readonly #written = new Map<string, Map<number, number>>();

  private constructor(producer: LibraryProducer, home: Home, id: string, first: Transaction) {
    this.#producer = producer;
    this.#sender = new Sender(home);
    this.#id = id;
    this.#transaction = first;
  }

  static async open(producer: LibraryProducer, home: Home, id: string): Promise<KafkajsTransactional> {
    const what = `transactional id ${id}`;
    await patiently(home.patience, what, () => producer.connect());
    // kafkajs asks for its producer id, and so fences, when it begins its first transaction
    const first = await patiently(home.patience, what, () => producer.transaction());
    return new KafkajsTransactional(producer, home, id, first);
  }

  async append(records: readonly PartitionBatches[]): Promise<void> {
    const { home } = this.#sender;
    await home.known(records.map(({ topic }) => topic));
    const what = `transactional id ${this.#id}, ${about(records)}`;
    await this.#sender.run(what, async () => {
      for (const topicMessages of sends(records)) {
        this.#transaction ??= await within(home.patience, what, this.#producer.transaction());
        for (const { topic } of topicMessages) if (!this.#written.has(topic)) this.#written.set(topic, new Map());
        const acks = await within(home.patience, what, this.#transaction.sendBatch({ acks: -1, topicMessages }));
        for (const { topicName, partition, baseOffset } of acks) this.#written.get(topicName)?.set(partition, Number(baseOffset));
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
    const { home } = this.#sender;
    const what = `transactional id ${this.#id}`;
    await this.#sender.run(what, async () => {
      if (this.#written.size === 0 || this.#transaction === null) return;
      await within(home.patience, what, how(this.#transaction));
      this.#transaction = null;
      // the coordinator answers before its markers are in the partitions
      await home.decided(this.#written);
      this.#written.clear();
    });
  }

  async close(): Promise<void> {
    await this.#producer.disconnect();
  }
}
