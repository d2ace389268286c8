import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { append, type TestRecord } from './append.case.ts';
import type { Appender, Commit, Position, Reader, Transport } from './log.ts';

/** A medium that transports are opened on, as several processes would. */
export interface Medium {
  open(): Transport | Promise<Transport>;
  remove(): void;
  /** where records come by themselves, some time after they were written: the end, as of now, of the partition that a reader reads */
  end?(reader: Reader): Promise<number>;
  /** offsets of a partition that a commit takes beside its records (default: none) */
  readonly marker?: number;
}

export interface ReadRecord extends TestRecord {
  offset: number;
  timestamp: number;
}

/** Reads all that is ready, checking that each view keeps its promises. */
export function readAll(reader: Reader, maxBytes = 1 << 20, maxRecords?: number): ReadRecord[] {
  const found: ReadRecord[] = [];
  for (let view = reader.poll(maxBytes, maxRecords); view !== null; view = reader.poll(maxBytes, maxRecords)) {
    expect(view.count).toBeGreaterThan(0);
    if (maxRecords !== undefined) expect(view.count).toBeLessThanOrEqual(maxRecords);
    const span = (start: number, end: number) => (end < 0 ? null : Buffer.from(view.buffer.subarray(start, end)));
    for (let i = 0; i < view.count; i++) {
      const headers = span(view.headersStart[i], view.headersEnd[i]);
      const record: ReadRecord = {
        offset: view.offsets[i],
        timestamp: view.timestamps[i],
        key: span(view.keyStart[i], view.keyEnd[i]),
        value: span(view.valueStart[i], view.valueEnd[i]),
      };
      if (headers !== null) record.headers = headers;
      found.push(record);
    }
    expect(reader.position.offset).toBe(found[found.length - 1].offset + 1);
    view.release();
  }
  return found;
}

const noKey = Buffer.alloc(0);
export const text = (n: number | string): TestRecord => ({ key: Buffer.from(`k${n}`), value: Buffer.from(`value ${n}`) });
/** a long value as its length and hash, so that comparing a megabyte is cheap */
const brief = (value: Uint8Array | null | undefined) =>
  value == null || value.length < 1000 ? value && Buffer.from(value) : `${value.length} ${createHash('sha1').update(value).digest('hex')}`;
export const start: Position = { offset: 0 };
export const code = (code: string) => expect.objectContaining({ code });

/** Fills a topic with records `value 0`, `value 1` …, over its partitions in turn. */
export async function fill(transport: Transport, topic: string, count: number, perBatch: number, partitions = 1): Promise<Appender> {
  await transport.log.ensure(topic, partitions);
  const out = transport.log.appender(topic);
  for (let n = 0; n < count; n++) {
    append(out, n % partitions, text(n));
    if ((n + 1) % perBatch === 0) await out.flush();
  }
  await out.flush();
  return out;
}

