import { expect, test } from 'vitest';
import type { FetchedMessage, FetchedPartition } from './chunk.ts';
import { KafkajsFeed } from './feed.ts';

/** An answer with records at these offsets, all of one batch, whose last offset may be further on. */
function answer(offsets: readonly number[], end: number, last = offsets.at(-1) ?? 0): FetchedPartition {
  const first = offsets[0] ?? 0;
  const batchContext = { firstOffset: String(first), lastOffsetDelta: last - first, producerId: '1', inTransaction: false };
  const messages: FetchedMessage[] = offsets.map((offset) => ({
    offset: String(offset),
    timestamp: '5',
    key: null,
    value: Buffer.from(`v${offset}`),
    headers: {},
    batchContext,
  }));
  return { partition: 0, lastStableOffset: String(end), lastStartOffset: '0', abortedTransactions: [], messages };
}

const feedAt = (offset: number) => new KafkajsFeed('t', 0, offset, 1000, () => {});
const offsetsOf = (feed: KafkajsFeed) => {
  const found: number[] = [];
  for (let view = feed.poll(1000); view !== null; view = feed.poll(1000)) found.push(...view.offsets.subarray(0, view.count));
  return found;
};

test('over batches that compaction left without records, which kafkajs does not even tell of', () => {
  const feed = feedAt(3);
  feed.take(answer([], 10));
  expect([feed.alone, feed.position]).toEqual([true, 3]);
  feed.take(answer([], 10));
  feed.take(answer([], 10));
  expect([feed.alone, feed.position, feed.fetchOffset]).toEqual([true, 5, 5]);
  feed.take(answer([7, 8], 10));
  expect([feed.alone, offsetsOf(feed), feed.position]).toEqual([false, [7, 8], 9]);
  feed.take(answer([], 9));
  expect([feed.alone, feed.position]).toEqual([false, 9]);
});

test('a batch whose last records are gone is passed as a whole, one that begins before the offset in part', () => {
  const feed = feedAt(5);
  feed.take(answer([3, 4, 6], 20, 11));
  expect([offsetsOf(feed), feed.position, feed.fetchOffset]).toEqual([[6], 12, 12]);
  feed.take(answer([8, 10], 20, 14));
  expect([offsetsOf(feed), feed.position]).toEqual([[], 15]);
});

test('what was fetched ahead is kept by a seek within it, back and forth', () => {
  const feed = feedAt(0);
  feed.take(answer([0, 1, 2, 3], 8));
  feed.take(answer([4, 6, 7], 8));
  expect(feed.poll(1000, 2)?.count).toBe(2);
  feed.seek(1);
  expect(feed.poll(1)?.offsets[0]).toBe(1);
  feed.seek(5);
  expect([feed.position, offsetsOf(feed), feed.generation]).toEqual([5, [6, 7], 0]);
  feed.seek(8);
  expect([feed.position, feed.fetchOffset, feed.generation]).toEqual([8, 8, 0]);
  feed.seek(2);
  expect([feed.position, feed.fetchOffset, feed.generation]).toEqual([2, 2, 1]);
});

test('a failure comes when what is in hand is taken', () => {
  const feed = feedAt(0);
  feed.take(answer([0], 1));
  feed.fail(new Error('planted'));
  expect(offsetsOf.bind(null, feed)).toThrow('planted');
  expect(feed.position).toBe(1);
});
