import { setTimeout as sleep } from 'node:timers/promises';
import { MillraceError } from '@millrace/runtime/errors.ts';
import type { ClientOptions, KafkaClient, NewTopic } from '../client.ts';
import { brokenAt, isHalfOpen, patiently, typeOf } from './errors.ts';
import { Fetcher } from './fetcher.ts';
import { anyBroker, type Cluster, openLibrary } from './library.ts';
import { type Home, KafkajsTransactional, PlainProducer } from './producers.ts';

/** how long a commit waits for its markers, ms, and how often it looks */
const UNDECIDED_MS = 200;
const UNDECIDED_LOOK_MS = 2;

const OWN = new Set(['__consumer_offsets', '__transaction_state', '__share_group_state', '__cluster_metadata']);

/** Connects through kafkajs. @throws broker_unreachable, authentication_failed, tls_failed */
export async function openKafkajs(options: ClientOptions): Promise<KafkaClient> {
  const library = openLibrary(options);
  const { admin, committed, all } = library;
  const { patience } = options;
  const brokers = `brokers ${options.brokers.join(', ')}`;
  const seen = new Set<string>();
  const closing: { close(): Promise<void> }[] = [];

  const ask = <T>(about: string, work: () => Promise<T>) =>
    patiently(patience, about, async () => {
      try {
        for (const cluster of [all, committed]) if (!cluster.isConnected()) await cluster.connect();
        return await work();
      } catch (error) {
        const broken = brokenAt(error);
        if (broken !== null) for (const cluster of [all, committed]) cluster.removeBroker(broken);
        if (isHalfOpen(error)) {
          await Promise.allSettled([all.disconnect(), committed.disconnect(), admin.disconnect()]);
          await admin.connect().catch(() => {});
        }
        throw error;
      }
    });

  const topics = () => ask(brokers, () => listed(all));
  /** @throws not_authorized when the topic is only not to be seen: a list leaves such ones out */
  const admitted = (name: string) =>
    ask(`topic ${name}`, async () => {
      try {
        await (await anyBroker(all)).metadata([name]);
      } catch (error) {
        if (typeOf(error) !== 'UNKNOWN_TOPIC_OR_PARTITION') throw error;
      }
    });
  const home: Home = {
    patience,
    several: () => all.getNodeIds().length !== 1,
    ended: library.ended,
    async known(names, again = false) {
      const fresh = [...names].filter((name) => again || !seen.has(name));
      if (fresh.length === 0) return;
      const there = await topics();
      for (const name of fresh) {
        if (!there.has(name)) await admitted(name);
        if (!there.has(name)) throw new MillraceError('unknown_topic', `There is no topic ${name}.`);
        seen.add(name);
      }
    },
    async decided(written) {
      for (let waited = 0; waited < UNDECIDED_MS; waited += UNDECIDED_LOOK_MS) {
        try {
          const ends = await endsOf(committed, written);
          if (ends.every(({ topic, partition, offset }) => offset > (written.get(topic)?.get(partition) ?? -1))) return;
        } catch {
          // it is committed all the same: a leader that moves only makes it visible later
          await committed.refreshMetadata().catch(() => {});
        }
        await sleep(UNDECIDED_LOOK_MS);
      }
    },
  };

  const producer = new PlainProducer(() => library.producer(), home);
  const fetcher = new Fetcher(committed, options);
  closing.push(producer, fetcher, { close: () => admin.disconnect() }, { close: () => all.disconnect() });
  try {
    await ask(brokers, async () => {});
    await ask(brokers, () => admin.connect());
  } catch (error) {
    await close();
    throw error;
  }

  async function close(): Promise<void> {
    const done = Promise.allSettled(closing.map((one) => one.close()));
    await Promise.race([done, sleep(2000, undefined, { ref: false })]);
    library.abandon();
  }

  return {
    async topics(names) {
      const there = await topics();
      if (names === null) return there;
      for (const name of names) if (!there.has(name)) await admitted(name);
      return new Map([...there].filter(([name]) => names.includes(name)));
    },
    async create(wanted) {
      const missing = async () => {
        const there = await topics();
        return wanted.filter(({ name }) => !there.has(name));
      };
      for (const topic of await missing()) await ask(`topic ${topic.name}`, () => admin.createTopics({ topics: [settingsOf(topic)], waitForLeaders: true }));
      // brokers learn of a topic one after the other
      await ask(`topics ${wanted.map(({ name }) => name).join(', ')}`, async () => {
        const [first] = await missing();
        if (first !== undefined) throw new MillraceError('unknown_topic', `Topic ${first.name} was created and is not there.`);
      });
    },
    async offsets(topic, which) {
      await home.known([topic]);
      const cluster = which === 'stable' ? committed : all;
      return ask(`offsets of topic ${topic}`, async () => {
        await cluster.addMultipleTargetTopics([topic]);
        await cluster.refreshMetadata();
        const partitions = cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => ({ partition: partitionId }));
        const [found] = await cluster.fetchTopicsOffset([{ topic, partitions, fromBeginning: which === 'start' }]);
        return [...found.partitions].sort((a, b) => a.partition - b.partition).map(({ offset }) => Number(offset));
      });
    },
    async deleteRecords(topic, before) {
      if (before.size === 0) return;
      await home.known([topic]);
      const partitions = [...before].map(([partition, offset]) => ({ partition, offset: String(offset) }));
      await ask(`records of topic ${topic}`, async () => {
        // kafkajs looks for the leaders before it has asked for them
        await admin.fetchTopicOffsets(topic);
        await admin.deleteTopicRecords({ topic, partitions });
      });
    },
    feed: (topic, partition, offset) => fetcher.open(topic, partition, offset),
    producer,
    async transactional(id) {
      const made = await KafkajsTransactional.open(library.producer(id), home, id);
      closing.push(made);
      return made;
    },
    close,
  };
}

/** Where what is decided ends. */
async function endsOf(cluster: Cluster, of: ReadonlyMap<string, ReadonlyMap<number, number>>): Promise<{ topic: string; partition: number; offset: number }[]> {
  await cluster.addMultipleTargetTopics([...of.keys()]);
  await cluster.refreshMetadataIfNecessary();
  const asked = [...of].map(([topic, partitions]) => ({ topic, partitions: [...partitions.keys()].map((partition) => ({ partition })), fromBeginning: false }));
  const found = await cluster.fetchTopicsOffset(asked);
  return found.flatMap(({ topic, partitions }) => partitions.map(({ partition, offset }) => ({ topic, partition, offset: Number(offset) })));
}

/** Partitions of all topics but Kafka's own. */
async function listed(cluster: Cluster): Promise<ReadonlyMap<string, number>> {
  await cluster.refreshMetadata();
  const { topicMetadata } = await (await anyBroker(cluster)).metadata([]);
  return new Map(topicMetadata.filter(({ topic }) => !OWN.has(topic)).map(({ topic, partitionMetadata }) => [topic, partitionMetadata.length]));
}

function settingsOf({ name, partitions, replication, config }: NewTopic) {
  return {
    topic: name,
    numPartitions: partitions,
    replicationFactor: replication,
    configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
  };
}
