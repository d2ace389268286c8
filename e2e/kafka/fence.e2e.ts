import { values } from '@millrace/transport/kafka/client-grounds.case.ts';
import { askCoordinator, joinTransaction, takeId } from '@millrace/transport/kafka/fast/coordinator.ts';
import { endTransaction } from '@millrace/transport/kafka/fast/transaction-requests.ts';
import { expect, test } from 'vitest';
import { FenceSuite } from '../support/kafka/fence-suite.ts';
import { count, fence, struggle } from '../support/kafka/fencing.ts';
import { describeKafka } from '../support/kafka.ts';

describeKafka('a fence', () => {
  const suite = new FenceSuite();

  test('an old owner appends as fast as it can: nothing of it is behind what the new one reads back, over 120 fences', async () => {
    const partitions = 16;
    const ground = await suite.lay(partitions);
    const took: number[] = [];
    const outcome = await struggle({
      ...ground,
      spared: [12, 13, 14, 15],
      rounds: 120,
      async takeOver(places) {
        const from = performance.now();
        const owner = await fence(ground.client, ground.id, places);
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
    const ground = await suite.lay(16);
    const { access, id } = ground;
    const outcome = await struggle({
      ...ground,
      rounds: 60,
      async takeOver(places) {
        const owner = { transactionalId: id, ...(await takeId(access, id)) };
        await joinTransaction(access, owner, places);
        await askCoordinator(access, id, endTransaction(owner, false, 5), ({ error }) => error);
        return null;
      },
    });
    console.info('60 fences without the wait:', outcome);
    expect(outcome.breached).toBeGreaterThan(0);
  });

  test.each([1, 4, 16])('%i partitions: how long it takes', async (partitions) => {
    const { client, topic, places, id } = await suite.lay(partitions);
    const took: number[] = [];
    for (let round = 0; round < 100; round++) {
      const from = performance.now();
      await fence(client, id, places);
      took.push(performance.now() - from);
    }
    took.sort((a, b) => a - b);
    console.info(`${partitions} partitions, 100 fences, ms:`, { p50: took[50], p90: took[90], max: took[99] });
    expect(await client.offsets(topic, 'end')).toEqual(count(partitions).map(() => 100));
  });

  test('consumers of any kind see the records and gaps between their offsets, and are never held back', async () => {
    const { client, topic, places, id } = await suite.lay();
    const expected: string[] = [];
    for (let round = 0; round < 20; round++) {
      const owner = await fence(client, id, places);
      for (let at = 0; at < 5; at++) {
        const text = `${round}.${at}`;
        const [{ end } = { end: -1 }] = await owner.append([{ topic, partition: 0, batches: [values(text)] }]);
        expected.push(text);
        expect(end).toBe(round * 6 + 2 + at);
        expect(await client.offsets(topic, 'stable')).toEqual([end]);
      }
    }
    for (const level of ['read_committed', 'read_uncommitted']) {
      const args = [
        '--bootstrap-server',
        suite.broker.brokers.join(','),
        '--topic',
        topic,
        '--from-beginning',
        '--max-messages',
        '100',
        '--timeout-ms',
        '20000',
      ];
      const said = await suite.broker.tool('org.apache.kafka.tools.consumer.ConsoleConsumer', [...args, '--isolation-level', level]);
      expect(said.trim().split('\n')).toEqual(expected);
    }
  });
});
