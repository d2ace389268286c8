import { HeaderReader, readHeaders } from '@millrace/shared-schemas/header.ts';
import type { Column } from '@millrace/shared-schemas/types.ts';
import type { StoredRecord } from '@millrace/transport/log.ts';
import { openMemory } from '@millrace/transport/memory.ts';
import { beforeEach, expect, test } from 'vitest';
import type { TaskTime } from '../operators/operator.ts';
import { asIs, told } from '../source/unread.ts';
import type { OutputCore } from './core.ts';
import { DeadLetters } from './dead-letter.ts';
import { Left } from './left.ts';

const column = (slot: string): Column => ({ name: slot, slot, type: { kind: 'BIGINT' }, nullable: true });
const columns = [column('a'), column('b')];
const stored = (offset: number): StoredRecord => ({ key: null, value: Buffer.from(`source ${offset}`), timestamp: 1000 + offset });

/** records whose look-up is under way, by offset: the test says when each is there */
let asked: Map<number, (record: StoredRecord | null) => void>;
let refuse: Map<number, (error: Error) => void>;
let late: (offset: number) => boolean;
let transport: ReturnType<typeof openMemory>;
let time: TaskTime;
let wall: number;
let core: OutputCore;
let letters: DeadLetters;
beforeEach(async () => {
  asked = new Map();
  refuse = new Map();
  late = () => true;
  wall = 50;
  transport = openMemory();
  await transport.log.ensure('dead', 2);
  time = { eventTime: 0, watermark: 0, judged: 0, settled: Number.NEGATIVE_INFINITY, ending: false, origin: 0, originOffset: 0 };
  core = { seqs: [], length: 0 };
  const lineage = {
    origin: (index: number) => ({ topic: 'source', partition: index }),
    record: (_: number, offset: number) => {
      if (!late(offset)) return stored(offset);
      return new Promise<StoredRecord | null>((resolve, reject) => {
        asked.set(offset, resolve);
        refuse.set(offset, reject);
      });
    },
  };
  const host = { time, writer: 7, task: 1, wall: () => wall };
  letters = new DeadLetters(host, core, transport.log.appender('dead'), new Left(2), lineage, asIs);
});

/** the record at `offset`, at its own times, could not be processed */
function fail(offset: number, row: { a: number; b: number } | null = null): void {
  Object.assign(time, { eventTime: offset * 10, watermark: offset * 10 - 1, originOffset: offset });
  letters.write('late', `of ${offset}`, 'step', row, row && columns);
}

function arrive(offset: number, record: StoredRecord | null = stored(offset)): void {
  asked.get(offset)?.(record);
}

async function commit(): Promise<void> {
  if (letters.unsettled) await letters.settle();
  transport.commit({ appenders: [letters.appender], puts: [] });
}

interface Letter {
  readonly seq: number;
  readonly eventTime: number;
  readonly watermark: number;
  readonly timestamp: number;
  readonly value: string | null;
  readonly headers: Record<string, string>;
}

function dead(): Letter[] {
  const found: Letter[] = [];
  const header = new HeaderReader();
  const reader = transport.log.reader('dead', 1, { offset: 0 });
  for (let view = reader.poll(1 << 20); view !== null; view = reader.poll(1 << 20)) {
    for (let i = 0; i < view.count; i++) {
      const [start, end] = [view.headersStart[i], view.headersEnd[i]];
      expect(header.read(view.buffer, start, end)).toBe(true);
      const named = readHeaders(view.buffer, start, end).filter(([name]) => name !== 'm');
      found.push({
        seq: header.seq,
        eventTime: header.eventTime,
        watermark: header.watermark,
        timestamp: view.timestamps[i],
        value: view.valueEnd[i] < 0 ? null : view.buffer.toString('utf8', view.valueStart[i], view.valueEnd[i]),
        headers: Object.fromEntries(named.map(([name, value]) => [name, String(value)])),
      });
    }
  }
  return found;
}

