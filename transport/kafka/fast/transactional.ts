import { setTimeout as sleep } from 'node:timers/promises';
import { MillraceError } from '@millrace/runtime/errors.ts';
import type { PartitionBatches, TransactionalProducer } from '../client.ts';
import type { Identity } from './batchhead.ts';
import { CODE, refusal } from './codes.ts';
import { type Access, askCoordinator, joinTransaction, TRANSACTION_TIMEOUT, takeId } from './coordinator.ts';
import type { Outbox } from './outbox.ts';
import { persist } from './patience.ts';
import { Sender } from './sender.ts';
import { describeTransaction, endTransaction, initProducerId, type Owner } from './transaction-requests.ts';

/** An identity for appends outside transactions. */
export async function anonymous({ cluster, patience }: Access): Promise<Identity> {
  return persist(patience, async () => {
    const { error, id, epoch } = await cluster.askAny(initProducerId(null, TRANSACTION_TIMEOUT));
    if (error !== CODE.none) throw refusal(error, 'an idempotent producer');
    return { id, epoch, transactional: false };
  });
}

/** Takes over a transactional id: whoever had it is fenced, and what that one had open is aborted when this resolves. */
export async function takeOver(access: Access, transactionalId: string): Promise<FastTransactional> {
  const { id, epoch } = await takeId(access, transactionalId);
  return new FastTransactional(access, transactionalId, { id, epoch, transactional: true });
}

/** The one owner of a transactional id. */
export class FastTransactional implements TransactionalProducer {
  readonly #access: Access;
  readonly #owner: Owner;
  readonly #sender: Sender;
  /** partitions that the open transaction has, or is about to have */
  readonly #parts = new Set<Outbox>();
  #adding: Promise<void> = Promise.resolve();
  #dead: Error | undefined;

  constructor(access: Access, transactionalId: string, identity: Identity) {
    this.#access = access;
    this.#owner = { transactionalId, id: identity.id, epoch: identity.epoch };
    this.#sender = new Sender({ ...access, transactionalId, identify: async () => identity, failed: (error) => this.end(error) });
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
      await joinTransaction(this.#access, this.#owner, outboxes);
      for (const outbox of outboxes) outbox.gated = false;
      this.#sender.pump();
    } catch (error) {
      this.end(error as Error);
    }
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
      await askCoordinator(this.#access, transactionalId, endTransaction(this.#owner, commit), ({ error }) => error);
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
    for (let waited = 0; waited < this.#access.patience; waited += 2) {
      const { state } = await askCoordinator(this.#access, transactionalId, describeTransaction(transactionalId), ({ error }) => error);
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
