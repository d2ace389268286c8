import { type ErrorCode, MillraceError } from '@millrace/runtime/errors.ts';
import { probe } from '@millrace/runtime/probe.ts';
import type { BatchAppender } from '../batchappender.ts';
import type { Commit, Fence, Transport } from '../log.ts';
import type { TransactionalProducer } from './client.ts';
import type { KafkaLog } from './kafka-log.ts';
import type { KafkaLedger } from './ledger.ts';
import { Live } from './live.ts';
import type { Shared } from './shared.ts';

/** What one appender holds of a commit. */
interface Taken {
  readonly appender: BatchAppender;
  readonly batches: ReturnType<BatchAppender['take']>;
}

/**
 * The transport of whoever owns a transactional id: a commit is one Kafka transaction under it. Once anything of one has failed it is of no use: what stands
 * is found out by whoever owns the id next. Where records leave at once, commits are for snapshots, and `<id>.live` signs what leaves.
 */
export class OwnerTransport implements Transport {
  readonly kind = 'kafka';
  readonly log: KafkaLog;
  readonly ledger: KafkaLedger;
  readonly #shared: Shared;
  readonly #id: string;
  readonly #session: string;
  readonly #producer: TransactionalProducer;
  readonly immediate?: Live;
  #last: Promise<void> = Promise.resolve();
  #failure: { readonly code: ErrorCode; readonly cause: unknown } | null = null;
  #closed = false;

  /** `session` tells what this owner writes from all else; `caughtUp`: where records leave at once */
  constructor(shared: Shared, id: string, session: string, producer: TransactionalProducer, caughtUp: (() => Promise<void>) | null) {
    this.#shared = shared;
    this.#id = id;
    this.#session = session;
    this.#producer = producer;
    this.log = shared.log;
    this.ledger = shared.ledger;
    const fate = { usable: () => this.#usable(), failed: (cause: unknown) => this.#failed(cause) };
    if (caughtUp !== null) this.immediate = new Live(shared, `${id}.live`, `${session}.live`, fate, caughtUp);
  }

  /** What the appenders hold when it is called is in the commit; they may be filled again at once. Commits follow one another. */
  commit(wanted: Commit): Promise<void> {
    let taken: Taken[];
    try {
      this.#usable();
      this.#check(wanted.fence);
      taken = (wanted.appenders as readonly BatchAppender[]).map((appender) => ({ appender, batches: appender.take() }));
    } catch (error) {
      return Promise.reject(error);
    }
    const done = this.#last.then(async () => {
      this.#usable();
      try {
        await this.#commit(wanted, taken);
      } catch (cause) {
        throw this.#failed(cause);
      }
    });
    this.#last = done.catch(() => {});
    return done;
  }

  note(puts: Commit['puts'], fence?: Fence): void {
    this.#usable();
    this.#check(fence);
    this.ledger.note(this.#session, puts);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
    await this.immediate?.settled();
  }

  async #commit(wanted: Commit, taken: readonly Taken[]): Promise<void> {
    const writing = await this.ledger.records(this.#session, wanted, wanted.gently);
    const records = [...taken.flatMap(({ appender, batches }) => batches.map((of) => ({ topic: appender.topic, ...of }))), ...writing.records];
    try {
      if (records.length > 0) {
        await this.#producer.append(records);
        probe('kafka.appended');
        await this.#producer.commit();
        probe('kafka.committed');
      }
    } catch (error) {
      this.ledger.lost(writing);
      throw error;
    }
    this.ledger.written(writing);
    for (const { appender, batches } of taken) for (const of of batches) appender.giveBack(of.batches);
    await this.#truncate(wanted.truncate ?? []);
    this.#shared.arrivals.notify();
  }

  async #truncate(wanted: NonNullable<Commit['truncate']>): Promise<void> {
    const topics = new Map<string, Map<number, number>>();
    for (const { topic, partition, before } of wanted) {
      const of = topics.get(topic) ?? new Map<number, number>();
      topics.set(topic, of.set(partition, before));
    }
    for (const [topic, before] of topics) await this.#shared.client.deleteRecords(topic, before);
  }

  /** The transactional id fences for good; this is for what a fence says beyond that. */
  #check(fence: Fence | undefined): void {
    if (fence === undefined) return;
    const value = this.ledger.get(fence.key);
    const holds = value === null || fence.value === null ? value === fence.value : Buffer.compare(value, fence.value) === 0;
    if (!holds) throw new MillraceError('fenced', `Another process has taken ${fence.key}.`);
  }

  #failed(cause: unknown): unknown {
    const code = cause instanceof MillraceError ? cause.code : 'defect';
    const error = code === 'fenced' ? new MillraceError(code, `Another process has taken over ${this.#id}.`, { cause }) : cause;
    this.#failure ??= { code, cause: error };
    return error;
  }

  #usable(): void {
    if (this.#closed) throw new Error('the transport is closed');
    const { code, cause } = this.#failure ?? {};
    if (code !== undefined) throw new MillraceError(code, `The transport is of no use since an earlier commit failed: ${(cause as Error).message}`, { cause });
  }
}
