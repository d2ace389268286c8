import { setTimeout as sleep } from 'node:timers/promises';
import type { FencedProducer, KafkaClient, Place } from '@millrace/transport/kafka/client.ts';
import { appendThrough, Bench, batch, readAll, values } from '@millrace/transport/kafka/client-grounds.case.ts';
import { Cluster } from '@millrace/transport/kafka/fast/cluster.ts';
import { askCoordinator, joinTransaction, takeId } from '@millrace/transport/kafka/fast/coordinator.ts';
import { openFast } from '@millrace/transport/kafka/fast/open.ts';
import { Sender } from '@millrace/transport/kafka/fast/sender.ts';
import { endTransaction } from '@millrace/transport/kafka/fast/transaction-requests.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { struggle } from '../support/kafka/fencing.ts';
import { type Broker, describeKafka, startBroker } from '../support/kafka.ts';

const count = (partitions: number) => [...Array(partitions).keys()];
const placesOf = (topic: string, partitions: number): Place[] => count(partitions).map((partition) => ({ topic, partition }));
const fence = (client: KafkaClient, id: string, places: readonly Place[]) => client.fenced?.(id, places) as Promise<FencedProducer>;
const texts = async (client: KafkaClient, topic: string, partition: number) => (await readAll(client, topic, partition)).map(({ value }) => value);
let ids = 0;
const newId = (): string => `fence.${process.pid}.${++ids}.live`;

/** What lies below the client, for what the client does not let anybody do. */
async function below(brokers: readonly string[]): Promise<{ cluster: Cluster; patience: number }> {
  const patience = 60_000;
  const cluster = new Cluster({ brokers, client: 'fast', tls: null, sasl: null, clientId: 'below', patience, prefetch: 1, arrived() {} });
  await cluster.open();
  return { cluster, patience };
}

/** Tries to append as an owner that may be gone; resolves with what it ends with. */
async function tryAs(access: { cluster: Cluster; patience: number }, { producerId, epoch }: FencedProducer, topic: string, partition: number): Promise<string> {
  const sender = new Sender({ ...access, transactionalId: null, identify: async () => ({ id: producerId, epoch, transactional: false }) });
  return sender.append([{ topic, partition, batches: [values('never')] }]).then(
    () => 'appended',
    (error) => error.code,
  );
}

/** Fences an id until its producer id has no epochs left. */
function epochsRunOut(bench: Bench, broker: () => Broker): void {
  test('the epochs of a producer id run out: the last owner under it is fenced all the same', async () => {
    const client = await bench.client();
    const access = await below(broker().brokers);
    const topic = await bench.topic(client, { partitions: 2 });
    const places = placesOf(topic, 2);
    const id = newId();
    try {
      const first = await fence(client, id, places);
      for (let { epoch } = await takeId(access, id); epoch < 32_766 - 64 - 8; ) ({ epoch } = await takeId(access, id));
      const owners = [first];
      for (let last = first; last.producerId === first.producerId; ) {
        last = await fence(client, id, places);
        owners.push(last);
        await last.append([{ topic, partition: 0, batches: [values(String(owners.length))] }]);
      }
      const last = owners.at(-1) as FencedProducer;
      const before = owners.at(-2) as FencedProducer;
      expect([last.fencedProducerId, last.epoch < 200]).toEqual([before.producerId, true]);
      for (const old of owners.slice(0, -1)) for (const partition of [0, 1]) expect(await tryAs(access, old, topic, partition)).toBe('fenced');
      await last.append([{ topic, partition: 1, batches: [values('after')] }]);
      const next = await fence(client, id, places);
      expect(next.fencedProducerId).toBe(last.producerId);
      for (const partition of [0, 1]) expect(await tryAs(access, last, topic, partition)).toBe('fenced');
      expect(await texts(client, topic, 0)).toEqual(owners.slice(1).map((_, at) => String(at + 2)));
      expect(await texts(client, topic, 1)).toEqual(['after']);
    } finally {
      access.cluster.close();
    }
  });
}

