import { setTimeout as sleep } from 'node:timers/promises';
import { MillraceError } from '@millrace/runtime/errors.ts';
import type { Place } from '../client.ts';
import type { Cluster } from './cluster.ts';
import { CODE, refusal, Transient } from './codes.ts';
import { persist } from './patience.ts';
import type { Request } from './requests.ts';
import {
  addPartitions,
  describeTransaction,
  endTransaction,
  initProducerId,
  type Owner,
  type ProducerId,
  type TransactionState,
} from './transaction-requests.ts';

/** ms after which the coordinator aborts a transaction whose owner says nothing */
export const TRANSACTION_TIMEOUT = 60_000;

/** ms between two looks at a transaction that is being ended */
const SETTLING_LOOK_MS = 2;

export interface Access {
  readonly cluster: Cluster;
  readonly patience: number;
}

/** an error, and the topic that it is about */
interface Refused {
  readonly error: number;
  readonly topic: string | null;
}

/** Asks the broker that keeps an id's transactions, wherever that moves. `judge`: the answer's error code. */
export async function askCoordinator<T>({ cluster, patience }: Access, id: string, request: Request<T>, judge: (answer: T) => number | Refused): Promise<T> {
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

/** The next identity of an id. Whoever had it before is refused by the coordinator from now on; what that one had open is aborted when this resolves. */
export function takeId(access: Access, transactionalId: string): Promise<ProducerId> {
  return askCoordinator(access, transactionalId, initProducerId(transactionalId, TRANSACTION_TIMEOUT), ({ error }) => error);
}

/**
 * How the last transaction of an id stands, once its end is not only decided but told to all partitions that have a leader; null: the coordinator knows no such id.
 * The next transaction could not begin sooner either. @throws broker_unreachable, when that takes too long
 */
export async function settled(access: Access, transactionalId: string): Promise<TransactionState | null> {
  for (let waited = 0; waited < access.patience; waited += SETTLING_LOOK_MS) {
    const known = ({ error }: TransactionState): number => (error === CODE.unknownTransactionalId ? CODE.none : error);
    const last = await askCoordinator(access, transactionalId, describeTransaction(transactionalId), known);
    if (last.error !== CODE.none) return null;
    if (!last.state.startsWith('Prepare')) return last;
    await sleep(SETTLING_LOOK_MS);
  }
  throw new MillraceError('broker_unreachable', `Kafka, transactional id ${transactionalId}: its markers did not reach all partitions in time.`);
}

/** Ends the owner's open transaction, and waits until that is told to its partitions. */
export async function endOpen(access: Access, owner: Owner, commit: boolean): Promise<void> {
  await askCoordinator(access, owner.transactionalId, endTransaction(owner, commit), ({ error }) => error);
  await settled(access, owner.transactionalId);
}

/** Makes partitions a part of the owner's open transaction, or of a new one. */
export async function joinTransaction(access: Access, owner: Owner, places: readonly Place[]): Promise<void> {
  await askCoordinator(access, owner.transactionalId, addPartitions(owner, places), (found) => {
    // what was not tried for another's sake says nothing
    const refused = found.filter(({ error }) => error !== CODE.none && error !== CODE.notAttempted);
    // one that ends it all counts before one that passes
    return refused.find(({ error }) => !(refusal(error, '') instanceof Transient)) ?? refused[0] ?? CODE.none;
  });
}
