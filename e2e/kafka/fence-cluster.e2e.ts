import { setTimeout as sleep } from 'node:timers/promises';
import { appendThrough, Bench, values } from '@millrace/transport/kafka/client-grounds.case.ts';
import { openFast } from '@millrace/transport/kafka/fast/open.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { below, count, fence, newId, placesOf, struggle, texts, tryAs } from '../support/kafka/fencing.ts';
import { type Broker, describeKafka, startBroker } from '../support/kafka.ts';

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
