import { expect, test } from 'vitest';
import type { FencedProducer, KafkaClient, Place } from './client.ts';
import { appendThrough, type Bench, type Got, type Grounds, readAll, take, until, values } from './client-grounds.case.ts';

let ids = 0;
const id = (): string => `suite.${process.pid}.${++ids}.live`;
const texts = (got: readonly Got[]) => got.map(({ value }) => value);
const places = (topic: string, ...partitions: readonly number[]): Place[] => partitions.map((partition) => ({ topic, partition }));
const send = (owner: FencedProducer, topic: string, partition: number, ...words: readonly string[]) =>
  owner.append([{ topic, partition, batches: [values(...words)] }]);

/** Appends at once under an id of which there is one owner; `fences`: whether the client can. */
export function fenceCases(bench: Bench, grounds: () => Grounds, fences: boolean): void {
  const fence = (client: KafkaClient, mine: string, named: readonly Place[]) => client.fenced?.(mine, named) as Promise<FencedProducer>;

  test('appends tell where they end, in the order of the call', async () => {
    const client = await bench.client();
    const topic = await bench.topic(client, { partitions: 3 });
    const ends = await client.producer.append([
      { topic, partition: 2, batches: [values('a', 'b'), values('c')] },
      { topic, partition: 1, batches: [values()] },
      { topic, partition: 0, batches: [values('d')] },
    ]);
    expect(ends).toEqual([
      { topic, partition: 2, end: 3 },
      { topic, partition: 0, end: 1 },
    ]);
    expect(await client.producer.append([{ topic, partition: 2, batches: [values('e')] }])).toEqual([{ topic, partition: 2, end: 4 }]);
    expect(await client.producer.append([])).toEqual([]);
  });

  if (!fences) {
    test('it says that it cannot fence', async () => {
      expect((await bench.client()).fenced).toBeUndefined();
    });
    return;
  }

  async function begin(partitions: number): Promise<{ client: KafkaClient; topic: string }> {
    const client = await bench.client();
    return { client, topic: await bench.topic(client, { partitions }) };
  }

  test('what is appended is visible at once, behind a marker that nobody is given', async () => {
    const { client, topic } = await begin(2);
    const mine = id();
    for (let round = 0; round < 5; round++) {
      const owner = await fence(client, mine, places(topic, 0, 1));
      expect([owner.fencedProducerId, owner.epoch > round]).toEqual([owner.producerId, true]);
      expect(await client.offsets(topic, 'end')).toEqual([round * 4 + 1, round + 1]);
      const first = send(owner, topic, 0, `${round}a`, `${round}b`);
      const second = send(owner, topic, 0, `${round}c`);
      expect(await first).toEqual([{ topic, partition: 0, end: round * 4 + 3 }]);
      expect(await second).toEqual([{ topic, partition: 0, end: round * 4 + 4 }]);
      expect(await client.offsets(topic, 'stable')).toEqual([round * 4 + 4, round + 1]);
    }
    const expected = [0, 1, 2, 3, 4].flatMap((round) => ['a', 'b', 'c'].map((part) => `${round}${part}`));
    const got: Got[] = [];
    const feed = client.feed(topic, 0, 0);
    await until('the feed', () => {
      take(feed, got);
      return feed.position === 20;
    });
    expect(texts(got)).toEqual(expected);
    expect(got.map(({ offset }) => offset)).toEqual([...Array(20).keys()].filter((offset) => offset % 4 !== 0));
    expect(await readAll(client, topic, 1)).toEqual([]);
  });

  test('the owner before is refused in every partition named, written or not, but not in one left out', async () => {
    const { client, topic } = await begin(4);
    const mine = id();
    const old = await fence(client, mine, places(topic, 0, 1, 2, 3));
    await send(old, topic, 0, 'before');
    const next = await fence(await bench.client(), mine, places(topic, 0, 1, 2));
    expect(next.fencedProducerId).toBe(old.producerId);
    await send(old, topic, 3, 'left out');
    const failing = [0, 1, 2].map((partition) => expect(send(old, topic, partition, 'never')).rejects.toMatchObject({ code: 'fenced' }));
    await Promise.all(failing);
    await expect(send(old, topic, 3, 'ended')).rejects.toMatchObject({ code: 'fenced' });
    for (const partition of [0, 1, 2]) await send(next, topic, partition, 'after');
    expect(() => send(next, topic, 3, 'never')).toThrow('was not named');
    expect(() => send(next, 'another', 0, 'never')).toThrow('was not named');
    const all = await Promise.all([0, 1, 2, 3].map(async (partition) => texts(await readAll(client, topic, partition))));
    expect(all).toEqual([['before', 'after'], ['after'], ['after'], ['left out']]);
  });

  test('a refused append is the last: what follows fails with it, and the next owner finds a clean end', async () => {
    const client = await bench.client();
    const topic = await bench.topic(client, { partitions: 2, config: { 'max.message.bytes': '2000' } });
    const mine = id();
    const owner = await fence(client, mine, places(topic, 0, 1));
    await send(owner, topic, 0, 'one');
    const large = send(owner, topic, 0, 'x'.repeat(3000));
    const behind = send(owner, topic, 0, 'behind');
    await expect(large).rejects.toMatchObject({ code: 'message_too_large' });
    await expect(behind).rejects.toMatchObject({ code: 'message_too_large' });
    await expect(send(owner, topic, 1, 'elsewhere')).rejects.toMatchObject({ code: 'message_too_large' });
    const next = await fence(client, mine, places(topic, 0, 1));
    await send(next, topic, 0, 'two');
    expect(texts(await readAll(client, topic, 0))).toEqual(['one', 'two']);
    expect(texts(await readAll(client, topic, 1))).toEqual([]);
  });

  test('a topic that is not there cannot be fenced', async () => {
    await expect(fence(await bench.client({ patience: 5_000 }), id(), places('suite-not-there', 0))).rejects.toMatchObject({ code: 'unknown_topic' });
  });

  test('a broker that is killed behind the fence: the old owner stays out, the new one goes on', async () => {
    const { client, topic } = await begin(4);
    const mine = id();
    const all = places(topic, 0, 1, 2, 3);
    // one for each try, as the first refusal ends it
    const olds: FencedProducer[] = [];
    for (const _ of all) olds.push(await fence(client, mine, all));
    const old = olds.at(-1) as FencedProducer;
    await send(old, topic, 0, 'before');
    const next = await fence(client, mine, all);
    await grounds().kill();
    await grounds().start();
    for (const [partition, owner] of olds.entries()) await expect(send(owner, topic, partition, 'never')).rejects.toMatchObject({ code: 'fenced' });
    for (const partition of [0, 1, 2, 3]) await send(next, topic, partition, 'after');
    expect(texts(await readAll(client, topic, 0))).toEqual(['before', 'after']);
    for (const partition of [1, 2, 3]) expect(texts(await readAll(client, topic, partition))).toEqual(['after']);
  });

  test('a broker that is killed and comes back in the middle of appends: nothing lost, nothing twice', async () => {
    const { client, topic } = await begin(2);
    const mine = id();
    const old = await fence(client, mine, places(topic, 0, 1));
    await send(old, topic, 0, 'before');
    const owner = await fence(client, mine, places(topic, 0, 1));
    let back: Promise<void> | undefined;
    const expected = await appendThrough({ producer: owner }, topic, 2, 150, (at) => {
      if (at === 60)
        back = grounds()
          .kill()
          .then(() => grounds().start());
    });
    await back;
    expected[0]?.unshift('before');
    for (const partition of [0, 1]) expect(texts(await readAll(client, topic, partition))).toEqual(expected[partition]);
    await expect(send(old, topic, 1, 'never')).rejects.toMatchObject({ code: 'fenced' });
  });
}
