import { MillraceError } from '@millrace/runtime/errors.ts';
import type { ClientOptions, KafkaClient } from '../client.ts';
import { Admin } from './admin.ts';
import { Cluster } from './cluster.ts';
import { type FastFenced, fence } from './fenced.ts';
import { Fetcher } from './fetcher.ts';
import { persist } from './patience.ts';
import { Sender } from './sender.ts';
import { anonymous, type FastTransactional, takeOver } from './transactional.ts';

/** Connects with the client that reads and writes record batches itself. @throws broker_unreachable, authentication_failed, tls_failed, broker_refused */
export async function openFast(options: ClientOptions): Promise<KafkaClient> {
  const { patience } = options;
  const cluster = new Cluster(options);
  try {
    await persist(patience, () => cluster.open());
  } catch (error) {
    cluster.close();
    throw error;
  }
  const admin = new Admin(cluster, patience);
  const fetcher = new Fetcher(cluster, admin, options);
  const producer = new Sender({ cluster, patience, transactionalId: null, identify: () => anonymous({ cluster, patience }) });
  const owners: (FastTransactional | FastFenced)[] = [];
  return {
    topics: (names) => admin.topics(names),
    identity: (topic) => admin.identity(topic),
    create: (topics) => admin.create(topics),
    offsets: (topic, which) => admin.offsets(topic, which),
    deleteRecords: (topic, before) => admin.deleteRecords(topic, before),
    feed: (topic, partition, offset) => fetcher.feed(topic, partition, offset),
    producer,
    async transactional(id, written = []) {
      const owner = await takeOver({ cluster, patience }, id, written);
      owners.push(owner);
      return owner;
    },
    async fenced(id, places) {
      const owner = await fence({ cluster, patience }, id, places);
      owners.push(owner);
      return owner;
    },
    async close() {
      const closed = new MillraceError('broker_unreachable', 'The connection to Kafka was closed.');
      fetcher.close();
      producer.end(closed);
      for (const owner of owners) owner.end(closed);
      cluster.close();
    },
  };
}
