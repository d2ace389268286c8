import { MillraceError } from '@millrace/runtime/errors.ts';
import type { Appended, PartitionBatches, Place, TransactionalProducer } from '../client.ts';
import type { Identity } from './batchhead.ts';
import { CODE, refusal } from './codes.ts';
import { type Access, endOpen, joinTransaction, settled, TRANSACTION_TIMEOUT, takeId } from './coordinator.ts';
import { endEverywhere, openOf } from './markers.ts';
import type { Outbox } from './outbox.ts';
import { persist } from './patience.ts';
import { Sender } from './sender.ts';
import { initProducerId, type Owner } from './transaction-requests.ts';

/** An identity for appends outside transactions. */
export async function anonymous({ cluster, patience }: Access): Promise<Identity> {
  return persist(patience, async () => {
    const { error, id, epoch } = await cluster.askAny(initProducerId(null, TRANSACTION_TIMEOUT));
    if (error !== CODE.none) throw refusal(error, 'an idempotent producer');
    return { id, epoch, transactional: false };
  });
}

/**
 * Takes over a transactional id: whoever had it is fenced, and what that one had open is aborted when this resolves. What its last transaction has left open in the
 * partitions `written` (see `markers.ts`) is ended as that was.
 */
export async function takeOver(access: Access, transactionalId: string, written: readonly Place[]): Promise<FastTransactional> {
  const last = await settled(access, transactionalId);
  // looked for before the id is taken: from then on the coordinator no longer knows how the last one ended
  const left = last?.state.startsWith('Complete') ? await openOf(access, last.id, written) : [];
  const { id, epoch } = await takeId(access, transactionalId);
  const owner = { transactionalId, id, epoch };
  // those before an open one had ended everywhere: nobody begins one sooner
  if (last?.state === 'Ongoing') left.push(...(await openOf(access, id, written)));
  if (last?.id === id) await endEverywhere(access, owner, left, last.state === 'CompleteCommit');
  return new FastTransactional(access, owner);
}

/** Each partition once, with the end of all that went there; unknown where one end is. */
function furthest(appended: readonly Appended[]): Appended[] {
  const ends = new Map<string, Appended>();
  for (const one of appended) {
    const place = `${one.topic}/${one.partition}`;
    const end = ends.get(place)?.end ?? one.end;
    ends.set(place, { ...one, end: Math.min(end, one.end) < 0 ? -1 : Math.max(end, one.end) });
  }
  return [...ends.values()];
}

/** The one owner of a transactional id. */
export class FastTransactional implements TransactionalProducer {
  readonly #access: Access;
  readonly #owner: Owner;
  readonly #sender: Sender;
  /** partitions that the open transaction has, or is about to have */
  readonly #parts = new Set<Outbox>();
  readonly #appends: Promise<readonly Appended[]>[] = [];
  #adding: Promise<void> = Promise.resolve();
  #dead: Error | undefined;

  constructor(access: Access, owner: Owner) {
    const { transactionalId, id, epoch } = owner;
    this.#access = access;
    this.#owner = owner;
    const identity = { id, epoch, transactional: true };
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
    const appended = this.#sender.append(records);
    this.#appends.push(appended);
    await appended;
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
    const appends = this.#appends.splice(0);
    if (this.#parts.size === 0) return;
    if (!commit) this.#sender.withdraw(new MillraceError('broker_refused', 'The transaction was aborted before these records were sent.'));
    await this.#adding;
    await this.#sender.drained();
    this.#alive();
    try {
      await endOpen(this.#access, this.#owner, commit);
      await endEverywhere(this.#access, this.#owner, commit ? furthest((await Promise.all(appends)).flat()) : [...this.#parts], commit);
    } catch (error) {
      this.end(error as Error);
      throw error;
    }
    for (const outbox of this.#parts) outbox.gated = true;
    this.#parts.clear();
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
