import { setTimeout as sleep } from 'node:timers/promises';
import type { FencedProducer } from '@millrace/transport/kafka/client.ts';
import { batch, values } from '@millrace/transport/kafka/client-grounds.case.ts';
import { takeId } from '@millrace/transport/kafka/fast/coordinator.ts';
import { expect, test } from 'vitest';
import { FenceSuite } from '../support/kafka/fence-suite.ts';
import { fence, struggle, texts, tryAs } from '../support/kafka/fencing.ts';
import { describeKafka } from '../support/kafka.ts';

/** Fences an id until its producer id has no epochs left. */
function epochsRunOut(suite: FenceSuite): void {
  test('the epochs of a producer id run out: the last owner under it is fenced all the same', async () => {
    const { client, access, topic, places, id } = await suite.lay(2);
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
  });
}

describeKafka('what a fence stands on', () => {
  const checks = { 'producer.id.expiration.check.interval.ms': '200', 'transaction.remove.expired.transaction.cleanup.interval.ms': '200' };
  const suite = new FenceSuite({ properties: { 'producer.id.expiration.ms': '20000', 'transactional.id.expiration.ms': '26000', ...checks } });

  test('a log that was cut to its end has forgotten its fence after a start of the broker; one cut to one before it has not', async () => {
    const { client, access, topic, places, id } = await suite.lay(2);
    const old = await fence(client, id, places);
    const owner = await fence(client, id, places);
    await client.deleteRecords(
      topic,
      new Map([
        [0, 2],
        [1, 1],
      ]),
    );
    for (const partition of [0, 1]) expect(await tryAs(access, old, topic, partition)).toBe('fenced');
    await suite.broker.stop();
    await suite.broker.start();
    expect([await tryAs(access, old, topic, 0), await tryAs(access, old, topic, 1)]).toEqual(['appended', 'fenced']);
    await owner.append([{ topic, partition: 1, batches: [values('after')] }]);
  });

  test('a partition that nothing was appended to for the time of producer.id.expiration.ms is open again; an id without a fence for longer begins anew', async () => {
    const { client, access, topic, places, id } = await suite.lay(2);
    const old = await fence(client, id, places);
    const owner = await fence(client, id, places);
    for (let at = 0; at < 24; at++) {
      await owner.append([{ topic, partition: 0, batches: [batch([{ value: 'kept', timestamp: Date.now() }])] }]);
      await sleep(1_000);
    }
    expect([await tryAs(access, old, topic, 0), await tryAs(access, old, topic, 1)]).toEqual(['fenced', 'appended']);
    await sleep(6_000);
    const next = await fence(client, id, places);
    expect(next.fencedProducerId).not.toBe(owner.producerId);
    expect(await tryAs(access, owner, topic, 1)).toBe('appended');
  });
});

describeKafka('the epochs of a fence', () => {
  const suite = new FenceSuite();

  epochsRunOut(suite);

  test('control: a new producer id that a coordinator hands out by itself fences nobody, and the owner is told', async () => {
    const { client, access, topic, places, id } = await suite.lay();
    const old = await fence(client, id, places);
    // takers that die before they fence use up the epochs
    for (let { epoch } = await takeId(access, id); epoch < 32_766; ) ({ epoch } = await takeId(access, id));
    const next = await fence(client, id, places);
    expect(next.fencedProducerId).not.toBe(old.producerId);
    expect(await tryAs(access, old, topic, 0)).toBe('appended');
  });
});

describeKafka('a fence where the cluster was not raised to transaction.version 2', () => {
  const suite = new FenceSuite({ format: ['--feature', 'transaction.version=0'] });

  test('an old owner appends as fast as it can: nothing of it is behind what the new one reads back', async () => {
    const ground = await suite.lay(8);
    const outcome = await struggle({ ...ground, spared: [6, 7], rounds: 40, takeOver: (places) => fence(ground.client, ground.id, places) });
    console.info('40 fences under load, without transaction.version 2:', outcome);
    expect(outcome).toMatchObject({ breached: 0, untold: 0, codes: ['47'], fresh: 40 * 8 });
  });

  epochsRunOut(suite);
});
