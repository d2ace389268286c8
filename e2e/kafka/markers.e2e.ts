/** Transactions that their coordinator has ended, and a partition has not: whoever owns their id ends them there, as that was decided. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FencedProducer, KafkaClient, Place } from '@millrace/transport/kafka/client.ts';
import { Bench, readAll, values } from '@millrace/transport/kafka/client-grounds.case.ts';
import { Cluster } from '@millrace/transport/kafka/fast/cluster.ts';
import { type Access, endOpen, joinTransaction, settled, takeId } from '@millrace/transport/kafka/fast/coordinator.ts';
import { fence } from '@millrace/transport/kafka/fast/fenced.ts';
import { unmarked } from '@millrace/transport/kafka/fast/markers.ts';
import { openFast } from '@millrace/transport/kafka/fast/open.ts';
import { describeProducers } from '@millrace/transport/kafka/fast/producer-requests.ts';
import { Sender } from '@millrace/transport/kafka/fast/sender.ts';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Network } from '../support/kafka/network.ts';
import { type Broker, describeKafka, startBroker } from '../support/kafka.ts';

const PATIENCE = 40_000;
const MINUTES = 60_000;
/** until both kinds of owners have lost a marker: seen in one round to six */
const MOST_ROUNDS = 20;

describeKafka('a marker that a coordinator left out', () => {
  let broker: Broker;
  let network: Network;
  let port = 0;
  beforeAll(async () => {
    network = await Network.start(() => port);
    // takes what is not part of a transaction for a part of it: a way to leave one open
    const properties = { 'transaction.partition.verification.enable': 'false' };
    broker = await startBroker({ advertise: () => network.port, properties });
    port = broker.ports[0] as number;
  });
  afterAll(async () => {
    network?.close();
    await broker?.close();
  });

  const bench = new Bench(openFast, () => broker);
  const clusters: Cluster[] = [];
  afterEach(() => {
    for (const cluster of clusters.splice(0)) cluster.close();
  });
  async function access(): Promise<Access> {
    const options = {
      brokers: broker.brokers,
      client: 'fast' as const,
      tls: null,
      sasl: null,
      clientId: 'suite',
      patience: PATIENCE,
      prefetch: 1 << 20,
      arrived: () => {},
    };
    const cluster = new Cluster(options);
    clusters.push(cluster);
    await cluster.open();
    return { cluster, patience: PATIENCE };
  }

  let ids = 0;
  const newId = (): string => `markers.${process.pid}.${++ids}`;
  const of = (topic: string, ...partitions: number[]): Place[] => partitions.map((partition) => ({ topic, partition }));
  const write = (sender: Pick<Sender, 'append'>, places: readonly Place[], text: string) =>
    sender.append(places.map((place) => ({ ...place, batches: [values(text)] })));
  const texts = async (client: KafkaClient, topic: string, partition: number) => (await readAll(client, topic, partition)).map(({ value }) => value);
  const undecided = async (client: KafkaClient, topic: string) => {
    const ends = await client.offsets(topic, 'end');
    return (await client.offsets(topic, 'stable')).flatMap((stable, partition) => (stable < (ends[partition] as number) ? [partition] : []));
  };

  /** The transactions of which the broker says that it left out a marker. */
  const skipped = () =>
    [...readFileSync(join(broker.data[0] as string, '../server.log'), 'utf8').matchAll(/Couldn't find leader endpoint .* for (markers\S+), these/g)].map(
      ([, id]) => id,
    );

  /** What a producer appends in a transaction's name. */
  const writer = (of: Access, transactionalId: string, { id, epoch }: { id: number; epoch: number }) =>
    new Sender({ ...of, transactionalId, identify: async () => ({ id, epoch, transactional: true }) });

  /** An id whose last transaction has ended in partition 0, and is open in partition 1. */
  async function left(topic: string, commit: boolean): Promise<string> {
    const transactionalId = newId();
    const mine = await access();
    const identity = await takeId(mine, transactionalId);
    const owner = { transactionalId, id: identity.id, epoch: identity.epoch };
    await joinTransaction(mine, owner, of(topic, 0));
    await write(writer(mine, transactionalId, identity), of(topic, 0, 1), 'last');
    await endOpen(mine, owner, commit);
    expect((await settled(mine, transactionalId))?.state).toBe(commit ? 'CompleteCommit' : 'CompleteAbort');
    return transactionalId;
  }

  for (const commit of [true, false])
    test(`is put by whoever takes the id over, as the transaction was ${commit ? 'committed' : 'aborted'}`, async () => {
      const client = await bench.client();
      const topic = await bench.topic(client, { partitions: 3 });
      const id = await left(topic, commit);
      expect(await undecided(client, topic)).toEqual([1]);
      const owner = await client.transactional(id, [...of(topic, 0, 1, 2), ...of('gone', 0)]);
      expect(await undecided(client, topic)).toEqual([]);
      expect([await texts(client, topic, 0), await texts(client, topic, 1)]).toEqual(commit ? [['last'], ['last']] : [[], []]);
      await owner.append(of(topic, 1, 2).map((place) => ({ ...place, batches: [values('next')] })));
      await owner.commit();
      expect(await texts(client, topic, 1)).toEqual(commit ? ['last', 'next'] : ['next']);
    });

  test('is looked for in the partitions that are named, and what others have open stays theirs', async () => {
    const client = await bench.client();
    const topic = await bench.topic(client, { partitions: 3 });
    const other = await client.transactional(newId());
    await other.append(of(topic, 2).map((place) => ({ ...place, batches: [values('other')] })));
    const id = await left(topic, true);
    await client.transactional(id, of(topic, 0, 2));
    expect(await undecided(client, topic)).toEqual([1, 2]);
    await other.commit();
    expect([await undecided(client, topic), await texts(client, topic, 2)]).toEqual([[1], ['other']]);
  });

  test('of a fence is put again', async () => {
    const client = await bench.client();
    const topic = await bench.topic(client, { partitions: 3 });
    const mine = await access();
    const id = newId();
    const first = (await client.fenced?.(id, of(topic, 0, 1, 2))) as FencedProducer;
    expect(await unmarked(mine, first.producerId, first.epoch, of(topic, 0, 1, 2))).toEqual([]);
    expect((await unmarked(mine, first.producerId, first.epoch + 1, of(topic, 2))).map(({ partition }) => partition)).toEqual([2]);
    // one that is told, once, that partition 1 has no marker
    const { cluster } = mine;
    let told = 0;
    const ask = cluster.ask.bind(cluster);
    cluster.ask = async (node, request) => {
      const answer = await ask(node, request);
      if (request.key !== describeProducers([]).key || told++ > 0) return answer;
      return (answer as { partition: number }[]).map((one) => (one.partition === 1 ? { ...one, producers: [] } : one)) as typeof answer;
    };
    const again = await fence(mine, id, of(topic, 0, 1, 2));
    expect([told, again.producerId]).toEqual([2, first.producerId]);
    expect(await client.offsets(topic, 'end')).toEqual([2, 3, 2]);
    await again.append(of(topic, 0, 1).map((place) => ({ ...place, batches: [values('x')] })));
    await expect(first.append(of(topic, 1).map((place) => ({ ...place, batches: [values('late')] })))).rejects.toThrow(
      expect.objectContaining({ code: 'fenced' }),
    );
  });

  /** An owner of a partition that commits one transaction after the other until `over` says so of it; `failure` is what it ended with. */
  async function committing(client: KafkaClient, topic: string, partition: number, over: (id: string) => boolean) {
    const id = newId();
    const owner = await client.transactional(id, of(topic, partition));
    const committed: string[] = [];
    const work = async (): Promise<void> => {
      for (let n = 0; !over(id); n++) {
        await owner.append([{ topic, partition, batches: [values(`${id}.${n}`)] }]);
        await owner.commit();
        committed.push(`${id}.${n}`);
      }
    };
    const failure = work().then(
      () => null,
      (error: unknown) => error,
    );
    return { id, partition, committed, failure };
  }

  for (const [how, name] of [
    ['stop', 'stopped'],
    ['kill', 'killed'],
  ] as const)
    test(`is lost by a lone broker that is ${name} as transactions end: owners that go on put it, and who comes after one that died`, {
      timeout: 5 * MINUTES,
    }, async () => {
      const client = await bench.client();
      const topic = await bench.topic(client, { partitions: 8 });
      const lost = { going: 0, dead: 0 };
      for (let round = 0; lost.going === 0 || lost.dead === 0; round++) {
        expect(round, JSON.stringify(lost)).toBeLessThan(MOST_ROUNDS);
        const mortal = await bench.client();
        const before = skipped().length;
        let [ending, ended] = [false, false];
        // one that goes on does nothing behind what lost its marker that could make up for it
        const over = (id: string): boolean => ended || (ending && skipped().includes(id));
        const going = await Promise.all([0, 1, 2, 3].map((partition) => committing(client, topic, partition, over)));
        const dying = await Promise.all([4, 5, 6, 7].map((partition) => committing(mortal, topic, partition, () => false)));
        await sleep(500);
        ending = true;
        await broker[how]();
        ended = true;
        await mortal.close();
        await broker.start();
        for (const { failure } of going) expect(await failure).toBeNull();
        for (const id of skipped().slice(before)) lost[dying.some((one) => one.id === id) ? 'dead' : 'going']++;
        for (const { id, partition } of dying) await client.transactional(id, of(topic, partition));
        await expect.poll(() => undecided(client, topic), { timeout: PATIENCE }).toEqual([]);
        for (const { id, partition, committed } of [...going, ...dying]) {
          const seen = (await texts(client, topic, partition)).filter((text) => text?.startsWith(`${id}.`));
          // of one that died the last may be committed, though nobody was told
          expect([committed, [...committed, `${id}.${committed.length}`].slice(0, partition < 4 ? 0 : undefined)]).toContainEqual(seen);
        }
      }
    });
});
