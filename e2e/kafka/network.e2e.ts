/** Produce requests that get lost, whose answers get lost, or whose answers come too late: each client, and controls that the schedules bite. */
import { appendThrough, Bench, readAll, values } from '@millrace/transport/kafka/client-grounds.case.ts';
import { openFast } from '@millrace/transport/kafka/fast/open.ts';
import { openKafkajs } from '@millrace/transport/kafka/kafkajs/open.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { kafkaOf, makeTopics, readCommitted } from '../support/kafka/foreign.ts';
import { Network, type ProduceFate } from '../support/kafka/network.ts';
import { type Broker, describeKafka, startBroker } from '../support/kafka.ts';

const MINUTE = 60_000;

describeKafka('a network that loses produce requests and their answers', () => {
  let broker: Broker;
  let network: Network;
  let port = 0;
  beforeAll(async () => {
    network = await Network.start(() => port);
    broker = await startBroker({ advertise: () => network.port });
    port = broker.ports[0] as number;
  });
  afterAll(async () => {
    network?.close();
    await broker?.close();
  });
  const benches = { fast: new Bench(openFast, () => broker), kafkajs: new Bench(openKafkajs, () => broker) };
  const FATES: readonly (readonly ['fast' | 'kafkajs', Exclude<ProduceFate, 'pass'>, number])[] = [
    ['fast', 'drop', 2],
    ['fast', 'lose', 4],
    ['fast', 'late', 1],
    ['fast', 'hold', 1],
    ['kafkajs', 'drop', 1],
    ['kafkajs', 'lose', 4],
  ];

  test.each(FATES)('%s, %s: what follows passes; nothing lost, nothing twice, all in order', { timeout: 3 * MINUTE }, async (name, fate, times) => {
    const before = network.seen[fate];
    const client = await benches[name].client({ patience: 90_000 });
    const topic = await benches[name].topic(client, { partitions: 2 });
    const expected = await appendThrough(client, topic, 2, 100, (at) => {
      if (at === 20) for (let n = 0; n < times; n++) network.weather.produces.push(fate, 'pass', 'pass');
    });
    expect(network.seen[fate] - before).toBe(times);
    for (const partition of [0, 1]) expect((await readAll(client, topic, partition)).map(({ value }) => value)).toEqual(expected[partition]);
  });

  test.each(FATES.filter(([name]) => name === 'fast'))(
    '%s, %s, in transactions: each commit that resolved is there once',
    { timeout: 3 * MINUTE },
    async (name, fate) => {
      const client = await benches[name].client({ patience: 90_000 });
      const topic = await benches[name].topic(client, { partitions: 2 });
      const owner = await client.transactional(`network.${process.pid}.${fate}`);
      const expected: string[] = [];
      for (let round = 0; round < 12; round++) {
        if (round === 4) network.weather.produces.push(fate);
        const texts = [`${round}a`, `${round}b`];
        await owner.append([0, 1].map((partition) => ({ topic, partition, batches: texts.map((text) => values(text)) })));
        if (round % 5 === 3) await owner.abort();
        else {
          await owner.commit();
          expected.push(...texts);
        }
      }
      for (const partition of [0, 1]) expect((await readAll(client, topic, partition)).map(({ value }) => value)).toEqual(expected);
    },
  );

  /** what a producer leaves that does not number its records */
  async function careless(topic: string, acks: number, fate: ProduceFate): Promise<string[]> {
    await makeTopics(broker.brokers, [{ topic, numPartitions: 1 }]);
    const producer = kafkaOf(broker.brokers).producer({ idempotent: false });
    await producer.connect();
    for (let n = 0; n < 4; n++) {
      if (n === 1) network.weather.produces.push(fate);
      await producer.send({ topic, acks, messages: [{ value: String(n) }] });
    }
    await producer.disconnect();
    return ((await readCommitted(broker.brokers, [topic])).get(topic) ?? []).map(({ value }) => String(value));
  }

  test('a control: who does not number what he sends writes it twice when the answer is lost, who waits for none loses what is dropped', async () => {
    expect(await careless('twice', -1, 'lose')).toEqual(['0', '1', '1', '2', '3']);
    expect(await careless('never', 0, 'drop')).toHaveLength(3);
  });
});