describeKafka('a fence', () => {
  let broker: Broker;
  beforeAll(async () => {
    broker = await startBroker();
  });
  afterAll(() => broker?.close());
  const bench = new Bench(openFast, () => broker);

  test('an old owner appends as fast as it can: nothing of it is behind what the new one reads back, over 120 fences', async () => {
    const client = await bench.client();
    const partitions = 16;
    const topic = await bench.topic(client, { partitions });
    const id = newId();
    const took: number[] = [];
    const outcome = await struggle({
      client,
      brokers: broker.brokers,
      topic,
      id,
      partitions,
      spared: [12, 13, 14, 15],
      rounds: 120,
      async takeOver(places) {
        const from = performance.now();
        const owner = await fence(client, id, places);
        took.push(performance.now() - from);
        return owner;
      },
    });
    took.sort((a, b) => a - b);
    console.info('120 fences under load:', { ...outcome, ms: { p50: took[60], max: took[119] } });
    expect(outcome).toMatchObject({ breached: 0, untold: 0, codes: ['47'], fresh: 120 * partitions });
    expect(outcome.old).toBeGreaterThan(1_000);
  });

  test('control: without the wait for the markers an old owner does get in', async () => {
    const client = await bench.client();
    const access = await below(broker.brokers);
    const id = newId();
    const partitions = 16;
    const topic = await bench.topic(client, { partitions });
    let outcome: Awaited<ReturnType<typeof struggle>> | undefined;
    try {
      outcome = await struggle({
        client,
        brokers: broker.brokers,
        topic,
        id,
        partitions,
        rounds: 60,
        async takeOver(places) {
          const owner = { transactionalId: id, ...(await takeId(access, id)) };
          await joinTransaction(access, owner, places);
          await askCoordinator(access, id, endTransaction(owner, false, 5), ({ error }) => error);
          return null;
        },
      });
    } finally {
      access.cluster.close();
    }
    console.info('60 fences without the wait:', outcome);
    expect(outcome.breached).toBeGreaterThan(0);
  });

  test.each([1, 4, 16])('%i partitions: how long it takes', async (partitions) => {
    const client = await bench.client();
    const topic = await bench.topic(client, { partitions });
    const id = newId();
    const took: number[] = [];
    for (let round = 0; round < 100; round++) {
      const from = performance.now();
      await fence(client, id, placesOf(topic, partitions));
      took.push(performance.now() - from);
    }
    took.sort((a, b) => a - b);
    console.info(`${partitions} partitions, 100 fences, ms:`, { p50: took[50], p90: took[90], max: took[99] });
    expect(await client.offsets(topic, 'end')).toEqual(count(partitions).map(() => 100));
  });

  test('consumers of any kind see the records and gaps between their offsets, and are never held back', async () => {
    const client = await bench.client();
    const topic = await bench.topic(client);
    const id = newId();
    const expected: string[] = [];
    for (let round = 0; round < 20; round++) {
      const owner = await fence(client, id, placesOf(topic, 1));
      for (let at = 0; at < 5; at++) {
        const text = `${round}.${at}`;
        const [{ end } = { end: -1 }] = await owner.append([{ topic, partition: 0, batches: [values(text)] }]);
        expected.push(text);
        expect(end).toBe(round * 6 + 2 + at);
        expect(await client.offsets(topic, 'stable')).toEqual([end]);
      }
    }
    for (const level of ['read_committed', 'read_uncommitted']) {
      const args = ['--bootstrap-server', broker.brokers.join(','), '--topic', topic, '--from-beginning', '--max-messages', '100', '--timeout-ms', '20000'];
      const said = await broker.tool('org.apache.kafka.tools.consumer.ConsoleConsumer', [...args, '--isolation-level', level]);
      expect(said.trim().split('\n')).toEqual(expected);
    }
  });

  epochsRunOut(bench, () => broker);

  test('control: a new producer id that a coordinator hands out by itself fences nobody, and the owner is told', async () => {
    const client = await bench.client();
    const access = await below(broker.brokers);
    const topic = await bench.topic(client);
    const places = placesOf(topic, 1);
    const id = newId();
    try {
      const old = await fence(client, id, places);
      // takers that die before they fence use up the epochs
      for (let { epoch } = await takeId(access, id); epoch < 32_766; ) ({ epoch } = await takeId(access, id));
      const next = await fence(client, id, places);
      expect(next.fencedProducerId).not.toBe(old.producerId);
      expect(await tryAs(access, old, topic, 0)).toBe('appended');
    } finally {
      access.cluster.close();
    }
  });
});

