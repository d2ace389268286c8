import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { appendThrough, type Bench, type Got, type Grounds, readAll, take, until, values } from './client-grounds.case.ts';

const texts = (got: readonly Got[]) => got.map(({ value }) => value);

/** What brokers and networks do. */
export function faultCases(bench: Bench, grounds: () => Grounds): void {
  test('a topic that is not there', async () => {
    const client = await bench.client({ patience: 10_000 });
    const topic = 'suite-not-there';
    const unknown = { code: 'unknown_topic' };
    await expect(client.producer.append([{ topic, partition: 0, batches: [values('x')] }])).rejects.toMatchObject(unknown);
    await expect(client.offsets(topic, 'end')).rejects.toMatchObject(unknown);
    const feed = client.feed(topic, 0, 0);
    let failure: unknown;
    await until('the error', () => {
      try {
        feed.poll(1);
      } catch (error) {
        failure = error;
      }
      return failure !== undefined;
    });
    expect(failure).toMatchObject(unknown);
    const there = await bench.topic(client);
    await client.producer.append([{ topic: there, partition: 0, batches: [values('x')] }]);
    expect(texts(await readAll(client, there))).toEqual(['x']);
  });

  test('a batch that is too large is refused, and the next one is not', async () => {
    const client = await bench.client();
    const topic = await bench.topic(client, { partitions: 2, config: { 'max.message.bytes': '2000' } });
    await client.producer.append([{ topic, partition: 0, batches: [values('before')] }]);
    const large = client.producer.append([
      { topic, partition: 0, batches: [values('x'.repeat(3000))] },
      { topic, partition: 1, batches: [values('beside')] },
    ]);
    await expect(large).rejects.toMatchObject({ code: 'message_too_large' });
    await client.producer.append([{ topic, partition: 0, batches: [values('behind'), values('it')] }]);
    expect(texts(await readAll(client, topic, 0))).toEqual(['before', 'behind', 'it']);
  });

  test('a batch that is too large among others on their way: each append says what became of it', async () => {
    const client = await bench.client();
    const topic = await bench.topic(client, { config: { 'max.message.bytes': '2000' } });
    const sent: Promise<boolean>[] = [];
    for (let at = 0; at < 60; at++) {
      const text = at % 20 === 7 ? `${at}:${'x'.repeat(3000)}` : `${at}`;
      sent.push(
        client.producer.append([{ topic, partition: 0, batches: [values(text)] }]).then(
          () => true,
          () => false,
        ),
      );
      await sleep(at % 3);
    }
    const kept = (await Promise.all(sent)).map((well, at) => (well ? `${at}` : null)).filter((text) => text !== null);
    expect(kept.length).toBeGreaterThan(0);
    expect(kept.length).toBeLessThan(58);
    expect(texts(await readAll(client, topic))).toEqual(kept);
  });

  test('no broker at the address', async () => {
    await expect(bench.client({ brokers: ['127.0.0.1:1'], patience: 700 })).rejects.toMatchObject({ code: 'broker_unreachable' });
  });

  test('a client is closed while fetches and appends are out', async () => {
    const client = await bench.client();
    const topic = await bench.topic(client, { partitions: 2 });
    const feeds = [0, 1].map((partition) => client.feed(topic, partition, 0));
    await until('the first answers', () => feeds.every(({ end }) => end === 0));
    const sent = client.producer.append([{ topic, partition: 0, batches: [values('x')] }]).then(
      () => 'sent',
      (error) => error.code,
    );
    const before = bench.arrivals;
    await client.close();
    expect(['sent', 'broker_unreachable']).toContain(await sent);
    await sleep(150);
    expect(bench.arrivals - before).toBeLessThanOrEqual(1);
    await client.close();
  });

  test('a broker that is killed and comes back in the middle of appends and of feeds: nothing lost, nothing twice', async () => {
    const client = await bench.client();
    const topic = await bench.topic(client, { partitions: 2 });
    const feeds = [0, 1].map((partition) => client.feed(topic, partition, 0));
    const got: Got[][] = [[], []];
    const reading = setInterval(() => {
      for (const [at, feed] of feeds.entries()) take(feed, got[at] as Got[]);
    }, 5);
    let back: Promise<void> | undefined;
    try {
      const expected = await appendThrough(client, topic, 2, 150, (at) => {
        if (at === 60)
          back = grounds()
            .kill()
            .then(() => grounds().start());
      });
      await back;
      for (const partition of [0, 1]) {
        expect(texts(await readAll(client, topic, partition))).toEqual(expected[partition]);
        await until('the feed', () => got[partition]?.length === expected[partition]?.length);
        expect(texts(got[partition] as Got[])).toEqual(expected[partition]);
      }
    } finally {
      clearInterval(reading);
      await back;
    }
  });

  test('a broker that stands still for 10 s: nothing lost, nothing twice', async () => {
    const client = await bench.client();
    const topic = await bench.topic(client, { partitions: 2 });
    const feed = client.feed(topic, 0, 0);
    const got: Got[] = [];
    const expected = await appendThrough(client, topic, 2, 80, (at) => {
      if (at === 40) {
        grounds().pause();
        setTimeout(() => grounds().resume(), 10_000);
      }
    });
    await until('the feed', () => {
      take(feed, got);
      return got.length === expected[0]?.length;
    });
    expect(texts(got)).toEqual(expected[0]);
    expect(texts(await readAll(client, topic, 1))).toEqual(expected[1]);
  });

  test('a broker that is killed with a transaction open, and one under way: the commit that resolves is kept', async () => {
    const client = await bench.client();
    const topic = await bench.topic(client, { partitions: 2 });
    const owner = await client.transactional(`suite.${process.pid}.killed`);
    const both = (text: string) => [0, 1].map((partition) => ({ topic, partition, batches: [values(text)] }));
    await owner.append(both('one'));
    await owner.commit();
    await owner.append(both('two'));
    await grounds().kill();
    const back = grounds().start();
    try {
      await owner.append(both('three'));
      await owner.commit();
    } finally {
      await back;
    }
    await owner.append(both('four'));
    await owner.commit();
    for (const partition of [0, 1]) expect(texts(await readAll(client, topic, partition))).toEqual(['one', 'two', 'three', 'four']);
  });

  test('a broker that stays away: the append fails when patience is over, and the feed too', async () => {
    const client = await bench.client({ patience: 1_500 });
    const topic = await bench.topic(client);
    await client.producer.append([{ topic, partition: 0, batches: [values('before')] }]);
    const feed = client.feed(topic, 0, 0);
    const got: Got[] = [];
    await until('the record', () => {
      take(feed, got);
      return got.length === 1;
    });
    await grounds().kill();
    try {
      const unreachable = { code: 'broker_unreachable' };
      await expect(client.producer.append([{ topic, partition: 0, batches: [values('x')] }])).rejects.toMatchObject(unreachable);
      await expect(client.offsets(topic, 'end')).rejects.toMatchObject(unreachable);
      await sleep(1_500);
      expect(() => feed.poll(1)).toThrow(expect.objectContaining(unreachable));
    } finally {
      await grounds().start();
    }
    await client.producer.append([{ topic, partition: 0, batches: [values('behind')] }]);
    expect(texts(await readAll(client, topic))).toContain('behind');
  });
}
