import type { BatchView } from '../log.ts';
import type { BatchBuilder } from '../recordbatch.ts';

/**
 * What the Kafka transport needs of a client library. Adapters: `fast/` (@platformatic/kafka's protocol API with our own record-batch reader
 * and encoder) and `kafkajs/`; both pass `client.case.ts` against a real broker. Nothing above this seam knows which one runs.
 *
 * Calls retry by themselves what can be retried (leader and coordinator moves, a broker away) until `settings.patience` has passed, then throw a
 * `MillraceError`: broker_unreachable, authentication_failed, tls_failed, not_authorized, unknown_topic, message_too_large, fenced …
 */
export interface KafkaClient {
  /** partitions by topic name; null: all topics but Kafka's own. A topic that is not there is not in the answer */
  topics(names: readonly string[] | null): Promise<ReadonlyMap<string, number>>;
  /** what tells a topic from one that had its name before; null: nobody knows. Absent in kafkajs, which does not ask */
  identity?(topic: string): Promise<string | null>;
  /** makes what is not there; what is there stays as it is */
  create(topics: readonly NewTopic[]): Promise<void>;
  /** by partition: the first offset kept, the end (one behind the last record), or the end of what is decided (last stable offset) */
  offsets(topic: string, which: 'start' | 'end' | 'stable'): Promise<readonly number[]>;
  /** drops records below the offset of each partition named */
  deleteRecords(topic: string, before: ReadonlyMap<number, number>): Promise<void>;
  /** begins to fetch a partition in the background, from an offset on; one below the first kept begins at the first */
  feed(topic: string, partition: number, offset: number): Feed;
  /** appends that are not part of a transaction: idempotent, acks all */
  readonly producer: Producer;
  /**
   * Fences whoever used this id before, and gives its transactions. `written`: partitions that the id may have been used for; what its last transaction left open there, as a
   * broker that stops may lose the end of one, is ended as that was. kafkajs cannot, and leaves it.
   */
  transactional(id: string, written?: readonly Place[]): Promise<TransactionalProducer>;
  /**
   * Fences whoever used this id before at every partition named, written or never written, and gives a producer whose appends to these are visible at once.
   * Resolves when the markers stand in all of them: what an earlier owner has in them lies below the ends that are asked for after that.
   * The id is for this alone: not for `transactional`. Absent in kafkajs, which sends under another producer id outside transactions.
   */
  fenced?(id: string, places: readonly Place[]): Promise<FencedProducer>;
  close(): Promise<void>;
}

export interface NewTopic {
  readonly name: string;
  readonly partitions: number;
  readonly replication: number;
  /** Kafka's topic settings, such as cleanup.policy */
  readonly config: Readonly<Record<string, string>>;
}

/**
 * One partition, fetched ahead in the background, read committed: records of open and aborted transactions and control records are not in it.
 * Bounded by bytes: a feed that is not polled fetches no more than `settings.prefetch`. Calls `settings.arrived` when something came.
 */
export interface Feed {
  /** what has come, up to about `maxBytes` (at least one record, at most `maxRecords`), or null; what `Reader.poll` of `log.ts` says. Throws what fetching failed with */
  poll(maxBytes: number, maxRecords?: number): BatchView | null;
  /** offset of the next record `poll` would give; moves over what is not given (control records, compacted ones) as it is found */
  readonly position: number;
  /** the end of what is decided (last stable offset), as the last answer said; −1 before the first */
  readonly end: number;
  /** the first offset kept, as the last answer said; −1 before the first. Known by the time that `position` has moved to it: records between an older position and this one are gone */
  readonly start: number;
  /** goes on from there; what was fetched ahead is kept where it fits */
  seek(offset: number): void;
  close(): void;
}

/** The records of one partition, in order. The client sets producer, sequence and CRC into the builder's own bytes, and resends those bytes. */
export interface PartitionBatches {
  readonly topic: string;
  readonly partition: number;
  readonly batches: readonly BatchBuilder[];
}

export interface Place {
  readonly topic: string;
  readonly partition: number;
}

/** Where the records of one append went in one partition. */
export interface Appended extends Place {
  /** one behind the last of them; −1 in the rare case that a broker which was asked again no longer says */
  readonly end: number;
}

/**
 * Records must carry times near the clock: a broker forgets a writer by the time of its last records (`producer.id.expiration.ms`, a day), and
 * after a restart it would take a batch that is sent again for a new one.
 */
export interface Producer {
  /** Resolves when all are acknowledged; the builders may be used again then. Gives each partition that got something, in the order of the call. */
  append(records: readonly PartitionBatches[]): Promise<readonly Appended[]>;
}

/**
 * Exactly one owner of the partitions it was given at a time; nothing of an earlier one can follow. Overlapping appends keep their order in each partition.
 * After any failed append it is of no use, as nobody knows what of it stands: nothing is sent again under another number, and what is still to come fails with the same error.
 */
export interface FencedProducer extends Producer {
  /** @throws Error (a programming error, at once, and nothing of the call is sent) for a partition that was not named when fencing; rejects with fenced once there is another owner */
  append(records: readonly PartitionBatches[]): Promise<readonly Appended[]>;
  /** who appends, as the brokers know it: stands in the head of each batch */
  readonly producerId: number;
  readonly epoch: number;
  /**
   * The producer id under which the fence put its first markers: an owner before that had this `producerId` is fenced, one that had another is not. It is another
   * when the brokers forgot the id (7 days without a fence) or were made anew. Differs from `producerId` only when the epochs of one ran out.
   */
  readonly fencedProducerId: number;
}

/** Exactly one owner at a time. After any error it is of no use: the owner ends, and whoever comes next finds out what stands. */
export interface TransactionalProducer {
  /** Sends as part of the transaction that is open, or opens one. As `Producer.append`, but what it gives. */
  append(records: readonly PartitionBatches[]): Promise<void>;
  /** Resolves when all that was appended since the last commit is visible together. Nothing to do without an open transaction. @throws fenced */
  commit(): Promise<void>;
  /** Ends the open transaction with nothing visible. */
  abort(): Promise<void>;
}

/** How to reach the brokers; built from a profile. PEM texts, not paths. */
export interface KafkaSettings {
  readonly brokers: readonly string[];
  readonly client: 'fast' | 'kafkajs';
  /** null: no TLS. `ca` null: the system's authorities */
  readonly tls: { readonly ca: string | null; readonly cert: string | null; readonly key: string | null } | null;
  readonly sasl: { readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'; readonly username: string; readonly password: string } | null;
}

export interface ClientOptions extends KafkaSettings {
  /** as brokers log it */
  readonly clientId: string;
  /** ms for which a call tries again before it gives up */
  readonly patience: number;
  /** bytes that one feed fetches ahead */
  readonly prefetch: number;
  /** something arrived at a feed (or it failed): called from the event loop, often; must be cheap */
  readonly arrived: () => void;
}