/** What every transport does. An adapter's test calls this with its name and a maker of fresh media. */
export function logCases(name: string, make: () => Medium): void {
  describe(`log: ${name}`, () => {
    let medium: Medium;
    let transport: Transport;
    let marker: number;
    beforeEach(async () => {
      medium = make();
      marker = medium.marker ?? 0;
      transport = await medium.open();
    });
    afterEach(async () => {
      await transport.close();
      medium.remove();
    });

    /** reads to the end */
    const all = async (reader: Reader, maxBytes?: number, maxRecords?: number): Promise<ReadRecord[]> => {
      const end = await medium.end?.(reader);
      const found = readAll(reader, maxBytes, maxRecords);
      while (end !== undefined && !reader.reached({ offset: end })) {
        await transport.log.wait(20);
        found.push(...readAll(reader, maxBytes, maxRecords));
      }
      return found;
    };

    test('a topic keeps its partitions and its facts', async () => {
      expect(transport.log.topic('t')).toBeNull();
      expect(await transport.log.ensure('t', 3, { format: 'avro' })).toEqual({ name: 't', partitions: 3, meta: { format: 'avro' } });
      expect((await transport.log.ensure('t', 3, { more: 'x' })).meta).toEqual({ format: 'avro', more: 'x' });
      expect(await transport.log.ensure('a', 1)).toEqual({ name: 'a', partitions: 1, meta: {} });
      await expect(transport.log.ensure('t', 4)).rejects.toThrow(code('partition_count_changed'));
      expect(transport.log.topics().map((topic) => topic.name)).toEqual(['a', 't']);
      expect(transport.log.topic('t')).toEqual({ name: 't', partitions: 3, meta: { format: 'avro', more: 'x' } });
      expect(() => transport.log.reader('none', 0, start)).toThrow(code('unknown_topic'));
      expect(() => transport.log.appender('none')).toThrow(code('unknown_topic'));
      expect(() => transport.log.reader('t', 3, start)).toThrow(RangeError);
    });

    test('records come back as they were: nulls, empties, headers, times, every length', async () => {
      await transport.log.ensure('t', 2);
      const out = transport.log.appender('t');
      const block = Buffer.from([2, 2, 0x6d, 4, 1, 2]);
      const lengths = [0, 1, 2, 62, 63, 64, 65, 100, 4000, 8190, 8191, 8192, 8193, 60_000, 1_000_000, 1_048_575, 1_048_576, 3_000_000, 1, 63, 64];
      const records: ReadRecord[] = [];
      const put = (record: TestRecord) => {
        append(out, 1, record);
        records.push({ offset: records.length, timestamp: 1000, ...record });
      };
      put({ key: null, value: null });
      put({ key: noKey, value: noKey });
      put({ key: null, value: noKey, headers: block });
      put({ key: Buffer.from('k'), value: null, headers: block, timestamp: 1 });
      put({ key: Buffer.alloc(70, 'k'), value: Buffer.from('v'), timestamp: 0 });
      put({ key: Buffer.alloc(9000, 'k'), value: Buffer.from('v'), timestamp: 1_900_000_000_000 });
      put({ key: null, value: Buffer.from('v'), timestamp: -62_135_596_800_000 });
      for (const [n, length] of lengths.entries())
        put({ key: n % 2 ? Buffer.from(String(n)) : null, value: Buffer.alloc(length, n + 1), ...(n % 3 ? { headers: block } : {}) });
      expect(out.pendingRecords).toBe(records.length);
      expect(out.pendingBytes).toBeGreaterThan(lengths.reduce((sum, length) => sum + length));
      await out.flush();
      expect(out.pendingRecords).toBe(0);
      expect(out.pendingBytes).toBe(0);
      const summary = (of: readonly ReadRecord[]) => of.map((record) => ({ ...record, key: brief(record.key), value: brief(record.value) }));
      const expected = summary(records);
      expect(summary(await all(transport.log.reader('t', 1, start)))).toEqual(expected);
      expect(summary(await all(transport.log.reader('t', 1, start), 1, 1))).toEqual(expected);
      expect(await all(transport.log.reader('t', 0, start))).toEqual([]);
      const reader = transport.log.reader('t', 1, start);
      for (const { offset, key, value, timestamp } of records) {
        const stored = await reader.lookup(offset);
        expect({ key: brief(stored?.key), value: brief(stored?.value), timestamp: stored?.timestamp }).toEqual({
          key: brief(key),
          value: brief(value),
          timestamp,
        });
      }
      expect(await reader.lookup(records.length)).toBeNull();
    });

    test('one record of 15 MB', async () => {
      await transport.log.ensure('t', 1);
      const out = transport.log.appender('t');
      append(out, 0, text('before'));
      append(out, 0, { key: null, value: Buffer.alloc(15_000_000, 7) });
      append(out, 0, text('after'));
      await out.flush();
      expect((await all(transport.log.reader('t', 0, start))).map((record) => record.value?.length)).toEqual([12, 15_000_000, 11]);
    });

    test('offsets count per partition from 0, whoever appends', async () => {
      await fill(transport, 't', 100, 10, 4);
      const other = await medium.open();
      const out = other.log.appender('t');
      append(out, 3, text('other'));
      await out.flush();
      await other.close();
      expect(await Promise.all([0, 1, 2, 3].map((partition) => transport.log.endOffset('t', partition)))).toEqual([25, 25, 25, 26]);
      expect((await all(transport.log.reader('t', 3, start))).map((record) => record.offset)).toEqual(Array.from({ length: 26 }, (_, n) => n));
    });

    test('nothing shows before the flush; discard and abandon drop', async () => {
      await transport.log.ensure('t', 2);
      const out = transport.log.appender('t');
      const reader = transport.log.reader('t', 0, start);
      append(out, 0, text(1));
      expect(reader.poll(100)).toBeNull();
      out.discard();
      expect(out.pendingRecords).toBe(0);
      out.begin(0, 5, noKey, 0, -1);
      out.abandon();
      append(out, 0, text(2));
      out.begin(1, 5, noKey, 0, -1);
      expect(() => out.begin(0, 5, noKey, 0, -1)).toThrow();
      out.abandon();
      await out.flush();
      expect((await all(reader)).map((record) => String(record.value))).toEqual(['value 2']);
      expect(await transport.log.endOffset('t', 1)).toBe(0);
      out.begin(1, 5, noKey, 0, -1);
      out.discard();
      append(out, 1, text(3));
      await out.flush();
      expect(await transport.log.endOffset('t', 1)).toBe(1);
    });

    test('one commit holds appends to several topics, puts, deletes and truncations', async () => {
      await fill(transport, 'a', 20, 10);
      await transport.log.ensure('b', 1);
      await transport.commit({ appenders: [], puts: ['p/1', 'p/2', 'q/1', 'q/2', 'q/3', 'r'].map((key) => [key, Buffer.from(key)] as const) });
      const a = transport.log.appender('a');
      const b = transport.log.appender('b');
      append(a, 0, text('a'));
      append(b, 0, text('b'));
      await transport.commit({
        appenders: [a, b],
        deletePrefixes: ['p/'],
        deleteRanges: [['q/1', 'q/3']],
        puts: [
          ['p/9', Buffer.from('new')],
          ['r', null],
          ['empty', Buffer.alloc(0)],
          ['large', Buffer.alloc(2_000_000, 9)],
        ],
        truncate: [{ topic: 'a', partition: 0, before: 10 }],
      });
      expect([...transport.ledger.entries('')].map(([key]) => key)).toEqual(['empty', 'large', 'p/9', 'q/3']);
      expect([...transport.ledger.entries('p/')].map(([key, value]) => [key, String(Buffer.from(value))])).toEqual([['p/9', 'new']]);
      expect(transport.ledger.get('empty')?.length).toBe(0);
      expect(transport.ledger.get('large')?.length).toBe(2_000_000);
      expect(transport.ledger.get('p/1')).toBeNull();
      expect([await transport.log.startOffset('a', 0), await transport.log.endOffset('a', 0), await transport.log.endOffset('b', 0)]).toEqual([
        10,
        21 + marker,
        1 + marker,
      ]);
    });

    test('a commit refused by its fence leaves nothing, and the records pending', async () => {
      await transport.log.ensure('t', 1);
      const out = transport.log.appender('t');
      append(out, 0, text(1));
      const puts = [['x', Buffer.from('1')]] as const;
      // some throw, some give a promise
      const commit = async (wanted: Commit): Promise<void> => transport.commit(wanted);
      await expect(commit({ appenders: [out], puts, fence: { key: 'owner', value: Buffer.from('me') } })).rejects.toThrow(code('fenced'));
      await transport.commit({ appenders: [], puts: [['owner', Buffer.from('me')]], fence: { key: 'owner', value: null } });
      await expect(commit({ appenders: [out], puts, fence: { key: 'owner', value: null } })).rejects.toThrow(code('fenced'));
      await expect(commit({ appenders: [out], puts, fence: { key: 'owner', value: Buffer.from('you') } })).rejects.toThrow(code('fenced'));
      expect(transport.ledger.get('x')).toBeNull();
      expect(await transport.log.endOffset('t', 0)).toBe(0);
      expect(out.pendingRecords).toBe(1);
      await transport.commit({ appenders: [out], puts, fence: { key: 'owner', value: Buffer.from('me') } });
      expect(await transport.log.endOffset('t', 0)).toBe(1 + marker);
    });

    test('the ledger is ordered by bytes and gives copies', async () => {
      const keys = ['a', 'a/1', 'a/10', 'a/2', 'b', 'é', '\u{10000}', '\uffee'];
      await transport.commit({ appenders: [], puts: [...keys].reverse().map((key) => [key, Buffer.from(key)] as const) });
      expect([...transport.ledger.entries('')].map(([key]) => key)).toEqual([...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
      expect([...transport.ledger.entries('a/')].map(([key]) => key)).toEqual(['a/1', 'a/10', 'a/2']);
      expect([...transport.ledger.entries('')].every(([key, value]) => String(Buffer.from(value)) === key)).toBe(true);
      const copy = transport.ledger.get('a') as Uint8Array;
      copy[0] = 0;
      transport.ledger.get('b');
      expect(String(Buffer.from(transport.ledger.get('a') as Uint8Array))).toBe('a');
    });

    test('a reader takes turns with an appender of another transport and loses nothing', async () => {
      await transport.log.ensure('t', 1);
      const other = await medium.open();
      const out = other.log.appender('t');
      const reader = transport.log.reader('t', 0, start);
      let read = 0;
      for (let n = 0; n < 200; n++) {
        append(out, 0, text(n));
        if (n % 3 === 0) await out.flush();
        for (const record of await all(reader)) expect(String(record.value)).toBe(`value ${read++}`);
        expect(read).toBe(n - (n % 3) + 1);
      }
      await other.close();
    });
  });
}