describeKafka('what a fence stands on', () => {
  let broker: Broker;
  beforeAll(async () => {
    const checks = { 'producer.id.expiration.check.interval.ms': '200', 'transaction.remove.expired.transaction.cleanup.interval.ms': '200' };
    broker = await startBroker({ properties: { 'producer.id.expiration.ms': '20000', 'transactional.id.expiration.ms': '26000', ...checks } });
  });
  afterAll(() => broker?.close());
  const bench = new Bench(openFast, () => broker);

  test('a log that was cut to its end has forgotten its fence after a start of the broker; one cut to one before it has not', async () => {
    const client = await bench.client();
    const access = await below(broker.brokers);
    const topic = await bench.topic(client, { partitions: 2 });
    const id = newId();
    try {
      const old = await fence(client, id, placesOf(topic, 2));
      const owner = await fence(client, id, placesOf(topic, 2));
      await client.deleteRecords(
        topic,
        new Map([
          [0, 2],
          [1, 1],
        ]),
      );
      for (const partition of [0, 1]) expect(await tryAs(access, old, topic, partition)).toBe('fenced');
      await broker.stop();
      await broker.start();
      expect([await tryAs(access, old, topic, 0), await tryAs(access, old, topic, 1)]).toEqual(['appended', 'fenced']);
      await owner.append([{ topic, partition: 1, batches: [values('after')] }]);
    } finally {
      access.cluster.close();
    }
  });

  test('a partition that nothing was appended to for the time of producer.id.expiration.ms is open again; an id without a fence for longer begins anew', async () => {
    const client = await bench.client();
    const access = await below(broker.brokers);
    const topic = await bench.topic(client, { partitions: 2 });
    const id = newId();
    try {
      const old = await fence(client, id, placesOf(topic, 2));
      const owner = await fence(client, id, placesOf(topic, 2));
      for (let at = 0; at < 24; at++) {
        await owner.append([{ topic, partition: 0, batches: [batch([{ value: 'kept', timestamp: Date.now() }])] }]);
        await sleep(1_000);
      }
      expect([await tryAs(access, old, topic, 0), await tryAs(access, old, topic, 1)]).toEqual(['fenced', 'appended']);
      await sleep(6_000);
      const next = await fence(client, id, placesOf(topic, 2));
      expect(next.fencedProducerId).not.toBe(owner.producerId);
      expect(await tryAs(access, owner, topic, 1)).toBe('appended');
    } finally {
      access.cluster.close();
    }
  });
});

describeKafka('a fence where the cluster was not raised to transaction.version 2', () => {
  let broker: Broker;
  beforeAll(async () => {
    broker = await startBroker({ format: ['--feature', 'transaction.version=0'] });
  });
  afterAll(() => broker?.close());
  const bench = new Bench(openFast, () => broker);

  test('an old owner appends as fast as it can: nothing of it is behind what the new one reads back', async () => {
    const client = await bench.client();
    const partitions = 8;
    const topic = await bench.topic(client, { partitions });
    const id = newId();
    const struggling = { client, brokers: broker.brokers, topic, id, partitions, spared: [6, 7], rounds: 40 };
    const outcome = await struggle({ ...struggling, takeOver: (places) => fence(client, id, places) });
    console.info('40 fences under load, without transaction.version 2:', outcome);
    expect(outcome).toMatchObject({ breached: 0, untold: 0, codes: ['47'], fresh: 40 * partitions });
  });

  epochsRunOut(bench, () => broker);
});

