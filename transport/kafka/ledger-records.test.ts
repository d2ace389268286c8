import { expect, test } from 'vitest';
import { BatchAppender } from '../batchappender.ts';
import type { BatchView } from '../log.ts';
import { BatchCursor, Spans } from '../spans.ts';
import { appendEntry, EntryReader, partitionOf } from './ledger-records.ts';

type Entry = [key: string, length: number | null, session: string];

/** The views of partition 0 of what was appended, a record each. */
function records(out: BatchAppender): BatchView[] {
  const views: BatchView[] = [];
  for (const { partition, batches } of out.take()) {
    for (const batch of batches) {
      const bytes = Buffer.from(batch.finish(0));
      const cursor = new BatchCursor();
      for (cursor.open(bytes, 0, bytes.length); cursor.remaining > 0; ) {
        const view = new Spans('l', partition, 1);
        view.buffer = bytes;
        cursor.read(view, 1, 1);
        views.push(view);
      }
    }
  }
  return views;
}

function read(reader: EntryReader, views: readonly BatchView[]): Entry[] {
  const found: Entry[] = [];
  for (const view of views) reader.read(view, (key, value, session) => found.push([key, value?.length ?? null, session]));
  return found;
}

const appender = () => new BatchAppender('l', 1, () => {});
const MIB = 1024 * 1024;

test('a task has one partition, all else has the first', () => {
  expect(['p/x/t/s.3/progress', 'p/x/t/s.a.5/s/step/k', 'p/x/t/s.4/cut', 'p/x/plan', 'q/x/t/s.3/progress'].map((key) => partitionOf(key, 4))).toEqual([
    3, 1, 0, 0, 0,
  ]);
});

test('a long value comes in parts and is put together; what it had more of before is deleted', () => {
  const out = appender();
  appendEntry(out, 's1', 1, 'a', Buffer.from('x'), 0);
  appendEntry(out, 's1', 1, 'long', Buffer.alloc(2 * MIB, 7), 0);
  appendEntry(out, 's1', 1, 'long', Buffer.alloc(MIB, 8), 2 * MIB);
  appendEntry(out, 's2', 1, 'long', Buffer.from('short'), MIB);
  appendEntry(out, 's2', 1, 'long', null, 5);
  appendEntry(out, 's2', 1, 'empty', Buffer.alloc(0), 0);
  const views = records(out);
  expect(views.length).toBe(1 + 3 + 3 + 2 + 1 + 1);
  const reader = new EntryReader();
  expect(read(reader, views)).toEqual([
    ['a', 1, 's1'],
    ['long', 2 * MIB, 's1'],
    ['long', MIB, 's1'],
    ['long', 5, 's2'],
    ['long', null, 's2'],
    ['empty', 0, 's2'],
  ]);
  expect(reader.open).toBe(false);
});

test('what compaction leaves of a long value is none: neither its beginning nor its end', () => {
  const out = appender();
  appendEntry(out, 's', 1, 'long', Buffer.alloc(2 * MIB, 7), 0);
  appendEntry(out, 's', 1, 'b', Buffer.from('b'), 0);
  const [first, second, third, other] = records(out) as [BatchView, BatchView, BatchView, BatchView];
  const reader = new EntryReader();
  expect(read(reader, [second, third, other])).toEqual([['b', 1, 's']]);
  expect(read(reader, [first, second])).toEqual([]);
  expect(reader.open).toBe(true);
  expect(read(reader, [other])).toEqual([
    ['long', null, 's'],
    ['b', 1, 's'],
  ]);
  expect(read(reader, [first, third, other])).toEqual([
    ['long', null, 's'],
    ['b', 1, 's'],
  ]);
});