test('letters whose source records come late keep their order, numbers and content', async () => {
  const row = { a: 1, b: 2 };
  fail(1, row);
  wall = 60;
  row.a = 3;
  late = () => false;
  fail(2, row);
  late = () => true;
  fail(3);
  // the next record is in hand by now
  Object.assign(row, { a: 0, b: 0 });
  Object.assign(time, { eventTime: 999, watermark: 998, origin: 5, originOffset: 99 });
  wall = 70;
  expect([core.seqs, letters.counts.get('late'), letters.unsettled, letters.appender.pendingRecords]).toEqual([[0, 3], 3, true, 0]);
  const committed = commit();
  // not in their order
  arrive(3);
  await Promise.resolve();
  expect(letters.appender.pendingRecords).toBe(0);
  arrive(1);
  await committed;
  expect(letters.unsettled).toBe(false);
  const about = (offset: number, more: Record<string, string>) => ({
    'error.code': 'late',
    'error.message': `of ${offset}`,
    'error.step': 'step',
    'error.topic': 'source',
    'error.partition': '0',
    'error.offset': String(offset),
    'error.timestamp': String(1000 + offset),
    ...more,
  });
  expect(dead()).toEqual([
    { seq: 1, eventTime: 10, watermark: 9, timestamp: 50, value: 'source 1', headers: about(1, { 'error.record': '{"a":1,"b":2}' }) },
    { seq: 2, eventTime: 20, watermark: 19, timestamp: 60, value: 'source 2', headers: about(2, { 'error.record': '{"a":3,"b":2}' }) },
    { seq: 3, eventTime: 30, watermark: 29, timestamp: 60, value: 'source 3', headers: about(3, {}) },
  ]);
});

test('nothing is lost between commits, and what is there at once waits for nothing', async () => {
  late = (offset) => offset % 3 === 0;
  for (let offset = 1; offset <= 30; offset++) {
    fail(offset);
    if (offset % 7 === 0) {
      for (const waiting of [...asked.keys()].reverse()) arrive(waiting);
      await commit();
      asked.clear();
    }
  }
  for (const waiting of asked.keys()) arrive(waiting);
  await commit();
  expect(dead().map(({ seq, value }) => [seq, value])).toEqual(Array.from({ length: 30 }, (_, i) => [i + 1, `source ${i + 1}`]));
  late = () => false;
  fail(31);
  expect([letters.unsettled, letters.appender.pendingRecords]).toEqual([false, 1]);
});

test('a source record that is gone leaves a letter without it; one that cannot be asked for stops the commit', async () => {
  fail(1);
  arrive(1, null);
  await commit();
  expect(dead().map(({ value, headers }) => [value, headers['error.offset'], headers['error.timestamp']])).toEqual([[null, '1', undefined]]);
  fail(2);
  fail(3);
  arrive(3);
  refuse.get(2)?.(new Error('the broker is away'));
  await expect(commit()).rejects.toThrow('the broker is away');
  expect(dead()).toHaveLength(1);
});

test('columns that were not kept come from the late source record', async () => {
  const decode = () => (row: Record<string, unknown>, buffer: Buffer) => {
    Object.assign(row, { a: 8, b: Number(buffer.toString().slice(7)) });
    return undefined;
  };
  const tell: typeof asIs = (row, shown) => told(row, shown, new Set(['a']), ['a', 'b'], decode) as () => string;
  const host = { time, writer: 7, task: 1, wall: () => wall };
  const record = () => new Promise<StoredRecord | null>((resolve) => asked.set(time.originOffset, resolve));
  letters = new DeadLetters(host, core, transport.log.appender('dead'), new Left(2), { origin: () => ({ topic: 'source', partition: 0 }), record }, tell);
  const row = { a: 4, b: 0 };
  fail(6, row);
  row.a = 5;
  arrive(6);
  await commit();
  expect(dead().map(({ headers }) => headers['error.record'])).toEqual(['{"a":4,"b":6}']);
});

test('one that had left is numbered and counted, asks for nothing and does not leave again', async () => {
  const left = new Left(2);
  left.seqs[1] = 1;
  const host = { time, writer: 7, task: 1, wall: () => wall };
  const record = () => new Promise<StoredRecord | null>((resolve) => asked.set(time.originOffset, resolve));
  letters = new DeadLetters(host, core, transport.log.appender('dead'), left, { origin: () => ({ topic: 'source', partition: 0 }), record }, asIs);
  expect(letters.behind).toBe(true);
  fail(1);
  expect([core.seqs, letters.unsettled, asked.size, letters.behind]).toEqual([[0, 1], false, 0, false]);
  fail(2);
  arrive(2);
  await commit();
  expect(dead().map(({ seq }) => seq)).toEqual([2]);
});
