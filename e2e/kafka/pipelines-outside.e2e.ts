/** What others do to the topics and files of a pipeline between a kill and the next start: retention, a tail that is lost, a lookup file edited. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { copySources, patch } from '../support/copy.ts';
import { kafkaOf, makeTopics, produce, readCommitted } from '../support/kafka/foreign.ts';
import { readKafka } from '../support/kafka/logs.ts';
import { kafkaAnswers, kafkaProfile, type Laid, layPair, onKafka } from '../support/kafka/pair.ts';
import { topicsOnly } from '../support/kafka/pairs.ts';
import { complaints, records, start, TO_END } from '../support/kafka/running.ts';
import { cutTail, recordsFrom } from '../support/kafka/segments.ts';
import { type Broker, describeKafka, startBroker } from '../support/kafka.ts';
import { difference } from '../support/kills.ts';

const LONG_AGO = Date.UTC(2018, 2, 1);

describeKafka('what others do to topics and files between a kill and the next start', () => {
  const base = mkdtempSync(join(tmpdir(), 'millrace-outside-'));
  let broker: Broker;
  let laid: Laid;
  beforeAll(async () => {
    // a week of retention, looked after all the time
    const properties = { 'log.retention.hours': '168', 'log.retention.check.interval.ms': '200', 'log.initial.task.delay.ms': '100' };
    [broker, laid] = await Promise.all([startBroker({ properties }), layPair(topicsOnly('lasting', 12_000), base)]);
  });
  afterAll(async () => {
    await broker?.close();
    rmSync(base, { recursive: true, force: true });
  });

  /** records that are committed: what was cut off by a kill does not count */
  const seen = async (topic: string): Promise<number> => (await readKafka(broker.brokers, 'fast', [topic])).get(topic)?.length ?? 0;

  /** by topic: how many records were removed from its partitions */
  async function removed(topics: readonly string[]): Promise<Record<string, number>> {
    const admin = kafkaOf(broker.brokers).admin();
    await admin.connect();
    const found: Record<string, number> = {};
    for (const topic of topics) found[topic] = (await admin.fetchTopicOffsets(topic)).reduce((sum, { low }) => sum + Number(low), 0);
    await admin.disconnect();
    return found;
  }

  /** Waits until retention has gone over all topics once, as two records of long ago tell that come one behind the other. */
  async function retained(): Promise<void> {
    for (const round of [1, 2]) {
      const control = `control-${round}-${performance.now()}`;
      await makeTopics(broker.brokers, [{ topic: control, numPartitions: 1 }]);
      await produce(broker.brokers, control, [{ partition: 0, key: null, value: Buffer.from('old'), timestamp: String(LONG_AGO), headers: {} }]);
      while ((await removed([control]))[control] === 0) await sleep(50);
    }
  }

  test('event times of 2018 on topics that keep a week: nothing goes, neither over a kill', async () => {
    const tag = 'lasting';
    const dir = join(base, tag);
    await onKafka(laid, broker.brokers, dir, tag, { commitEvery: 10 });
    const first = start(dir, TO_END, { env: { MILLRACE_PROBE: 'kafka.appended:20' } });
    await Promise.race([first.saw('probe kafka.appended\n'), first.finished]);
    expect(first.said).toContain('probe kafka.appended\n');
    await first.kill();
    await retained();
    const { code, stderr } = await start(dir, TO_END).finished;
    expect(code, stderr).toBe(0);
    await retained();
    const topics = laid.pair.outputs.map((output) => `${tag}.${output}`);
    expect(await removed(topics)).toEqual(Object.fromEntries(topics.map((topic) => [topic, 0])));
    const { own, foreign } = await kafkaAnswers(laid.pair, broker.brokers, dir, tag);
    expect(difference(laid.expected, own)).toBe('');
    expect(difference(laid.expected, foreign)).toBe('');
  });

  test('a planted bug is found: records that carry their event time to the log', async () => {
    const tag = 'dated';
    const dir = join(base, tag);
    const copy = join(base, 'dated-copy');
    const bin = copySources(copy);
    const wall = 'let pos = out.begin(partition, this.#host.wall(),';
    patch(join(copy, 'preprocessor/task/log-output.ts'), wall, wall.replace('wall()', 'time.eventTime'));
    await onKafka(laid, broker.brokers, dir, tag);
    const { code, stderr } = await start(dir, [...TO_END, '--only', 'preprocess'], { bin }).finished;
    expect(code, stderr).toBe(0);
    await retained();
    // one without heartbeats, which have times of their own
    expect((await removed([`${tag}.cards`]))[`${tag}.cards`]).toBeGreaterThan(0);
  });

  test('the tail of an output topic is lost between two runs: the next one says so, and writes nothing', async () => {
    const tag = 'tail';
    const topic = `${tag}.scored`;
    const dir = join(base, tag);
    await onKafka(laid, broker.brokers, dir, tag);
    const run = [...TO_END, '--only', 'preprocess'];
    const another = (id: number): Promise<void> => {
      const value = Buffer.from(JSON.stringify({ id, card: 'c1', shop: 's1', cents: 100, at: LONG_AGO + id }));
      return produce(broker.brokers, `${tag}.payments`, [{ partition: 0, key: Buffer.from('c1'), value, timestamp: String(Date.now()), headers: {} }]);
    };
    expect(await start(dir, run).finished).toMatchObject({ code: 0 });
    const whole = await records(broker.brokers, topic);
    // a snapshot knows of what was there before its own commit
    await another(1_000_000);
    expect(await start(dir, run).finished).toMatchObject({ code: 0 });
    await broker.stop();
    const left = [0, 1, 2, 3].map((partition) => cutTail(broker.data[0] as string, topic, partition, 12));
    expect(left.reduce((sum, end) => sum + end)).toBeLessThan(whole);
    await broker.start();
    // a broker that has just come up may know of nothing yet
    await expect.poll(() => records(broker.brokers, topic), { timeout: 20_000 }).toBeGreaterThan(0);
    await another(1_000_001);
    const { code, stderr } = await start(dir, run).finished;
    expect(code, stderr).toBe(1);
    expect(complaints(stderr), stderr).toEqual([expect.stringMatching(/^millrace: records_gone .*tail\.scored/)]);
    // but the marks of transactions that have lost their own
    for (const [partition, end] of left.entries()) expect(recordsFrom(broker.data[0] as string, topic, partition, end)).toBe(0);
  });

  const SHOPS = 60;
  /** what the lookup file says in its versions 1, 2 and 3 */
  const risk = (version: number, shop: number): number => version * 1000 + shop;
  const shops = (version: number): string => ['shop,risk', ...Array.from({ length: SHOPS }, (_, shop) => `s${shop},${risk(version, shop)}`), ''].join('\n');
  const looking = (tag: string): string => `version: 1
name: ${tag}
schemas:
  payment: { type: record, name: Payment, fields: [{ name: id, type: long }, { name: source, type: int }, { name: shop, type: string }, { name: at, type: long }] }
tables:
  shops: { file: shops.csv, key: shop }
preprocess:
  sources: [{ id: payments, type: topic, topic: ${tag}.payments, format: json, schema: payment, key: source, event_time: { field: at } }]
  steps:
    - { id: known, type: lookup, table: shops, on: shop, add: [risk] }
    - { id: sums, type: window, from: known, key: shop, window: { tumbling: 1h }, select: { n: "count(*)", risk: "sum(risk)" } }
  outputs:
    - { id: rows, from: known, topic: ${tag}.rows, format: json, key: id }
    - { id: totals, from: sums, topic: ${tag}.totals, format: json, key: shop }
`;

  test.each(['fast', 'kafkajs'] as const)('%s: the lookup file is edited at each start behind a kill: a recovery sees what the records saw', async (client) => {
    const tag = `edited-${client}`;
    const dir = join(base, tag);
    const rowsTopic = `${tag}.rows`;
    const part = 10_000;
    const payments = Array.from({ length: 3 * part }, (_, id) => ({ id, source: id % 4, shop: `s${(id * 7) % SHOPS}`, at: LONG_AGO + id }));
    mkdirSync(dir);
    writeFileSync(join(dir, 'pipeline.yaml'), looking(tag));
    // no snapshot before the end: what was taken is taken again
    writeFileSync(join(dir, 'kafka.yaml'), kafkaProfile(broker.brokers, { client, commitEvery: 10, checkpointEvery: 600_000 }));
    await makeTopics(
      broker.brokers,
      [`${tag}.payments`, rowsTopic].map((topic) => ({ topic, numPartitions: 4 })),
    );
    /** a third of the records more, under the next version of the table */
    const prepare = async (version: number): Promise<void> => {
      writeFileSync(join(dir, 'shops.csv'), shops(version));
      const records = payments.slice((version - 1) * part, version * part).map((payment) => ({
        partition: payment.source,
        key: Buffer.from(String(payment.source)),
        value: Buffer.from(JSON.stringify(payment)),
        timestamp: String(Date.now()),
        headers: {},
      }));
      await produce(broker.brokers, `${tag}.payments`, records);
    };
    for (const version of [1, 2]) {
      await prepare(version);
      const enough = (await seen(rowsTopic)) + 100;
      const run = start(dir);
      while ((await seen(rowsTopic)) < enough) expect(run.child.exitCode, run.said).toBe(null);
      await run.kill();
    }
    await prepare(3);
    const { code, stderr } = await start(dir, TO_END).finished;
    expect(code, stderr).toBe(0);

    interface Seen {
      readonly id: number;
      readonly source: number;
      readonly shop: string;
      readonly risk: number;
    }
    const read = await readCommitted(broker.brokers, [`${tag}.rows`, `${tag}.totals`]);
    const rows = (read.get(`${tag}.rows`) ?? []).map(({ value }) => JSON.parse(String(value)) as Seen).sort((a, b) => a.id - b.id);
    const totals = (read.get(`${tag}.totals`) ?? []).map(({ value }) => JSON.parse(String(value)) as { n: number; risk: number });
    expect(rows.map(({ id }) => id)).toEqual(payments.map(({ id }) => id));
    const versions = rows.map((row) => (row.risk - Number(row.shop.slice(1))) / 1000);
    for (let source = 0; source < 4; source++) {
      const inOrder = versions.filter((_, id) => id % 4 === source);
      expect(inOrder).toEqual(inOrder.toSorted());
    }
    expect([...new Set(versions)].sort()).toEqual([1, 2, 3]);
    const sum = (of: readonly { risk: number }[]): number => of.reduce((all, { risk }) => all + risk, 0);
    expect(totals.reduce((all, { n }) => all + n, 0)).toBe(payments.length);
    expect(sum(totals)).toBe(sum(rows));
    console.log(`${client}: rows of each version: ${[1, 2, 3].map((version) => versions.filter((of) => of === version).length).join(', ')}`);
  });
});
