import { setTimeout as sleep } from 'node:timers/promises';
import type { KafkaProfile } from '@millrace/pipeline/profile.ts';
import type { KafkaClient } from '@millrace/transport/kafka/client.ts';
import type { BrokerFacts } from '@millrace/transport/kafka/probe.ts';
import { count, time } from '../output/numbers.ts';
import { type Check, fail, ok, warn, within } from './check.ts';

/** a certificate that ends sooner is worth a word, ms */
const SOON = 14 * 86_400_000;
const CATALOG = '_millrace.catalog';

interface Limits {
  /** ms for each step of reaching a broker */
  readonly step: number;
  /** ms for all of it */
  readonly all: number;
  /** epoch ms */
  readonly now: number;
}

/** Every broker by itself; then, through the first that answers, what the cluster as a whole allows. */
export async function checkKafka(kafka: KafkaProfile, limits: Limits): Promise<Check[]> {
  const { probeBroker } = await import('@millrace/transport/kafka/probe.ts');
  const probes = kafka.brokers.map((address) => probeBroker(address, kafka, limits.step).then((facts) => ({ address, facts })));
  const late = sleep(limits.all, undefined, { ref: false }).then(() => Promise.reject(new Error('late')));
  const able = Promise.race([Promise.any(probes.map(ifAble)), late]);
  const brokers = probes.map((probe, i) => {
    const name = `broker ${kafka.brokers[i]}`;
    return within(limits.all, name, async () => brokerCheck(name, (await probe).facts, limits.now));
  });
  const rest = able.then(
    ({ address, facts }) =>
      Promise.all([
        within(limits.all, 'topics', () => checkTopics(address, kafka, limits.step)),
        within(limits.all, 'cluster', () => checkCluster(kafka, facts, limits.all)),
      ]),
    () => [],
  );
  return (await Promise.all([Promise.all(brokers), rest])).flat();
}

async function ifAble<T extends { facts: BrokerFacts }>(probe: Promise<T>): Promise<T> {
  const found = await probe;
  if (found.facts.missing.length > 0) throw new Error('too old');
  return found;
}

function brokerCheck(name: string, { missing, certificate }: BrokerFacts, now: number): Check {
  if (missing.length > 0) return fail(name, `It does not know ${missing.join(', ')}.`, 'millrace needs Kafka 3.0 or later.');
  if (certificate === null) return ok(name, 'answers');
  const message = `answers; TLS, certificate of ${certificate.subject}, good until ${time(certificate.until).slice(0, 10)}`;
  return certificate.until - now < SOON ? warn(name, message, 'The certificate ends soon: have a new one made.') : ok(name, message);
}

async function checkTopics(address: string, { create, replication, ...kafka }: KafkaProfile, timeout: number): Promise<Check> {
  if (!create) return ok('topics', 'are not made: topics: { create: false }');
  const { mayCreate } = await import('@millrace/transport/kafka/probe.ts');
  await mayCreate(address, kafka, { name: CATALOG, partitions: 1, replication, config: { 'cleanup.policy': 'compact' } }, timeout);
  return ok('topics', 'may be made');
}

/** The client that a run would use, as a run would use it: brokers have to be reached where they say they are. */
async function checkCluster(kafka: KafkaProfile, { advertised }: BrokerFacts, patience: number): Promise<Check> {
  const { brokers, client, tls, sasl } = kafka;
  const options = { brokers, client, tls, sasl, clientId: 'millrace-doctor', patience: patience - 500, prefetch: 1, arrived: () => undefined };
  let open: KafkaClient;
  try {
    open =
      client === 'fast'
        ? await (await import('@millrace/transport/kafka/fast/open.ts')).openFast(options)
        : await (await import('@millrace/transport/kafka/kafkajs/open.ts')).openKafkajs(options);
  } catch (error) {
    return fail(
      'cluster',
      (error as Error).message,
      `Its brokers want to be reached at ${advertised.join(', ')}: what advertised.listeners says has to be right from here.`,
    );
  }
  try {
    const topics = await open.topics(null);
    return ok(
      'cluster',
      `${advertised.length} ${advertised.length === 1 ? 'broker' : 'brokers'} (${advertised.join(', ')}), ${count(topics.size)} topics, client ${client}`,
    );
  } finally {
    await open.close();
  }
}
