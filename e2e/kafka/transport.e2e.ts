import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@millrace/runtime/clock.ts';
import { append } from '@millrace/transport/append.case.ts';
import { LedgerCopy } from '@millrace/transport/kafka/ledger-copy.ts';
import { openOwner } from '@millrace/transport/kafka/one-owner.case.ts';
import type { KafkaOptions } from '@millrace/transport/kafka/transport.ts';
import { logCases, type ReadRecord } from '@millrace/transport/log.case.ts';
import type { Reader, Transport } from '@millrace/transport/log.ts';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { prefixed } from '../support/kafka/prefixed.ts';
import { type Broker, describeKafka, startBroker } from '../support/kafka.ts';

let broker: Broker | undefined;
beforeAll(async () => {
  // records of the suite have times long past and far ahead, and are up to 15 MB large
  const properties = { 'log.retention.ms': '-1', 'log.message.timestamp.after.max.ms': '9223372036854775807', 'message.max.bytes': '20000000' };
  broker = await startBroker({ properties });
});
afterAll(() => broker?.close());

let names = 0;
const dirs: string[] = [];
const open: Transport[] = [];
const makeDir = () => {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-kafka-data-'));
  dirs.push(dir);
  return dir;
};
afterEach(async () => {
  for (const transport of open.splice(0)) await transport.close();
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true });
});

const code = (code: string) => expect.objectContaining({ code });
const text = (value: Uint8Array | null) => (value === null ? null : String(Buffer.from(value)));
const entries = (transport: Transport) => [...transport.ledger.entries('')].map(([key, value]) => [key, Buffer.from(value).toString('latin1')]);

