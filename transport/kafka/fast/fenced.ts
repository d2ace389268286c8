import { setTimeout as sleep } from 'node:timers/promises';
import { MillraceError } from '@millrace/runtime/errors.ts';
import type { Appended, FencedProducer, PartitionBatches, Place } from '../client.ts';
import { CODE } from './codes.ts';
import { type Access, askCoordinator, joinTransaction, takeId } from './coordinator.ts';
import { unmarked } from './markers.ts';
import { features } from './requests.ts';
import { Sender } from './sender.ts';
import { describeTransaction, endTransaction, type Owner, type ProducerId } from './transaction-requests.ts';

/** ms between two looks at the markers: they are there within a few, unless a leader is away */
const FIRST_LOOK = 1;
const LAST_LOOK = 50;
/**
 * From this epoch on the fence goes on until the id has a new producer id. A coordinator that has handed out 32,766 gives a new producer id at the next
 * take-over and writes no marker under the old one: its last owner would stay able to append. So nobody ever owns an epoch near the last.
 */
const LAST_EPOCHS = 32_766 - 64;

/**
 * Takes over an id and puts a marker with a new epoch into every partition named, by aborting a transaction that has them and no records: from there on
 * their leaders refuse what carries an older epoch, also after they moved or were killed.
 */
export async function fence(access: Access, id: string, places: readonly Place[]): Promise<FastFenced> {
  const first = await takeId(access, id);
  let signed = await mark(access, id, first, places);
  while (signed.epoch >= LAST_EPOCHS) signed = await mark(access, id, await takeId(access, id), places);
  return new FastFenced(access, id, places, signed, first.id);
}

/** Resolves with the identity to append under, when its markers stand; those that the coordinator left out (see `markers.ts`) are put again. */
async function mark(access: Access, transactionalId: string, { id, epoch }: ProducerId, places: readonly Place[]): Promise<ProducerId> {
  const owner = { transactionalId, id, epoch };
  if (places.length === 0) return { error: CODE.none, id, epoch };
  await joinTransaction(access, owner, places);
  const signed = await abort(access, owner);
  await markersOf(access, transactionalId, signed);
  const left = await unmarked(access, signed.id, signed.epoch, places);
  return left.length === 0 ? signed : mark(access, transactionalId, signed, left);
}

/**
 * From `transaction.version` 2 on (Kafka 4) the epoch is raised once more at the end: the markers carry that one, and a new producer id begins there when epochs run out.
 * A cluster below it must not be asked that way: it refuses, and then takes nothing more of the id.
 */
async function abort(access: Access, owner: Owner): Promise<ProducerId> {
  const id = owner.transactionalId;
  const levels = await askCoordinator(access, id, features(), () => CODE.none);
  const version = (levels.get('transaction.version') ?? 0) >= 2 ? 5 : 3;
  return askCoordinator(access, id, endTransaction(owner, false, version), ({ error }) => error);
}

/** The end of a transaction is decided before its markers are in the partitions: until they are, the owner before can still append. */
async function markersOf(access: Access, transactionalId: string, { id, epoch }: ProducerId): Promise<void> {
  let over = false;
  const timer = setTimeout(() => {
    over = true;
  }, access.patience);
  try {
    for (let wait = FIRST_LOOK; !over; wait = Math.min(LAST_LOOK, wait * 1.1)) {
      const now = await askCoordinator(access, transactionalId, describeTransaction(transactionalId), ({ error }) => error);
      if (now.state === 'CompleteAbort' && now.id === id && now.epoch === epoch) return;
      if (!now.state.startsWith('Prepare'))
        throw new MillraceError(
          'fenced',
          `Kafka, transactional id ${transactionalId}: another process has taken it over (${now.state}, epoch ${now.epoch} after ${epoch}).`,
        );
      await sleep(wait);
    }
  } finally {
    clearTimeout(timer);
  }
  throw new MillraceError('broker_unreachable', `Kafka, transactional id ${transactionalId}: its markers did not reach all partitions in time.`);
}

/** Plain idempotent appends under the identity of the fence: readers never wait for them. */
export class FastFenced implements FencedProducer {
  readonly producerId: number;
  readonly epoch: number;
  readonly fencedProducerId: number;
  readonly #id: string;
  readonly #places: ReadonlyMap<string, ReadonlySet<number>>;
  readonly #sender: Sender;
  #dead: Error | undefined;

  constructor(access: Access, id: string, places: readonly Place[], signed: ProducerId, fencedProducerId: number) {
    this.producerId = signed.id;
    this.epoch = signed.epoch;
    this.fencedProducerId = fencedProducerId;
    this.#id = id;
    this.#places = new Map([...Map.groupBy(places, ({ topic }) => topic)].map(([topic, mine]) => [topic, new Set(mine.map(({ partition }) => partition))]));
    const identity = { id: signed.id, epoch: signed.epoch, transactional: false };
    this.#sender = new Sender({ ...access, transactionalId: null, identify: async () => identity, failed: (error) => this.end(error) });
  }

  append(records: readonly PartitionBatches[]): Promise<readonly Appended[]> {
    for (const { topic, partition } of records)
      if (!this.#places.get(topic)?.has(partition))
        throw new Error(`${topic}/${partition} was not named when ${this.#id} was fenced: its owner before may still append there`);
    if (this.#dead !== undefined) return Promise.reject(this.#dead);
    return this.#sender.append(records);
  }

  /** After an error it is of no use. */
  end(error: Error): void {
    if (this.#dead !== undefined) return;
    this.#dead = error;
    this.#sender.end(error);
  }
}
