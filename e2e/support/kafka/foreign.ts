import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import { readCommittedFor } from './read-committed.ts';

/** What others do with the topics of a cluster: kafkajs as anybody would use it, and nothing of millrace. */

export interface ForeignRecord {
  readonly partition: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** epoch ms */
  readonly timestamp: string;
  readonly headers: Readonly<Record<string, Buffer | string>>;
}

/** key of the record that `readCommitted` puts behind all others */
export const LAST = 'the last record of this test';
const READ_WITHIN = 60_000;
const CLIENT_ID = 'foreign';

export function kafkaOf(brokers: readonly string[]): Kafka {
  return new Kafka({ brokers: [...brokers], clientId: CLIENT_ID, logLevel: logLevel.NOTHING, retry: { retries: 20, maxRetryTime: 1000 } });
}

export async function makeTopics(
  brokers: readonly string[],
  topics: readonly { topic: string; numPartitions: number; replicationFactor?: number; configEntries?: { name: string; value: string }[] }[],
): Promise<void> {
  const admin = kafkaOf(brokers).admin();
  await admin.connect();
  await admin.createTopics({ topics: [...topics] });
  await admin.disconnect();
}

/** Appends records to their partitions, without a transaction, so that offsets count from 0 without a gap. */
export async function produce(brokers: readonly string[], topic: string, records: readonly ForeignRecord[]): Promise<void> {
  const producer = kafkaOf(brokers).producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  for (let at = 0; at < records.length; at += 5000) await producer.send({ topic, messages: records.slice(at, at + 5000).map((record) => ({ ...record })) });
  await producer.disconnect();
}

/**
 * Everything in the topics that a read_committed consumer of a group is given, up to a last record that is put behind each partition first.
 * A topic that is read so has that record from then on. Fails when a transaction is left open. `readUncommitted`: all that stands there instead.
 */
export async function readCommitted(
  brokers: readonly string[],
  topics: readonly string[],
  readUncommitted = false,
): Promise<ReadonlyMap<string, readonly ForeignRecord[]>> {
  readCommittedFor(CLIENT_ID);
  const kafka = kafkaOf(brokers);
  const admin = kafka.admin();
  await admin.connect();
  const metadata = await admin.fetchTopicMetadata({ topics: [...topics] });
  await admin.disconnect();
  const left = new Set<string>();
  for (const { name, partitions } of metadata.topics) {
    for (const { partitionId } of partitions) left.add(`${name}/${partitionId}`);
    const last = partitions.map(({ partitionId }) => ({
      partition: partitionId,
      key: Buffer.from(LAST),
      value: null,
      timestamp: String(Date.now()),
      headers: {},
    }));
    await produce(brokers, name, last);
  }
  const found = new Map<string, ForeignRecord[]>(topics.map((topic) => [topic, []]));
  const consumer = kafka.consumer({ groupId: `foreign-${randomUUID()}`, readUncommitted, maxWaitTimeInMs: 100, sessionTimeout: 30_000 });
  await consumer.connect();
  try {
    await consumer.subscribe({ topics: [...topics], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      async eachMessage({ topic, partition, message: { key, value, timestamp, headers } }) {
        if (key?.toString() === LAST) left.delete(`${topic}/${partition}`);
        else found.get(topic)?.push({ partition, key, value, timestamp, headers: (headers ?? {}) as ForeignRecord['headers'] });
      },
    });
    for (let waited = 0; left.size > 0; waited += 20) {
      if (waited > READ_WITHIN) throw new Error(`a read_committed consumer did not come to the end of ${[...left].join(', ')}`);
      await sleep(20);
    }
  } finally {
    await consumer.disconnect();
  }
  return found;
}
