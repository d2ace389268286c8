import { setTimeout as sleep } from 'node:timers/promises';
import type { FencedProducer } from '@millrace/transport/kafka/client.ts';
import { Bench, batch, values } from '@millrace/transport/kafka/client-grounds.case.ts';
import { takeId } from '@millrace/transport/kafka/fast/coordinator.ts';
import { openFast } from '@millrace/transport/kafka/fast/open.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { below, fence, newId, placesOf, struggle, texts, tryAs } from '../support/kafka/fencing.ts';
import { type Broker, describeKafka, startBroker } from '../support/kafka.ts';

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

describeKafka('the epochs of a fence', () => {
  let broker: Broker;
  beforeAll(async () => {
    broker = await startBroker();
  });
  afterAll(() => broker?.close());
  const bench = new Bench(openFast, () => broker);

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
