import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type Bench, type Got, readAll, take, until, values } from './client-grounds.case.ts';

let ids = 0;
const id = (): string => `suite.${process.pid}.${++ids}`;

const texts = (got: readonly Got[]) => got.map(({ value }) => value);

/** All or nothing, and one owner. */
export function transactionCases(bench: Bench): void {
  test('nothing is visible before the commit, all of it is when the commit is over, over all partitions', async () => {
    const client = await bench.client();
    const topic = await bench.topic(client, { partitions: 3 });
    const owner = await client.transactional(id());
    const feed = client.feed(topic, 0, 0);
    for (let round = 0; round < 10; round++) {
      for (const part of ['a', 'b']) {
        await owner.append([0, 1, 2].map((partition) => ({ topic, partition, batches: [values(`${round}${part}`), values(`${round}${part}'`)] })));
      }
      if (round === 3) {
        await sleep(200);
        expect(feed.end).toBe((await client.offsets(topic, 'stable'))[0]);
        expect(await client.offsets(topic, 'stable')).toEqual([15, 15, 15]);
        expect(await client.offsets(topic, 'end')).toEqual([19, 19, 19]);
      }
      await owner.commit();
      // four records and a marker each
      const expected = (round + 1) * 5;
      expect(await client.offsets(topic, 'stable')).toEqual([expected, expected, expected]);
    }
    const expected = [...Array(10).keys()].flatMap((round) => [`${round}a`, `${round}a'`, `${round}b`, `${round}b'`]);
    for (const partition of [0, 1, 2]) expect(texts(await readAll(client, topic, partition))).toEqual(expected);
    const got: Got[] = [];
    await until('the feed', () => {
      take(feed, got);
      return feed.position === 50;
    });
    expect(got.map(({ offset }) => offset)).toEqual([...Array(50).keys()].filter((offset) => offset % 5 !== 4));
    await owner.commit();
    expect(await client.offsets(topic, 'end')).toEqual([50, 50, 50]);
  });

  test('an aborted transaction is never seen, between others of the same and of another writer', async () => {
    const client = await bench.client();
    const topic = await bench.topic(client);
    const one = await client.transactional(id());
    const other = await client.transactional(id());
    const send = (owner: typeof one, text: string) => owner.append([{ topic, partition: 0, batches: [values(text, `${text}'`)] }]);
    await send(one, 'kept');
    await send(other, 'dropped');
    await one.commit();
    await send(one, 'dropped too');
    await client.producer.append([{ topic, partition: 0, batches: [values('plain')] }]);
    await other.abort();
    await send(other, 'kept later');
    await one.abort();
    await send(one, 'last');
    await other.commit();
    await one.commit();
    expect(texts(await readAll(client, topic))).toEqual(['kept', "kept'", 'plain', 'kept later', "kept later'", 'last', "last'"]);
    // from the middle of what was dropped
    expect(texts(await readAll(client, topic, 0, 3))).toEqual(['plain', 'kept later', "kept later'", 'last', "last'"]);
    await one.abort();
  });

  test('an open transaction holds readers back, whoever writes behind it', async () => {
    const client = await bench.client();
    const topic = await bench.topic(client);
    await client.producer.append([{ topic, partition: 0, batches: [values('before')] }]);
    const owner = await client.transactional(id());
    await owner.append([{ topic, partition: 0, batches: [values('open')] }]);
    await client.producer.append([{ topic, partition: 0, batches: [values('behind')] }]);
    const feed = client.feed(topic, 0, 0);
    const got: Got[] = [];
    await until('what is decided', () => {
      take(feed, got);
      return got.length === 1;
    });
    await sleep(500);
    take(feed, got);
    expect(texts(got)).toEqual(['before']);
    expect([feed.position, feed.end]).toEqual([1, 1]);
    await owner.commit();
    await until('the rest', () => {
      take(feed, got);
      return got.length === 3;
    });
    expect(texts(got)).toEqual(['before', 'open', 'behind']);
    await until('the end', () => {
      take(feed, got);
      return feed.position === 4 && feed.end === 4;
    });
  });

  test.each(['append', 'commit'] as const)('a new owner fences the one before at its next %s, and nothing of that one is seen', async (step) => {
    const client = await bench.client();
    const topic = await bench.topic(client, { partitions: 2 });
    const mine = id();
    const first = await client.transactional(mine);
    await first.append([{ topic, partition: 0, batches: [values('kept')] }]);
    await first.commit();
    await first.append([{ topic, partition: 0, batches: [values('lost')] }]);
    const second = await (await bench.client()).transactional(mine);
    expect((await client.offsets(topic, 'stable'))[0]).toBe((await client.offsets(topic, 'end'))[0]);
    const failing = step === 'commit' ? first.commit() : first.append([{ topic, partition: 0, batches: [values('lost too')] }]);
    await expect(failing).rejects.toMatchObject({ code: 'fenced' });
    await expect(first.append([{ topic, partition: 1, batches: [values('never')] }])).rejects.toMatchObject({ code: 'fenced' });
    await expect(first.commit()).rejects.toMatchObject({ code: 'fenced' });
    await second.append([0, 1].map((partition) => ({ topic, partition, batches: [values('next')] })));
    await second.commit();
    expect(texts(await readAll(client, topic, 0))).toEqual(['kept', 'next']);
    expect(texts(await readAll(client, topic, 1))).toEqual(['next']);
  });

  test('an owner that has done nothing yet is fenced as well, on a partition it never wrote to', async () => {
    const client = await bench.client();
    const topic = await bench.topic(client);
    const mine = id();
    const first = await client.transactional(mine);
    await first.commit();
    await first.abort();
    const second = await client.transactional(mine);
    await expect(first.append([{ topic, partition: 0, batches: [values('never')] }])).rejects.toMatchObject({ code: 'fenced' });
    await second.append([{ topic, partition: 0, batches: [values('next')] }]);
    await second.commit();
    expect(texts(await readAll(client, topic))).toEqual(['next']);
  });

  test('appends that overlap are all in the commit that follows them', async () => {
    const client = await bench.client();
    const topic = await bench.topic(client, { partitions: 4 });
    const owner = await client.transactional(id());
    const sent = [...Array(60).keys()].map((at) => owner.append([{ topic, partition: at % 4, batches: [values(`${at}`), values(`${at}'`)] }]));
    await owner.commit();
    await Promise.all(sent);
    for (const partition of [0, 1, 2, 3]) {
      const mine = [...Array(60).keys()].filter((at) => at % 4 === partition).flatMap((at) => [`${at}`, `${at}'`]);
      expect(texts(await readAll(client, topic, partition))).toEqual(mine);
    }
  });
}