describeKafka('a fence on three brokers', () => {
  let cluster: Broker;
  beforeAll(async () => {
    cluster = await startBroker({ nodes: 3, properties: { 'leader.imbalance.check.interval.seconds': '5' } });
  });
  afterAll(() => cluster?.close());
  const bench = new Bench(openFast, () => cluster);
  const safe = { replication: 3, config: { 'min.insync.replicas': '2' } };
  const kill = async (at: number): Promise<void> => {
    await cluster.nodes[at]?.kill();
    await cluster.nodes[at]?.start();
  };

  test('leaders move under a stream of appends: nothing lost, nothing twice, and the old owner stays out', async () => {
    const client = await bench.client({ patience: 60_000 });
    const access = await below(cluster.brokers);
    const partitions = 24;
    const topic = await bench.topic(client, { partitions, ...safe });
    const id = newId();
    const old = await fence(client, id, placesOf(topic, partitions));
    // half of them are never written by it
    await old.append(count(12).map((partition) => ({ topic, partition, batches: [values('before')] })));
    const owner = await fence(client, id, placesOf(topic, partitions));
    const refused = new Map<string, number>();
    const trying = async (): Promise<void> => {
      for (const partition of count(partitions)) {
        const said = await tryAs(access, old, topic, partition);
        refused.set(said, (refused.get(said) ?? 0) + 1);
      }
    };
    let back: Promise<void> = Promise.resolve();
    let rivals: Promise<void> = Promise.resolve();
    try {
      const expected = await appendThrough({ producer: owner }, topic, partitions, 160, (at) => {
        if (at === 30) back = kill(0).then(() => kill(1));
        if (at % 10 === 0) rivals = rivals.then(trying);
      });
      await back;
      await rivals;
      await trying();
      for (const [partition, mine] of expected.entries()) {
        if (partition < 12) mine.unshift('before');
        expect(await texts(client, topic, partition)).toEqual(mine);
      }
    } finally {
      await back;
      access.cluster.close();
    }
    console.info('the old owner, while leaders move, was told:', Object.fromEntries(refused));
    expect([...refused.keys()]).toEqual(['fenced']);
  });

  test('a fence behind which every broker is killed in turn, nothing appended: the old owner stays out everywhere', async () => {
    const client = await bench.client({ patience: 60_000 });
    const access = await below(cluster.brokers);
    const partitions = 12;
    const topic = await bench.topic(client, { partitions, ...safe });
    const id = newId();
    try {
      const old = await fence(client, id, placesOf(topic, partitions));
      await old.append(count(6).map((partition) => ({ topic, partition, batches: [values('before')] })));
      const owner = await fence(client, id, placesOf(topic, partitions));
      for (const at of [0, 1, 2]) {
        await cluster.nodes[at]?.kill();
        for (const partition of count(partitions)) expect(await tryAs(access, old, topic, partition)).toBe('fenced');
        await cluster.nodes[at]?.start();
        for (const partition of count(partitions)) expect(await tryAs(access, old, topic, partition)).toBe('fenced');
      }
      await owner.append(count(partitions).map((partition) => ({ topic, partition, batches: [values('after')] })));
      for (const partition of count(partitions)) expect(await texts(client, topic, partition)).toEqual(partition < 6 ? ['before', 'after'] : ['after']);
    } finally {
      access.cluster.close();
    }
  });

  test('coordinators and leaders move while one owner after the other takes over from one that goes on appending', async () => {
    const client = await bench.client({ patience: 60_000 });
    const partitions = 16;
    const topic = await bench.topic(client, { partitions, ...safe });
    const id = newId();
    const took: number[] = [];
    let twice = 0;
    let back: Promise<void> = Promise.resolve();
    try {
      const outcome = await struggle({
        client,
        brokers: cluster.brokers,
        topic,
        id,
        partitions,
        spared: [12, 13, 14, 15],
        rounds: 40,
        async takeOver(places, round) {
          if (round === 10)
            back = kill(0)
              .then(() => sleep(500))
              .then(() => kill(1))
              .then(() => sleep(500))
              .then(() => kill(2));
          const from = performance.now();
          for (;;) {
            try {
              const owner = await fence(client, id, places);
              took.push(performance.now() - from);
              return owner;
            } catch (error) {
              // a request that was thought lost arrived behind the one sent again: nobody but itself has fenced it
              if ((error as { code?: string }).code !== 'fenced') throw error;
              twice++;
            }
          }
        },
      });
      await back;
      took.sort((a, b) => a - b);
      console.info('40 fences while three brokers are killed:', { ...outcome, twice, ms: { p50: took[20], max: took[39] } });
      expect(outcome).toMatchObject({ breached: 0, fresh: 40 * partitions });
    } finally {
      await back;
    }
  });
});
