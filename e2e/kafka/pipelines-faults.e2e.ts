/** Records and topics that a pipeline cannot live with: what it says, what it leaves, and that it goes on where it can. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Finished } from '../support/cli.ts';
import { kafkaOf, makeTopics, produce } from '../support/kafka/foreign.ts';
import { readKafka } from '../support/kafka/logs.ts';
import { kafkaProfile } from '../support/kafka/pair.ts';
import { begun, complaints, start, TO_END } from '../support/kafka/running.ts';
import { type Broker, describeKafka, startBroker } from '../support/kafka.ts';

const pipeline = (tag: string): string => `version: 1
name: ${tag}
schemas:
  word: { type: record, name: Word, fields: [{ name: id, type: long }, { name: word, type: string }] }
preprocess:
  sources: [{ id: words, type: topic, topic: ${tag}.words, format: json, schema: word, key: word }]
  steps:
    - { id: twice, type: map, set: { text: "word || word" }, drop: [word] }
  outputs: [{ id: out, from: twice, topic: ${tag}.out, format: json, key: id }]
`;

describeKafka('records and topics out of order', () => {
  const base = mkdtempSync(join(tmpdir(), 'millrace-faults-'));
  let broker: Broker;
  beforeAll(async () => {
    broker = await startBroker({ properties: { 'log.message.timestamp.type': 'CreateTime' } });
  });
  afterAll(async () => {
    await broker?.close();
    rmSync(base, { recursive: true, force: true });
  });

  const word = (id: number, text: string): string => JSON.stringify({ id, word: text });
  const put = (topic: string, values: readonly (string | Buffer | null)[], partition = 0): Promise<void> =>
    produce(
      broker.brokers,
      topic,
      values.map((value) => ({
        partition,
        key: Buffer.from('k'),
        value: value === null ? null : Buffer.from(value),
        timestamp: String(Date.now()),
        headers: {},
      })),
    );
  const admin = async <T>(what: (admin: ReturnType<ReturnType<typeof kafkaOf>['admin']>) => Promise<T>): Promise<T> => {
    const asked = kafkaOf(broker.brokers).admin();
    await asked.connect();
    try {
      return await what(asked);
    } finally {
      await asked.disconnect();
    }
  };
  const cut = async (topic: string, offset: number): Promise<void> => {
    const file = join(base, 'cut.json');
    writeFileSync(file, JSON.stringify({ version: 1, partitions: [{ topic, partition: 0, offset }] }));
    await broker.tool('org.apache.kafka.tools.DeleteRecordsCommand', ['--bootstrap-server', broker.brokers.join(','), '--offset-json-file', file]);
  };
  const ids = async (topic: string): Promise<number[]> => {
    const records = (await readKafka(broker.brokers, 'fast', [topic])).get(topic) ?? [];
    return records.map(({ value }) => (JSON.parse(String(value)) as { id: number }).id).sort((a, b) => a - b);
  };

  /** A directory to run in, with the source's topic of one partition. */
  async function laid(tag: string, options: Parameters<typeof kafkaProfile>[1] = {}, partitions = 1): Promise<string> {
    const dir = join(base, tag);
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, 'pipeline.yaml'), pipeline(tag));
    writeFileSync(join(dir, 'kafka.yaml'), kafkaProfile(broker.brokers, options));
    await makeTopics(broker.brokers, [{ topic: `${tag}.words`, numPartitions: partitions }]);
    return dir;
  }

  function expectError({ code, stderr }: Finished, line: RegExp): void {
    expect(code, stderr).toBe(1);
    expect(complaints(stderr), stderr).toEqual([expect.stringMatching(line)]);
    expect(stderr).not.toMatch(/^ +at /m);
  }

  test('poison records become dead letters with their bytes and where they stood, and the rest goes on', async () => {
    const dir = await laid('poison');
    const bad = [Buffer.from([0xff, 0xfe, 0]), '', null, '{"id":', '{"id":"x","word":"a"}', '{"__proto__":{"id":1}}', '[]'];
    await put('poison.words', [word(1, 'a'), ...bad, word(2, 'b')]);
    expect(await start(dir, TO_END).finished).toMatchObject({ code: 0 });
    expect(await ids('poison.out')).toEqual([1, 2]);
    const dead = (await readKafka(broker.brokers, 'fast', ['poison.dead'])).get('poison.dead') ?? [];
    const told = dead.map(({ value, headers }) => [Number(String(headers['error.offset'])), value === null ? null : value.toString('latin1')]);
    expect(told.sort((a, b) => Number(a[0]) - Number(b[0]))).toEqual(
      bad.map((value, n) => [n + 1, value === null ? null : Buffer.from(value).toString('latin1')]),
    );
  });

  for (const client of ['fast', 'kafkajs'] as const) {
    test(`${client}: a record that its output topic does not take`, async () => {
      const tag = `large-${client}`;
      const dir = await laid(tag, { client });
      await makeTopics(broker.brokers, [{ topic: `${tag}.out`, numPartitions: 4, configEntries: [{ name: 'max.message.bytes', value: '4000' }] }]);
      await put(`${tag}.words`, [word(1, 'a'), word(2, 'x'.repeat(5000)), word(3, 'c')]);
      expectError(await start(dir, TO_END).finished, new RegExp(`^millrace: message_too_large .*${tag}\\.out`));
      expect(await ids(`${tag}.out`)).toEqual([]);
      // the way out that the message names
      await admin((asked) =>
        asked.alterConfigs({
          validateOnly: false,
          resources: [{ type: 2, name: `${tag}.out`, configEntries: [{ name: 'max.message.bytes', value: '1000000' }] }],
        }),
      );
      expect(await start(dir, TO_END).finished).toMatchObject({ code: 0 });
      expect(await ids(`${tag}.out`)).toEqual([1, 2, 3]);
    });

    test(`${client}: topics deleted under a running pipeline`, async () => {
      for (const which of ['out', 'words']) {
        const tag = `deleted-${which}-${client}`;
        const dir = await laid(tag, { client });
        await put(`${tag}.words`, [word(1, 'a')]);
        const run = start(dir);
        expect(await begun(run, broker.brokers, `${tag}.out`)).toBe(true);
        await admin((asked) => asked.deleteTopics({ topics: [`${tag}.${which}`] }));
        if (which === 'out') await put(`${tag}.words`, [word(2, 'b')]);
        // kafkajs asks for all topics at once and may name another of them
        expectError(await run.finished, client === 'fast' ? new RegExp(`^millrace: unknown_topic .*${tag}\\.${which}`) : /^millrace: unknown_topic /);
      }
    });
  }

  for (const client of ['fast', 'kafkajs'] as const)
    test(`${client}: a source's topic that was deleted and made again, with fewer records and with more; and the way out`, async () => {
      const tag = `anew-${client}`;
      const dir = await laid(tag, { client });
      await put(`${tag}.words`, [word(1, 'a'), word(2, 'b'), word(3, 'c')]);
      expect(await start(dir, TO_END).finished).toMatchObject({ code: 0 });
      await admin((asked) => asked.deleteTopics({ topics: [`${tag}.words`] }));
      await sleep(500);
      await makeTopics(broker.brokers, [{ topic: `${tag}.words`, numPartitions: 1 }]);
      await put(`${tag}.words`, [word(4, 'd'), word(5, 'e')]);
      expectError(
        await start(dir, TO_END).finished,
        client === 'fast' ? /^millrace: topic_made_anew .*anew-fast\.words/ : /^millrace: log_too_short .*words\/0/,
      );
      await put(`${tag}.words`, [word(6, 'f'), word(7, 'g')]);
      // kafkajs does not know topics by more than their names
      if (client === 'fast') expectError(await start(dir, TO_END).finished, /^millrace: topic_made_anew /);
      expect(await ids(`${tag}.out`)).toEqual([1, 2, 3]);
      await admin((asked) => asked.deleteTopics({ topics: [`${tag}.ledger`] }));
      await sleep(500);
      expect(await start(dir, TO_END).finished).toMatchObject({ code: 0 });
      expect(await ids(`${tag}.out`)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    });

  test('partitions added to a source are refused at the next start', async () => {
    const dir = await laid('grown', {}, 2);
    await put('grown.words', [word(1, 'a')]);
    const run = start(dir);
    expect(await begun(run, broker.brokers, 'grown.out')).toBe(true);
    await admin((asked) => asked.createPartitions({ topicPartitions: [{ topic: 'grown.words', count: 3 }] }));
    await put('grown.words', [word(2, 'b')], 1);
    await sleep(1000);
    expect(await run.kill('SIGTERM')).toMatchObject({ code: 0 });
    expectError(await start(dir).finished, /^millrace: partition_count_changed .*grown\.words/);
    expect(await ids('grown.out')).toEqual([1, 2]);
  });

  test('a topic that is missing and may not be made', async () => {
    const dir = await laid('missing', { create: false });
    expectError(await start(dir, TO_END).finished, /^millrace: unknown_topic .*topics\.create: false/);
    expect(
      (await admin((asked) => asked.listTopics())).filter(
        (topic) => /^(missing|_millrace)/.test(topic) && topic !== 'missing.words' && topic !== '_millrace.catalog',
      ),
    ).toEqual([]);
  });

  test('records that a snapshot still needs were removed', async () => {
    const dir = await laid('gone');
    await put('gone.words', [word(1, 'a'), word(2, 'b')]);
    expect(await start(dir, TO_END).finished).toMatchObject({ code: 0 });
    await put('gone.words', [word(3, 'c'), word(4, 'd')]);
    await cut('gone.words', 3);
    expectError(await start(dir, TO_END).finished, /^millrace: records_gone .*gone\.words/);
    expect(await ids('gone.out')).toEqual([1, 2]);
  });

  test('a data directory that cannot be written to', async () => {
    const dir = await laid('readonly');
    await put('readonly.words', [word(1, 'a')]);
    writeFileSync(join(dir, 'data'), 'a file');
    expectError(await start(dir, TO_END).finished, /^millrace: storage_unusable /);
    expect((await admin((asked) => asked.listTopics())).filter((topic) => topic === 'readonly.out')).toEqual([]);
    rmSync(join(dir, 'data'));
    expect(await start(dir, TO_END).finished).toMatchObject({ code: 0 });
    expect(existsSync(join(dir, 'data'))).toBe(true);
  });
});
