import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type Bench, batch, type Given, type Got, readAll, TIME, take, until, values } from './client-grounds.case.ts';

const CODECS = ['gzip', 'snappy', 'lz4', 'zstd'];

/** What goes in comes out, and nothing else. */
export function recordCases(bench: Bench): void {
  test('topics are made once, and are known with their partitions', async () => {
    const client = await bench.client();
    const name = await bench.topic(client, { partitions: 3, config: { 'cleanup.policy': 'compact' } });
    await client.create([{ name, partitions: 3, replication: 1, config: {} }]);
    expect(await client.topics([name, 'not-there'])).toEqual(new Map([[name, 3]]));
    const all = await client.topics(null);
    expect(all.get(name)).toBe(3);
    expect([...all.keys()].filter((topic) => topic.startsWith('__'))).toEqual([]);
    expect(await client.offsets(name, 'end')).toEqual([0, 0, 0]);
  });

  test('a topic is told from others, where the client asks', async () => {
    const client = await bench.client();
    if (client.identity === undefined) return;
    const [one, other] = [await bench.topic(client), await bench.topic(client)];
    const identity = await client.identity(one);
    expect(identity).toMatch(/^[0-9a-f]{32}$/);
    expect(await client.identity(one)).toBe(identity);
    expect(await client.identity(other)).not.toBe(identity);
    expect(await client.identity('not-there')).toBeNull();
  });

  test('null and empty keys and values, header blocks and times come back as they were', async () => {
    const client = await bench.client();
    const topic = await bench.topic(client);
    // one header: name "o", value "x"
    const headers = Buffer.from([2, 2, 0x6f, 2, 0x78]);
    const given: Given[] = [
      { key: null, value: null },
      { key: '', value: '' },
      { key: 'k', value: null, headers },
      { key: null, value: 'v', timestamp: TIME - 86_400_000 },
      { key: 'ключ', value: '値', headers, timestamp: TIME + 1 },
    ];
    await client.producer.append([{ topic, partition: 0, batches: [batch(given)] }]);
    const expected = given.map(({ key = null, value, headers: block, timestamp = TIME }, offset) => ({
      offset,
      key,
      value: value as string | null,
      headers: block?.toString('hex') ?? null,
      timestamp,
    }));
    expect(await readAll(client, topic)).toEqual(expected);
  });

  test('values of 1 byte to 900 KB', async () => {
    const client = await bench.client();
    const topic = await bench.topic(client);
    const sizes = [1, 10, 63, 64, 8_191, 8_192, 65_536, 300_000, 900_000];
    const texts = sizes.map((size) =>
      randomBytes(Math.ceil(size / 2))
        .toString('hex')
        .slice(0, size),
    );
    await client.producer.append([{ topic, partition: 0, batches: texts.map((text) => values(text)) }]);
    expect((await readAll(client, topic)).map(({ value }) => value)).toEqual(texts);
  });

  test('many batches of many partitions in one append', async () => {
    const client = await bench.client();
    const topic = await bench.topic(client, { partitions: 7 });
    const partitions = [...Array(7).keys()];
    const text = (partition: number, at: number, record: number) => `${partition}:${at}:${record}`;
    await client.producer.append(
      partitions.map((partition) => ({
        topic,
        partition,
        batches: [...Array(30).keys()].map((at) => values(...[...Array(20).keys()].map((record) => text(partition, at, record)))),
      })),
    );
    expect(await client.offsets(topic, 'end')).toEqual(partitions.map(() => 600));
    for (const partition of partitions) {
      const got = await readAll(client, topic, partition);
      expect(got.map(({ value }) => value)).toEqual([...Array(600).keys()].map((record) => text(partition, Math.floor(record / 20), record % 20)));
      expect(got.map(({ offset }) => offset)).toEqual([...Array(600).keys()]);
    }
  });

  test('appends that overlap keep their order, and their builders can be used again behind them', async () => {
    const client = await bench.client();
    const topic = await bench.topic(client, { partitions: 2 });
    const builders = [...Array(40).keys()].map(() => batch([]));
    for (let round = 0; round < 3; round++) {
      await Promise.all(
        builders.map((builder, at) => {
          builder.reset();
          const value = Buffer.from(`${round}:${at}`);
          const pos = builder.begin(TIME, value, 0, -1);
          builder.end(pos + value.copy(builder.buffer, pos));
          return client.producer.append([{ topic, partition: at % 2, batches: [builder] }]);
        }),
      );
    }
    const expected = [0, 1, 2].flatMap((round) => [...Array(40).keys()].map((at) => `${round}:${at}`));
    for (const partition of [0, 1]) {
      const mine = expected.filter((text) => Number(text.split(':')[1]) % 2 === partition);
      expect((await readAll(client, topic, partition)).map(({ value }) => value)).toEqual(mine);
    }
  });

  test('a feed begins in the middle of a batch, and hands out no more than asked', async () => {
    const client = await bench.client();
    const topic = await bench.topic(client);
    await client.producer.append([{ topic, partition: 0, batches: [values('0', '1', '2', '3', '4'), values('5', '6', '7')] }]);
    expect((await readAll(client, topic, 0, 3)).map(({ value }) => value)).toEqual(['3', '4', '5', '6', '7']);
    const feed = client.feed(topic, 0, 1);
    await until('the records', () => feed.end === 8);
    await until('a poll of two', () => {
      const view = feed.poll(1 << 20, 2);
      if (view === null) return false;
      expect([view.topic, view.partition, view.count, view.offsets[0], view.offsets[1]]).toEqual([topic, 0, 2, 1, 2]);
      return true;
    });
    expect(feed.position).toBe(3);
    const one = feed.poll(1);
    expect([one?.count, one?.offsets[0]]).toEqual([1, 3]);
    const rest: Got[] = [];
    await until('the rest', () => {
      take(feed, rest, 1 << 20, 3);
      return feed.position === 8;
    });
    expect(rest.map(({ value }) => value)).toEqual(['4', '5', '6', '7']);
  });

  test('seek: forward within what was fetched, behind it, and back', async () => {
    const client = await bench.client();
    const topic = await bench.topic(client);
    await client.producer.append([{ topic, partition: 0, batches: [values('0', '1', '2'), values('3', '4', '5'), values('6', '7', '8')] }]);
    const feed = client.feed(topic, 0, 0);
    const next = async (): Promise<string | null> => {
      const got: Got[] = [];
      await until('a record', () => {
        const view = feed.poll(1, 1);
        if (view === null) return false;
        got.push({ value: view.buffer.toString('utf8', view.valueStart[0], view.valueEnd[0]) } as Got);
        return true;
      });
      return (got[0] as Got).value;
    };
    expect(await next()).toBe('0');
    feed.seek(4);
    expect(feed.position).toBe(4);
    expect(await next()).toBe('4');
    feed.seek(1);
    expect(await next()).toBe('1');
    feed.seek(8);
    expect(await next()).toBe('8');
    expect(feed.poll(1)).toBeNull();
    feed.seek(0);
    expect(await next()).toBe('0');
  });

  test('below the first offset kept, a feed begins there and says where that is', async () => {
    const client = await bench.client();
    const topic = await bench.topic(client, { partitions: 2 });
    const batches = [values('0', '1', '2'), values('3', '4')];
    await client.producer.append([
      { topic, partition: 0, batches },
      { topic, partition: 1, batches: [values('a')] },
    ]);
    await client.deleteRecords(topic, new Map([[0, 2]]));
    expect(await client.offsets(topic, 'start')).toEqual([2, 0]);
    expect(await client.offsets(topic, 'end')).toEqual([5, 1]);
    expect((await readAll(client, topic)).map(({ offset }) => offset)).toEqual([2, 3, 4]);
    const feed = client.feed(topic, 0, 0);
    await until('the start', () => feed.start === 2);
    await client.deleteRecords(topic, new Map([[0, 5]]));
    await client.deleteRecords(topic, new Map([[0, 3]]));
    expect(await client.offsets(topic, 'start')).toEqual([5, 0]);
    const empty = client.feed(topic, 0, 0);
    await until('the start of an empty partition', () => empty.start === 5 && empty.position === 5);
    expect(empty.poll(1)).toBeNull();
  });

  test('offsets with gaps, as compaction leaves them', async () => {
    const client = await bench.client();
    const config = { 'cleanup.policy': 'compact', 'segment.ms': '200', 'min.cleanable.dirty.ratio': '0.001', 'max.compaction.lag.ms': '400' };
    const topic = await bench.topic(client, { config });
    for (let round = 0; round < 4; round++) {
      const records = [...Array(5).keys()].map((key) => ({ key: `k${key}`, value: `${round}`, timestamp: TIME + round }));
      await client.producer.append([{ topic, partition: 0, batches: [batch(records)] }]);
    }
    await client.producer.append([{ topic, partition: 0, batches: [batch([{ key: 'k3', value: null }])] }]);
    let got: Got[] = [];
    for (let tries = 0; tries < 100; tries++) {
      await sleep(300);
      // a segment is closed by a record that is later than its first one by segment.ms
      const last = { key: 'last', value: `${tries}`, timestamp: TIME + 1_000 * (tries + 1) };
      await client.producer.append([{ topic, partition: 0, batches: [batch([last])] }]);
      got = (await readAll(client, topic)).filter(({ key }) => key !== 'last');
      if (got.length <= 5) break;
    }
    expect(got.filter(({ value }) => value !== null).map(({ offset, key, value, timestamp }) => [offset, key, value, timestamp])).toEqual([
      [15, 'k0', '3', TIME + 3],
      [16, 'k1', '3', TIME + 3],
      [17, 'k2', '3', TIME + 3],
      [19, 'k4', '3', TIME + 3],
    ]);
  });

  test.each(CODECS)('batches that come compressed by %s', async (codec) => {
    const client = await bench.client();
    const topic = await bench.topic(client, { config: { 'compression.type': codec } });
    const text = (at: number) => `${at} ${'a river turns the wheel '.repeat(at % 7)}`;
    const batches = [...Array(20).keys()].map((at) => values(...[...Array(50).keys()].map((record) => text(at * 50 + record))));
    await client.producer.append([{ topic, partition: 0, batches }]);
    const got = await readAll(client, topic, 0, 17);
    expect(got.map(({ value }) => value)).toEqual([...Array(983).keys()].map((at) => text(at + 17)));
    expect(got.map(({ offset }) => offset)).toEqual([...Array(983).keys()].map((at) => at + 17));
  });

  test.each(['none', 'zstd'])('the time of the append, where the topic says so (compression %s)', async (codec) => {
    const client = await bench.client();
    const topic = await bench.topic(client, {
      config: { 'message.timestamp.type': 'LogAppendTime', 'compression.type': codec === 'none' ? 'uncompressed' : codec },
    });
    const before = Date.now();
    await client.producer.append([{ topic, partition: 0, batches: [values('a', 'b'), values('c')] }]);
    const got = await readAll(client, topic);
    expect(got.length).toBe(3);
    for (const { timestamp } of got) expect(Math.abs(timestamp - before)).toBeLessThan(60_000);
    expect(got[0]?.timestamp).toBe(got[1]?.timestamp);
  });

  test('a feed that is not polled stops fetching, and goes on when it is', async () => {
    const client = await bench.client({ prefetch: 256 * 1024 });
    const topic = await bench.topic(client);
    const value = 'x'.repeat(999);
    for (let round = 0; round < 10; round++) {
      const batches = [...Array(10).keys()].map(() => values(...Array(100).fill(value)));
      await client.producer.append([{ topic, partition: 0, batches }]);
    }
    const feed = client.feed(topic, 0, 0);
    await sleep(1_500);
    const got: Got[] = [];
    const bytes = take(feed, got);
    expect(bytes).toBeGreaterThan(0);
    // what is asked for, and one batch that begins below it
    expect(bytes).toBeLessThan(256 * 1024 * 2);
    await until('the rest', () => {
      take(feed, got);
      return got.length === 10_000;
    });
    expect(got.map(({ offset }) => offset)).toEqual([...Array(10_000).keys()]);
  });

  test('what is appended reaches a feed that waits, and is announced', async () => {
    const client = await bench.client();
    const topic = await bench.topic(client);
    const feed = client.feed(topic, 0, 0);
    await until('the first answer', () => feed.end === 0);
    const before = bench.arrivals;
    await client.producer.append([{ topic, partition: 0, batches: [values('now')] }]);
    await until('the announcement', () => bench.arrivals > before);
    const got: Got[] = [];
    await until('the record', () => {
      take(feed, got);
      return got.length > 0;
    });
    expect(got.map(({ value }) => value)).toEqual(['now']);
    expect(feed.position).toBe(1);
    expect(feed.end).toBe(1);
  });
}
