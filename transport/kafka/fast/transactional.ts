import { setTimeout as sleep } from 'node:timers/promises';
import { MillraceError } from '@millrace/runtime/errors.ts';
import type { PartitionBatches, Place, TransactionalProducer } from '../client.ts';
import type { Identity } from './batchhead.ts';
import type { Cluster } from './cluster.ts';
import { CODE, refusal, Transient } from './codes.ts';
import type { Outbox } from './outbox.ts';
import { persist } from './patience.ts';
import type { Request } from './requests.ts';
import { Sender } from './sender.ts';
import { addPartitions, describeTransaction, endTransaction, initProducerId } from './transaction-requests.ts';

/** ms after which the coordinator aborts a transaction whose owner says nothing */
const TIMEOUT = 60_000;

interface Options {
  readonly cluster: Cluster;
  readonly patience: number;
}

/** an error, and the topic that it is about */
interface Refused {
  readonly error: number;
  readonly topic: string | null;
}

async function askCoordinator<T>({ cluster, patience }: Options, id: string, request: Request<T>, judge: (answer: T) => number | Refused): Promise<T> {
  let moved = false;
  return persist(patience, async () => {
    try {
      const node = await cluster.coordinator(id, moved);
      moved = false;
      const answer = await cluster.ask(node, request);
      const judged = judge(answer);
      const { error, topic } = typeof judged === 'number' ? { error: judged, topic: null } : judged;
      if (error !== CODE.none) throw refusal(error, topic === null ? `transactional id ${id}` : `transactional id ${id}, topic ${topic}`);
      return answer;
    } catch (error) {
      moved = error instanceof Transient && error.moved;
      throw error;
    }
  });
}

/** An identity for appends outside transactions. */
export async function anonymous({ cluster, patience }: Options): Promise<Identity> {
  return persist(patience, async () => {
    const { error, id, epoch } = await cluster.askAny(initProducerId(null, TIMEOUT));
    if (error !== CODE.none) throw refusal(error, 'an idempotent producer');
    return { id, epoch, transactional: false };
  });
}

/** Takes over a transactional id: whoever had it is fenced, and what that one had open is aborted when this resolves. */
export async function takeOver(options: Options, transactionalId: string): Promise<FastTransactional> {
  const { id, epoch } = await askCoordinator(options, transactionalId, initProducerId(transactionalId, TIMEOUT), ({ error }) => error);
  return new FastTransactional(options, transactionalId, { id, epoch, transactional: true });
}

/** The one owner of a transactional id. */
export class FastTransactional implements TransactionalProducer {
  readonly #options: Options;
  readonly #owner: { readonly transactionalId: string; readonly id: number; readonly epoch: number };
  readonly #sender: Sender;
  /** partitions that the open transaction has, or is about to have */
  readonly #parts = new Set<Outbox>();
  #adding: Promise<void> = Promise.resolve();
  #dead: Error | undefined;

  constructor(options: Options, transactionalId: string, identity: Identity) {
    this.#options = options;
    this.#owner = { transactionalId, id: identity.id, epoch: identity.epoch };
    this.#sender = new Sender({ ...options, transactionalId, identify: async () => identity, failed: (error) => this.end(error) });
  }

  async append(records: readonly PartitionBatches[]): Promise<void> {
    this.#alive();
    const fresh = new Set<Outbox>();
    for (const { topic, partition, batches } of records) {
      const outbox = this.#sender.outbox(topic, partition);
      if (this.#parts.has(outbox) || batches.every(({ count }) => count === 0)) continue;
      outbox.gated = true;
      this.#parts.add(outbox);
      fresh.add(outbox);
    }
    if (fresh.size > 0) this.#adding = this.#adding.then(() => this.#add([...fresh]));
    await this.#sender.append(records);
  }

  async #add(outboxes: readonly Outbox[]): Promise<void> {
    if (this.#dead !== undefined) return;
    try {
      await this.#join(outboxes);
      for (const outbox of outboxes) outbox.gated = false;
      this.#sender.pump();
    } catch (error) {
      this.end(error as Error);
    }
  }

  async #join(places: readonly Place[]): Promise<void> {
    const { transactionalId } = this.#owner;
    await askCoordinator(this.#options, transactionalId, addPartitions(this.#owner, places), (found) => {
      // what was not tried for another's sake says nothing
      const refused = found.filter(({ error }) => error !== CODE.none && error !== CODE.notAttempted);
      // one that ends it all counts before one that passes
      return refused.find(({ error }) => !(refusal(error, '') instanceof Transient)) ?? refused[0] ?? CODE.none;
    });
  }

  commit(): Promise<void> {
    return this.#finish(true);
  }

  abort(): Promise<void> {
    return this.#finish(false);
  }

  async #finish(commit: boolean): Promise<void> {
    this.#alive();
    if (this.#parts.size === 0) return;
    if (!commit) this.#sender.withdraw(new MillraceError('broker_refused', 'The transaction was aborted before these records were sent.'));
    await this.#adding;
    await this.#sender.drained();
    this.#alive();
    try {
      const { transactionalId } = this.#owner;
      await askCoordinator(this.#options, transactionalId, endTransaction(this.#owner, commit), (error) => error);
      await this.#complete();
    } catch (error) {
      this.end(error as Error);
      throw error;
    }
    for (const outbox of this.#parts) outbox.gated = true;
    this.#parts.clear();
  }

  /** The end is decided; it is visible when the markers are in all partitions. The next transaction could not begin sooner either. */
  async #complete(): Promise<void> {
    const { transactionalId } = this.#owner;
    for (let waited = 0; waited < this.#options.patience; waited += 2) {
      const { state } = await askCoordinator(this.#options, transactionalId, describeTransaction(transactionalId), ({ error }) => error);
      if (!state.startsWith('Prepare')) return;
      await sleep(2);
    }
    throw new MillraceError('broker_unreachable', `Kafka, transactional id ${transactionalId}: its markers did not reach all partitions in time.`);
  }

  #alive(): void {
    if (this.#dead !== undefined) throw this.#dead;
  }

  /** After an error it is of no use. */
  end(error: Error): void {
    if (this.#dead !== undefined) return;
    this.#dead = error;
    this.#sender.end(error);
  }
}
