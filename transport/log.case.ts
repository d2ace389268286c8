import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { append, type TestRecord } from './append.case.ts';
import type { Commit, Position, Reader, Transport } from './log.ts';

/** A medium that transports are opened on, as several processes would. */
export interface Medium {
  open(): Transport;
  remove(): void;
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
const text = (n: number | string): TestRecord => ({ key: Buffer.from(`k${n}`), value: Buffer.from(`value ${n}`) });
/** a long value as its length and hash, so that comparing a megabyte is cheap */
const brief = (value: Uint8Array | null | undefined) =>
  value == null || value.length < 1000 ? value && Buffer.from(value) : `${value.length} ${createHash('sha1').update(value).digest('hex')}`;
const start: Position = { offset: 0 };
const code = (code: string) => expect.objectContaining({ code });

/** What every transport does. An adapter's test calls this with its name and a maker of fresh media. */
export function logCases(name: string, make: () => Medium): void {
  describe(`log: ${name}`, () => {
    let medium: Medium;
    let transport: Transport;
    beforeEach(() => {
      medium = make();
      transport = medium.open();
    });
    afterEach(async () => {
      await transport.close();
      medium.remove();
    });

    const fill = async (topic: string, count: number, perBatch: number, partitions = 1) => {
      await transport.log.ensure(topic, partitions);
      const out = transport.log.appender(topic);
      for (let n = 0; n < count; n++) {
        append(out, n % partitions, text(n));
        if ((n + 1) % perBatch === 0) await out.flush();
      }
      await out.flush();
      return out;
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
      expect(summary(readAll(transport.log.reader('t', 1, start)))).toEqual(expected);
      expect(summary(readAll(transport.log.reader('t', 1, start), 1, 1))).toEqual(expected);
      expect(readAll(transport.log.reader('t', 0, start))).toEqual([]);
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
      expect(readAll(transport.log.reader('t', 0, start)).map((record) => record.value?.length)).toEqual([12, 15_000_000, 11]);
    });

    test('views stay within what was asked for', async () => {
      await fill('t', 1000, 100);
      const reader = transport.log.reader('t', 0, start);
      expect(reader.poll(1 << 20, 7)?.count).toBe(7);
      expect(reader.poll(1 << 20, 150)?.count).toBe(93);
      const view = reader.poll(2000);
      expect(view?.count).toBeGreaterThan(50);
      expect(view?.count).toBeLessThan(150);
      expect(readAll(transport.log.reader('t', 0, start), 100, 3).length).toBe(1000);
    });

    test('offsets count per partition from 0, whoever appends', async () => {
      await fill('t', 100, 10, 4);
      const other = medium.open();
      const out = other.log.appender('t');
      append(out, 3, text('other'));
      await out.flush();
      await other.close();
      expect(await Promise.all([0, 1, 2, 3].map((partition) => transport.log.endOffset('t', partition)))).toEqual([25, 25, 25, 26]);
      expect(readAll(transport.log.reader('t', 3, start)).map((record) => record.offset)).toEqual(Array.from({ length: 26 }, (_, n) => n));
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
      expect(readAll(reader).map((record) => String(record.value))).toEqual(['value 2']);
      expect(await transport.log.endOffset('t', 1)).toBe(0);
      out.begin(1, 5, noKey, 0, -1);
      out.discard();
      append(out, 1, text(3));
      await out.flush();
      expect(await transport.log.endOffset('t', 1)).toBe(1);
    });

    test('one commit holds appends to several topics, puts, deletes and truncations', async () => {
      await fill('a', 20, 10);
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
      expect([await transport.log.startOffset('a', 0), await transport.log.endOffset('a', 0), await transport.log.endOffset('b', 0)]).toEqual([10, 21, 1]);
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
      expect(await transport.log.endOffset('t', 0)).toBe(1);
    });

    test('a note is in the ledger on return, unless it is refused by its fence', async () => {
      await transport.commit({ appenders: [], puts: [['owner', Buffer.from('me')]] });
      transport.note([
        ['x', Buffer.from('1')],
        ['owner', null],
      ]);
      expect([...transport.ledger.entries('')].map(([key, value]) => [key, String(Buffer.from(value))])).toEqual([['x', '1']]);
      expect(() => transport.note([['x', null]], { key: 'owner', value: Buffer.from('me') })).toThrow(code('fenced'));
      transport.note([['y', Buffer.from('2')]], { key: 'owner', value: null });
      expect([...transport.ledger.entries('')].map(([key]) => key)).toEqual(['x', 'y']);
      const other = medium.open();
      expect(String(Buffer.from(other.ledger.get('y') as Uint8Array))).toBe('2');
      await other.close();
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

    test('a reader begins anywhere, and goes anywhere', async () => {
      await fill('t', 250, 100);
      const reader = transport.log.reader('t', 0, { offset: 250 });
      for (let offset = 0; offset <= 250; offset++) {
        reader.seek({ offset });
        expect(reader.position).toEqual({ offset });
        const view = reader.poll(1, 1);
        expect(view === null ? 250 : view.offsets[0]).toBe(offset);
        if (offset % 50 === 0)
          expect(readAll(transport.log.reader('t', 0, { offset })).map((record) => record.offset)).toEqual(
            Array.from({ length: 250 - offset }, (_, n) => n + offset),
          );
      }
    });

    test('end, reached and limit', async () => {
      const out = await fill('t', 30, 10);
      const reader = transport.log.reader('t', 0, start);
      const end = reader.end();
      expect(end).toEqual({ offset: 30 });
      append(out, 0, text('more'));
      await out.flush();
      reader.limit({ offset: 25 });
      expect(reader.reached(end)).toBe(false);
      expect(readAll(reader).length).toBe(25);
      reader.limit(end);
      expect(readAll(reader).length).toBe(5);
      expect(reader.reached(end)).toBe(true);
      reader.limit(null);
      expect(readAll(reader).length).toBe(1);
    });

    test('truncateBefore drops whole batches, and readers below say so', async () => {
      const out = await fill('t', 100, 10);
      const reader = transport.log.reader('t', 0, { offset: 5 });
      await transport.log.truncateBefore('t', 0, 25);
      expect(await transport.log.startOffset('t', 0)).toBe(20);
      expect(() => reader.poll(100)).toThrow(code('records_gone'));
      expect(await reader.lookup(19)).toBeNull();
      expect(readAll(transport.log.reader('t', 0, { offset: 20 })).length).toBe(80);
      await transport.log.truncateBefore('t', 0, 30);
      expect(await transport.log.startOffset('t', 0)).toBe(30);
      await transport.log.truncateBefore('t', 0, 1e12);
      expect([await transport.log.startOffset('t', 0), await transport.log.endOffset('t', 0)]).toEqual([100, 100]);
      append(out, 0, text('next'));
      await out.flush();
      expect(readAll(transport.log.reader('t', 0, { offset: 100 })).map((record) => record.offset)).toEqual([100]);
      expect(() => transport.log.reader('t', 0, { offset: 102 }).poll(1)).toThrow(code('log_too_short'));
    });

    test('offset 0 is the beginning, wherever that is', async () => {
      const out = await fill('t', 100, 10);
      const reader = transport.log.reader('t', 0, start);
      const limited = transport.log.reader('t', 0, start);
      const idle = transport.log.reader('t', 0, start);
      limited.limit({ offset: 35 });
      await transport.log.truncateBefore('t', 0, 25);
      expect(readAll(reader).map((record) => record.offset)).toEqual(Array.from({ length: 80 }, (_, n) => n + 20));
      expect(readAll(limited, 1, 1).map((record) => record.offset)).toEqual(Array.from({ length: 15 }, (_, n) => n + 20));
      await transport.log.truncateBefore('t', 0, 100);
      expect(idle.poll(100)).toBeNull();
      expect(idle.reached({ offset: 100 })).toBe(true);
      reader.seek(start);
      append(out, 0, text('next'));
      await out.flush();
      for (const each of [reader, idle]) expect(readAll(each).map((record) => record.offset)).toEqual([100]);
    });

    test('a view stands while others read and write', async () => {
      const out = await fill('t', 100, 100);
      const view = transport.log.reader('t', 0, start).poll(1 << 20);
      for (let n = 0; n < 20; n++) append(out, 0, text(`later ${n}`));
      await out.flush();
      readAll(transport.log.reader('t', 0, { offset: 50 }));
      await transport.log.truncateBefore('t', 0, 100);
      expect(view?.count).toBe(100);
      for (let i = 0; i < 100; i++) expect(view?.buffer.toString('utf8', view.valueStart[i], view.valueEnd[i])).toBe(`value ${i}`);
    });

    test('a reader takes turns with an appender of another transport and loses nothing', async () => {
      await transport.log.ensure('t', 1);
      const other = medium.open();
      const out = other.log.appender('t');
      const reader = transport.log.reader('t', 0, start);
      let read = 0;
      for (let n = 0; n < 200; n++) {
        append(out, 0, text(n));
        if (n % 3 === 0) await out.flush();
        for (const record of readAll(reader)) expect(String(record.value)).toBe(`value ${read++}`);
        expect(read).toBe(n - (n % 3) + 1);
      }
      await other.close();
    });

    test('wait ends with an append, also one made just before, or with its time', async () => {
      const out = await fill('t', 1, 1);
      const reader = transport.log.reader('t', 0, { offset: 1 });
      const since = transport.log.version();
      expect(reader.poll(100)).toBeNull();
      append(out, 0, text(1));
      await out.flush();
      await transport.log.wait(60_000, since);
      expect(readAll(reader).length).toBe(1);
      const later = transport.log.wait(60_000, transport.log.version());
      append(out, 0, text(2));
      await out.flush();
      await later;
      const idle = transport.log.version();
      await transport.log.wait(20, idle);
      expect(transport.log.version()).toBe(idle);
    });

    test('many small batches come as few views', async () => {
      await fill('t', 300, 1);
      const reader = transport.log.reader('t', 0, start);
      expect(reader.poll(1 << 20)?.count).toBe(300);
    });
  });
}
