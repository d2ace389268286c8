import { MillraceError } from '@millrace/runtime/errors.ts';
import type { Place } from '../client.ts';
import type { Cluster } from './cluster.ts';
import { CODE, refusal, Transient } from './codes.ts';
import { type Access, endOpen, joinTransaction } from './coordinator.ts';
import { persist } from './patience.ts';
import { describeProducers, type PartitionProducers } from './producer-requests.ts';
import { listOffsets, type Request } from './requests.ts';
import type { Owner } from './transaction-requests.ts';

/*
 * A coordinator ends a transaction with a marker in each of its partitions. It leaves out a partition that has no leader at that moment, as if the topic were deleted, and
 * counts the transaction as ended (Kafka 4.3.1, TransactionMarkerChannelManager). All partitions of a lone broker have none while it stops and starts, and one without
 * replicas has none while its broker is away. There the transaction is open for good: no marker comes, and nobody reads committed past it. So owners look.
 */

interface Refusable extends Place {
  readonly error: number;
}

/** A place of which it may be known where its transaction's records end there: one behind the last, or −1. */
interface Written extends Place {
  readonly end?: number;
}

const isOf = (error: unknown, ...codes: readonly string[]): boolean =>
  (error instanceof MillraceError || error instanceof Transient) && codes.includes(error.code);

/** Asks the leaders of these partitions. Of a topic that is gone, or may not be asked about, nothing is known, and nothing can be done: it is left out. */
async function askLeaders<T extends Refusable>(cluster: Cluster, places: readonly Place[], request: (mine: readonly Place[]) => Request<T[]>): Promise<T[]> {
  const leaders = new Map<string, readonly number[]>();
  for (const topic of new Set(places.map((place) => place.topic))) {
    try {
      leaders.set(topic, await cluster.leaders(topic, false));
    } catch (error) {
      if (!isOf(error, 'unknown_topic', 'not_authorized')) throw error;
    }
  }
  const byNode = Map.groupBy(places, ({ topic, partition }) => leaders.get(topic)?.[partition]);
  const answers = await Promise.all([...byNode].map(([node, mine]) => (node === undefined ? [] : cluster.ask(node, request(mine)))));
  return answers.flat().filter(({ topic, partition, error }) => {
    const refused = error === CODE.none ? null : refusal(error, `${topic}/${partition}`);
    if (refused instanceof Transient) throw refused;
    return refused === null;
  });
}

function persistently<T>({ cluster, patience }: Access, attempt: () => Promise<T>): Promise<T> {
  return persist(patience, async (failed) => {
    if (failed > 0) await cluster.refresh();
    return attempt();
  });
}

/** Whom the leaders remember in these partitions. */
function producersOf(access: Access, places: readonly Place[]): Promise<PartitionProducers[]> {
  return persistently(access, () => askLeaders(access.cluster, places, describeProducers));
}

/** By `topic/partition`. */
function offsetsOf(access: Access, places: readonly Place[], which: 'end' | 'stable'): Promise<ReadonlyMap<string, number>> {
  return persistently(access, async () => {
    const found = places.length === 0 ? [] : await askLeaders(access.cluster, places, (mine) => listOffsets(mine, which));
    return new Map(found.map(({ topic, partition, offset }) => [`${topic}/${partition}`, offset]));
  });
}

/** Those of these partitions in which a transaction of this producer is open. The right to read the topics is needed, and where it is not there none is found. */
export async function openOf(access: Access, producerId: number, places: readonly Written[]): Promise<Place[]> {
  const unknown = places.filter(({ end = -1 }) => end < 0);
  const ends = await offsetsOf(access, unknown, 'end');
  const stable = await offsetsOf(access, places, 'stable');
  const suspects = places.filter(({ topic, partition, end = -1 }) => {
    const place = `${topic}/${partition}`;
    return (stable.get(place) ?? Number.POSITIVE_INFINITY) < (end < 0 ? (ends.get(place) ?? 0) : end);
  });
  if (suspects.length === 0) return [];
  const found = await producersOf(access, suspects);
  return found.filter(({ producers }) => producers.some(({ id, openFrom }) => id === producerId && openFrom >= 0));
}

/** Ends what an earlier transaction of the owner has left open: the markers of one that has these partitions and no records end all that their producer has open there. */
export async function endEverywhere(access: Access, owner: Owner, places: readonly Written[], commit: boolean): Promise<void> {
  for (let left = await openOf(access, owner.id, places); left.length > 0; left = await openOf(access, owner.id, left)) {
    await joinTransaction(access, owner, left);
    await endOpen(access, owner, commit);
  }
}

/** Those of these partitions that do not know a producer by this epoch, or a later one: an earlier owner could still append there. */
export async function unmarked(access: Access, producerId: number, epoch: number, places: readonly Place[]): Promise<Place[]> {
  const found = await producersOf(access, places);
  return found.filter(({ producers }) => !producers.some((one) => one.id === producerId && one.epoch >= epoch));
}
