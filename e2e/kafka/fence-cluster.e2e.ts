import { setTimeout as sleep } from 'node:timers/promises';
import { appendThrough, values } from '@millrace/transport/kafka/client-grounds.case.ts';
import { expect, test } from 'vitest';
import { FenceSuite } from '../support/kafka/fence-suite.ts';
import { count, fence, struggle, texts, tryAs } from '../support/kafka/fencing.ts';
import { describeKafka } from '../support/kafka.ts';

describeKafka('a fence on three brokers', () => {
  const properties = { 'leader.imbalance.check.interval.seconds': '5' };
  const topics = { replication: 3, config: { 'min.insync.replicas': '2' } };
  const suite = new FenceSuite({ nodes: 3, properties }, { topics, patience: 60_000 });
  const kill = async (at: number): Promise<void> => {
    await suite.broker.nodes[at]?.kill();
    await suite.broker.nodes[at]?.start();
  };

  test('leaders move under a stream of appends: nothing lost, nothing twice, and the old owner stays out', async () => {
    const partitions = 24;
    const { client, access, topic, places, id } = await suite.lay(partitions);
    const old = await fence(client, id, places);
    // half of them are never written by it
    await old.append(count(12).map((partition) => ({ topic, partition, batches: [values('before')] })));
    const owner = await fence(client, id, places);
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
    }
    console.info('the old owner, while leaders move, was told:', Object.fromEntries(refused));
    expect([...refused.keys()]).toEqual(['fenced']);
  });

  test('a fence behind which every broker is killed in turn, nothing appended: the old owner stays out everywhere', async () => {
    const partitions = 12;
    const { client, access, topic, places, id } = await suite.lay(partitions);
    const old = await fence(client, id, places);
    await old.append(count(6).map((partition) => ({ topic, partition, batches: [values('before')] })));
    const owner = await fence(client, id, places);
    for (const at of [0, 1, 2]) {
      await suite.broker.nodes[at]?.kill();
      for (const partition of count(partitions)) expect(await tryAs(access, old, topic, partition)).toBe('fenced');
      await suite.broker.nodes[at]?.start();
      for (const partition of count(partitions)) expect(await tryAs(access, old, topic, partition)).toBe('fenced');
    }
    await owner.append(count(partitions).map((partition) => ({ topic, partition, batches: [values('after')] })));
    for (const partition of count(partitions)) expect(await texts(client, topic, partition)).toEqual(partition < 6 ? ['before', 'after'] : ['after']);
  });

  test('coordinators and leaders move while one owner after the other takes over from one that goes on appending', async () => {
    const ground = await suite.lay(16);
    const took: number[] = [];
    let twice = 0;
    let back: Promise<void> = Promise.resolve();
    try {
      const outcome = await struggle({
        ...ground,
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
              const owner = await fence(ground.client, ground.id, places);
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
      expect(outcome).toMatchObject({ breached: 0, fresh: 40 * 16 });
    } finally {
      await back;
    }
  });
});
