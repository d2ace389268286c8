import { MillraceError } from '@millrace/runtime/errors.ts';
import { probe } from '@millrace/runtime/probe.ts';
import type { BatchAppender } from '../batchappender.ts';
import type { Commit, Ended, Immediate, Sending, Signature } from '../log.ts';
import type { FencedProducer, Place } from './client.ts';
import type { Shared } from './shared.ts';

/**
 * For so long after it was begun a fence is relied on, ms: brokers forget one in a partition that nobody appended to for a day. An owner that stood still for longer
 * may have been followed by another that is gone again, and nobody but its own clock would tell it.
 */
const GOOD_FOR_MS = 18 * 3600 * 1000;

/** What the sends of an owner share with its commits: one failure ends both. */
export interface Fate {
  /** @throws what anything has failed with */
  usable(): void;
  /** gives the error to throw */
  failed(cause: unknown): unknown;
}

/**
 * Sends records under an identity that the partitions know, outside of any transaction: `fence` refuses whoever had the id before in all of them, and from then on
 * what is sent is to be read at once.
 */
export class Live implements Immediate {
  readonly #shared: Shared;
  readonly #id: string;
  readonly #session: string;
  readonly #fate: Fate;
  readonly #caughtUp: () => Promise<void>;
  #producer: FencedProducer | null = null;
  #fencedAt = 0;
  /** the puts of all sends so far */
  #puts: Promise<void> = Promise.resolve();
  /** the puts that records wait for: those of sends with records, and those that lead. Others hold up nothing but puts */
  #gate: Promise<void> = Promise.resolve();
  readonly #sending = new Set<Promise<unknown>>();

  /** `id`: for this alone, not for transactions; `session` tells what it writes to the ledger from all else; `caughtUp`: when all that the owner before has written down is here */
  constructor(shared: Shared, id: string, session: string, fate: Fate, caughtUp: () => Promise<void>) {
    this.#shared = shared;
    this.#id = id;
    this.#session = session;
    this.#fate = fate;
    this.#caughtUp = caughtUp;
  }

  async fence(topics: Iterable<string>): Promise<Signature> {
    const { client, log, ledger, now } = this.#shared;
    if (client.fenced === undefined) throw new Error('this client cannot fence');
    const places: Place[] = [...new Set(topics)].flatMap((topic) =>
      Array.from({ length: log.topic(topic)?.partitions ?? 0 }, (_, partition) => ({ topic, partition })),
    );
    try {
      this.#fencedAt = now();
      const producer = await client.fenced(this.#id, [...places, ...ledger.places]);
      this.#producer = producer;
      // what the owner before has written down until now
      await this.#caughtUp();
      return { id: producer.producerId, refused: producer.fencedProducerId };
    } catch (cause) {
      throw this.#fate.failed(cause);
    }
  }

  send(what: Sending): Promise<readonly Ended[]> {
    let sent: Promise<readonly Ended[]>;
    try {
      this.#fate.usable();
      const producer = this.#signing();
      const appenders = [...new Set(what.appenders as readonly BatchAppender[])];
      const taken = appenders.map((appender) => ({ appender, batches: appender.take() }));
      const { puts } = what;
      const durable = puts.length === 0 ? this.#gate.then(() => this.#fate.usable()) : this.#puts.then(() => this.#put(producer, puts));
      // what follows one that fails fails too: it must not leave without it
      if (puts.length > 0) this.#puts = durable;
      if (puts.length > 0 && (what.leads || taken.some(({ batches }) => batches.length > 0))) this.#gate = durable;
      sent = durable.then(async () => {
        const records = taken.flatMap(({ appender, batches }) => batches.map((of) => ({ topic: appender.topic, ...of })));
        const ended = records.length > 0 ? await this.#signing(producer).append(records) : [];
        if (records.length > 0) probe('kafka.sent');
        for (const { appender, batches } of taken) for (const of of batches) appender.giveBack(of.batches);
        return ended;
      });
    } catch (error) {
      return Promise.reject(error);
    }
    const done = sent.catch((cause: unknown) => {
      throw this.#fate.failed(cause);
    });
    this.#sending.add(done);
    const over = () => void this.#sending.delete(done);
    done.then(over, over);
    return done;
  }

  /** Who signs. @throws MillraceError fenced when its fence is too old to be relied on */
  #signing(producer = this.#producer): FencedProducer {
    if (producer === null) throw new Error('nothing is fenced yet');
    const age = this.#shared.now() - this.#fencedAt;
    if (age <= GOOD_FOR_MS) return producer;
    throw new MillraceError('fenced', `The fence of ${this.#id} is ${Math.floor(age / 3_600_000)} h old: brokers may know of another owner no more.`);
  }

  async #put(producer: FencedProducer, puts: Commit['puts']): Promise<void> {
    this.#fate.usable();
    const { ledger } = this.#shared;
    const writing = await ledger.records(this.#session, { puts });
    try {
      await this.#signing(producer).append(writing.records);
    } catch (error) {
      ledger.lost(writing);
      throw error;
    }
    probe('kafka.noted');
    ledger.written(writing);
  }

  /** resolves when nothing is on its way */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#sending);
  }
}