for (const client of ['kafkajs', 'fast'] as const) {
  const settings = () => ({ brokers: broker?.brokers ?? [], client, tls: null, sasl: null });
  const start = async (pipeline: string, host: string, dataDir: string, more: Partial<KafkaOptions> = {}): Promise<Transport> => {
    const options = { clock: systemClock, create: true, replication: 1, partitions: 2, patience: 20_000, ...more };
    const transport = await openOwner({ settings: settings(), dataDir, pipeline, host: `${pipeline}.${host}`, ...options });
    open.push(transport);
    return transport;
  };

  /** reads on to where the partition ends now */
  const rest = async (transport: Transport, reader: Reader, topic: string, end?: number): Promise<ReadRecord[]> => {
    const offset = end ?? (await transport.log.endOffset(topic, 0));
    const found: ReadRecord[] = [];
    for (;;) {
      const since = transport.log.version();
      for (let view = reader.poll(1 << 20); view !== null; view = reader.poll(1 << 20)) {
        for (let n = 0; n < view.count; n++)
          found.push({
            offset: view.offsets[n] as number,
            timestamp: 0,
            key: null,
            value: Buffer.from(view.buffer.subarray(view.valueStart[n], view.valueEnd[n])),
          });
        view.release();
      }
      if (reader.reached({ offset })) return found;
      await transport.log.wait(100, since);
    }
  };
  const values = (records: readonly ReadRecord[]) => records.map(({ value }) => String(value));

  describeKafka(`the Kafka transport over ${client}`, () => {
    logCases(client, () => {
      const pipeline = `log${names++}`;
      let hosts = 0;
      const ends: ((reader: Reader) => Promise<number>)[] = [];
      const dir = makeDir();
      return {
        async open() {
          const options = { clock: systemClock, create: true, replication: 1, partitions: 2 };
          const host = `${pipeline}.${hosts++}`;
          const own = prefixed(await openOwner({ settings: settings(), dataDir: dir, pipeline, host, ...options }), `${client}.${pipeline}.`);
          ends.push(own.end);
          return own.transport;
        },
        remove: () => {},
        end: async (reader) => (await Promise.all(ends.map((end) => end(reader).catch(() => 0)))).reduce((a, b) => Math.max(a, b)),
        marker: 1,
      };
    });

    test('a copy in an empty directory catches up and equals the first; so does one that was away', async () => {
      const pipeline = `${client}-copy`;
      const first = makeDir();
      const one = await start(pipeline, 'a', first);
      const long = Buffer.alloc(2_500_000, 'x');
      await one.commit({ appenders: [], puts: [...'abcdef'].map((key) => [`k/${key}`, Buffer.from(key)] as const) });
      await one.commit({
        appenders: [],
        puts: [
          ['p/x/t/s.1/progress', Buffer.from('task 1')],
          ['long', long],
          ['short', long],
        ],
      });
      await one.commit({
        appenders: [],
        puts: [
          ['k/c', Buffer.from('new')],
          ['short', Buffer.from('now')],
        ],
        deletePrefixes: ['k/a'],
        deleteRanges: [['k/d', 'k/f']],
      });
      const expected = entries(one);
      expect(expected.map(([key]) => key)).toEqual(['k/b', 'k/c', 'k/f', 'long', 'p/x/t/s.1/progress', 'short']);
      expect(one.ledger.get('long')).toEqual(new Uint8Array(long));
      one.note([['noted', Buffer.from('here only')]]);
      await one.close();
      const two = await start(pipeline, 'a', makeDir());
      expect(entries(two)).toEqual(expected);
      await two.commit({
        appenders: [],
        puts: [
          ['k/b', null],
          ['k/z', Buffer.from('z')],
        ],
      });
      const later = entries(two);
      await two.close();
      const again = await start(pipeline, 'a', first);
      expect(text(again.ledger.get('noted'))).toBe('here only');
      again.note([['noted', null]]);
      expect(entries(again)).toEqual(later);
    });

    /** runs a process up to a point of its second commit, and kills it there */
    const killAt = async (stop: 'before' | 'behind', pipeline: string, host: string, dataDir: string): Promise<void> => {
      const script = new URL('../support/kafka/stopped-commit.ts', import.meta.url).pathname;
      const wanted = { settings: settings(), dataDir, pipeline, host: `${pipeline}.${host}`, stop };
      const child = spawn(process.execPath, [script, JSON.stringify(wanted)], { stdio: ['ignore', 'pipe', 'inherit'] });
      const [said] = await once(child.stdout, 'data');
      expect(String(said)).toBe(`${stop}\n`);
      child.kill('SIGKILL');
      await once(child, 'close');
    };

    test.each([
      ['before', ['first']],
      ['behind', ['first', 'second']],
    ] as const)('a process killed %s the end of a transaction: all of it or nothing is visible, and the next owner goes on', async (stop, before) => {
      const pipeline = `${client}-killed-${stop}`;
      const dataDir = makeDir();
      await killAt(stop, pipeline, 'a', dataDir);
      const transport = await start(pipeline, 'a', dataDir);
      expect(text(transport.ledger.get('n'))).toBe(String(before.length));
      const topic = `${pipeline}.out`;
      const reader = transport.log.reader(topic, 0, { offset: 0 });
      expect(values(await rest(transport, reader, topic))).toEqual(before);
      const out = transport.log.appender(topic);
      append(out, 0, { key: null, value: Buffer.from('again') });
      await transport.commit({ appenders: [out], puts: [['n', Buffer.from('3')]] });
      expect(values(await rest(transport, reader, topic))).toEqual(['again']);
      await transport.close();
      expect(text((await start(pipeline, 'a', makeDir())).ledger.get('n'))).toBe('3');
    });

    test('a copy that nobody has touched for long is made anew: deletions are not kept for ever', async () => {
      const pipeline = `${client}-stale`;
      const dir = makeDir();
      const one = await start(pipeline, 'a', dir);
      await one.commit({ appenders: [], puts: [['n', Buffer.from('1')]] });
      await one.close();
      const copy = await LedgerCopy.open(dir, `${pipeline}.a`, 'test');
      const { positions = [] } = copy.standing ?? {};
      copy.write([['missed', Buffer.from('x')]], positions, systemClock.now());
      await copy.close();
      const soon = await start(pipeline, 'a', dir);
      expect(text(soon.ledger.get('missed'))).toBe('x');
      await soon.close();
      const late = await start(pipeline, 'a', dir, { clock: { ...systemClock, now: () => systemClock.now() + 13 * 3_600_000 } });
      expect(entries(late)).toEqual([['n', '1']]);
    });

    test('an old owner is fenced, and what it had not committed is gone', async () => {
      const pipeline = `${client}-fence`;
      const dir = makeDir();
      const old = await start(pipeline, 'a', dir);
      const topic = `${pipeline}.out`;
      await old.log.ensure(topic, 1);
      await old.commit({ appenders: [], puts: [['n', Buffer.from('1')]] });
      const owner = await start(pipeline, 'a', dir);
      const out = old.log.appender(topic);
      append(out, 0, { key: null, value: Buffer.from('zombie') });
      const wanted = { appenders: [out], puts: [['n', Buffer.from('zombie')]] as const };
      await expect(old.commit(wanted)).rejects.toThrow(code('fenced'));
      await expect(old.commit(wanted)).rejects.toThrow(code('fenced'));
      expect(() => old.note([['n', null]])).toThrow(code('fenced'));
      await owner.commit({ appenders: [], puts: [['m', Buffer.from('2')]] });
      expect(entries(owner)).toEqual([
        ['m', '2'],
        ['n', '1'],
      ]);
      expect(await rest(owner, owner.log.reader(topic, 0, { offset: 0 }), topic)).toEqual([]);
    });

    test('what one host commits arrives in the ledger of another', async () => {
      const pipeline = `${client}-hosts`;
      const dir = makeDir();
      const one = await start(pipeline, 'a', dir);
      const two = await start(pipeline, 'b', dir);
      for (let n = 0; n < 20; n++)
        await one.commit({
          appenders: [],
          puts: [
            [`one/${n}`, Buffer.from(String(n))],
            ['last', Buffer.from(String(n))],
          ],
        });
      await two.commit({ appenders: [], puts: [['two', Buffer.alloc(1_000_000, 'y')]] });
      await expect.poll(() => text(two.ledger.get('last')), { timeout: 10_000 }).toBe('19');
      await expect.poll(() => one.ledger.get('two')?.length, { timeout: 10_000 }).toBe(1_000_000);
      expect(text(one.ledger.get('last'))).toBe('19');
      expect(entries(one)).toEqual(entries(two));
      await one.close();
      const again = await start(pipeline, 'a', dir);
      expect(entries(again)).toEqual(entries(two));
    });

    test('a copy that is ahead of its topic, or of another one, is made anew', async () => {
      const pipeline = `${client}-ahead`;
      const dir = makeDir();
      const one = await start(pipeline, 'a', dir);
      await one.commit({ appenders: [], puts: [['n', Buffer.from('1')]] });
      await one.close();
      const copy = await LedgerCopy.open(dir, `${pipeline}.a`, 'test');
      copy.write([['ghost', Buffer.from('x')]], [1000, 1000], systemClock.now());
      await copy.close();
      const two = await start(pipeline, 'a', dir);
      expect(entries(two)).toEqual([['n', '1']]);
      await two.close();
      await broker?.tool('org.apache.kafka.tools.TopicCommand', [
        '--bootstrap-server',
        settings().brokers.join(','),
        '--delete',
        '--topic',
        `${pipeline}.ledger`,
      ]);
      const three = await start(pipeline, 'a', dir);
      expect(entries(three)).toEqual([]);
      await three.commit({ appenders: [], puts: [['m', Buffer.from('2')]] });
      await three.close();
      expect(entries(await start(pipeline, 'a', makeDir()))).toEqual([['m', '2']]);
    });

    test('a ledger that was compacted over and over gives the same copy', async () => {
      const pipeline = `${client}-compact`;
      const config = ['cleanup.policy=compact', 'segment.ms=200', 'min.cleanable.dirty.ratio=0.001', 'max.compaction.lag.ms=300', 'delete.retention.ms=100'];
      const bootstrap = ['--bootstrap-server', settings().brokers.join(',')];
      const made = ['--create', '--topic', `${pipeline}.ledger`, '--partitions', '2', ...config.flatMap((one) => ['--config', one])];
      await broker?.tool('org.apache.kafka.tools.TopicCommand', [...bootstrap, ...made]);
      const dir = makeDir();
      const one = await start(pipeline, 'a', dir);
      for (let round = 0; round < 25; round++) {
        const puts: [string, Buffer | null][] = [];
        for (let key = 0; key < 20; key++) puts.push([`p/x/t/s.${key % 3}/s/${key}`, (round + key) % 4 === 0 ? null : Buffer.from(`${round}`)]);
        puts.push(['long', round % 5 === 3 ? Buffer.from('short') : Buffer.alloc(800_000 + round * 60_000, round)]);
        await one.commit({ appenders: [], puts });
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
      const expected = entries(one);
      const ends = await Promise.all([0, 1].map((n) => one.log.endOffset(`${pipeline}.ledger`, n)));
      const kept = (await rest(one, one.log.reader(`${pipeline}.ledger`, 0, { offset: 0 }), `${pipeline}.ledger`)).length;
      // or nothing was compacted, and this shows nothing
      expect(kept).toBeLessThan((ends[0] as number) / 2);
      const two = await start(pipeline, 'b', makeDir());
      expect(entries(two)).toEqual(expected);
      await one.close();
      expect(entries(await start(pipeline, 'a', makeDir()))).toEqual(expected);
    });

    test('readers: a limit between gaps, what is gone, what never was, and single records', async () => {
      const pipeline = `${client}-read`;
      const transport = await start(pipeline, 'a', makeDir(), { patience: 3000 });
      const topic = `${pipeline}.t`;
      await transport.log.ensure(topic, 1);
      const out = transport.log.appender(topic);
      // offsets 0 to 2, marker 3, records 4 to 6, marker 7 …
      for (let n = 0; n < 30; n++) {
        append(out, 0, { key: Buffer.from(`k${n}`), value: Buffer.from(String(n)), timestamp: n });
        if (n % 3 === 2) await transport.commit({ appenders: [out], puts: [] });
      }
      const end = await transport.log.endOffset(topic, 0);
      expect(end).toBe(40);
      const reader = transport.log.reader(topic, 0, { offset: 0 });
      reader.limit({ offset: 10 });
      expect(values(await rest(transport, reader, topic, 10))).toEqual(['0', '1', '2', '3', '4', '5', '6', '7']);
      expect(reader.poll(1000)).toBeNull();
      expect(reader.position).toEqual({ offset: 10 });
      reader.limit({ offset: end });
      expect((await rest(transport, reader, topic)).length).toBe(22);
      expect(reader.reached({ offset: end })).toBe(true);
      reader.limit(null);
      reader.seek({ offset: 36 });
      expect(values(await rest(transport, reader, topic))).toEqual(['27', '28', '29']);
      expect(reader.end()).toEqual({ offset: end });
      for (const offset of [0, 2, 36, 38, 1]) {
        const found = await reader.lookup(offset);
        const n = offset - Math.floor(offset / 4);
        expect([text(found?.key ?? null), text(found?.value ?? null), found?.timestamp]).toEqual([`k${n}`, String(n), n]);
      }
      for (const offset of [3, end, end + 10]) expect(await reader.lookup(offset)).toBeNull();
      const behind = transport.log.reader(topic, 0, { offset: 5 });
      const beginning = transport.log.reader(topic, 0, { offset: 0 });
      await transport.commit({ appenders: [], puts: [], truncate: [{ topic, partition: 0, before: 20 }] });
      expect(await transport.log.startOffset(topic, 0)).toBe(20);
      await expect(rest(transport, behind, topic)).rejects.toThrow(code('records_gone'));
      expect(values(await rest(transport, beginning, topic))).toEqual(Array.from({ length: 15 }, (_, n) => String(n + 15)));
      expect(await reader.lookup(5)).toBeNull();
      await transport.log.truncateBefore(topic, 0, 1e12);
      expect([await transport.log.startOffset(topic, 0), await transport.log.endOffset(topic, 0)]).toEqual([end, end]);
      await expect(rest(transport, transport.log.reader(topic, 0, { offset: end + 5 }), topic, end + 6)).rejects.toThrow(code('log_too_short'));
      for (const each of [reader, behind, beginning]) each.close();
    });

    test('topics that others make become known; what may not be created is named', async () => {
      const pipeline = `${client}-topics`;
      const one = await start(pipeline, 'a', makeDir());
      const two = await start(pipeline, 'b', makeDir(), { create: false });
      const topic = `${pipeline}.late`;
      await one.log.ensure(topic, 3, { format: 'avro' });
      await expect.poll(() => two.log.topic(topic), { timeout: 15_000, interval: 200 }).toEqual({ name: topic, partitions: 3, meta: { format: 'avro' } });
      await expect(two.log.ensure(`${pipeline}.none`, 1)).rejects.toThrow(/transport\.topics\.create/);
      await expect(two.log.ensure(topic, 4)).rejects.toThrow(code('partition_count_changed'));
      await expect(start(`${client}-nothing`, 'a', makeDir(), { create: false })).rejects.toThrow(code('unknown_topic'));
      const internal = `${pipeline}.x.exchange`;
      await one.log.ensure(internal, 1, { internal: 'true' });
      const told = await broker?.tool('org.apache.kafka.tools.TopicCommand', [
        '--bootstrap-server',
        settings().brokers.join(','),
        '--describe',
        '--topic',
        internal,
      ]);
      expect(told).toContain('retention.ms=-1');
      const ledger = await broker?.tool('org.apache.kafka.tools.TopicCommand', [
        '--bootstrap-server',
        settings().brokers.join(','),
        '--describe',
        '--topic',
        `${pipeline}.ledger`,
      ]);
      expect(ledger).toContain('cleanup.policy=compact');
    });

    test('commits go on over a restart of the broker', async () => {
      const pipeline = `${client}-restart`;
      const transport = await start(pipeline, 'a', makeDir(), { patience: 60_000 });
      const topic = `${pipeline}.t`;
      await transport.log.ensure(topic, 2);
      const out = transport.log.appender(topic);
      const commit = async (n: number) => {
        append(out, 0, { key: null, value: Buffer.from(String(n)) });
        await transport.commit({ appenders: [out], puts: [['n', Buffer.from(String(n))]] });
      };
      const reader = transport.log.reader(topic, 0, { offset: 0 });
      for (let n = 0; n < 5; n++) await commit(n);
      await broker?.kill();
      const started = broker?.start();
      const across = commit(5);
      await started;
      await across;
      for (let n = 6; n < 10; n++) await commit(n);
      expect(values(await rest(transport, reader, topic))).toEqual(Array.from({ length: 10 }, (_, n) => String(n)));
      expect(text(transport.ledger.get('n'))).toBe('9');
    });
  });
}
