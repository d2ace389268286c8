import type { Place } from '../client.ts';
import type { Cluster } from './cluster.ts';
import { CODE, refusal, Transient } from './codes.ts';
import { persist } from './patience.ts';
import type { Request } from './requests.ts';
import { addPartitions, initProducerId, type Owner, type ProducerId } from './transaction-requests.ts';

/** ms after which the coordinator aborts a transaction whose owner says nothing */
export const TRANSACTION_TIMEOUT = 60_000;

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

/** Makes partitions a part of the owner's open transaction, or of a new one. */
export async function joinTransaction(access: Access, owner: Owner, places: readonly Place[]): Promise<void> {
  await askCoordinator(access, owner.transactionalId, addPartitions(owner, places), (found) => {
    // what was not tried for another's sake says nothing
    const refused = found.filter(({ error }) => error !== CODE.none && error !== CODE.notAttempted);
    // one that ends it all counts before one that passes
    return refused.find(({ error }) => !(refusal(error, '') instanceof Transient)) ?? refused[0] ?? CODE.none;
  });
}
