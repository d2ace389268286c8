import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { HEAD } from '../../recordbatch.ts';
import { batch, type Got, TIME, take } from '../client-grounds.case.ts';
import { stamp } from './batchhead.ts';
import { checksum } from './checksum.ts';
import { FetchedFeed } from './feed.ts';
import type { Aborted } from './recordset.ts';

interface Options {
  readonly producer?: number;
  readonly transactional?: boolean;
  readonly control?: boolean;
  readonly change?: (bytes: Buffer) => Buffer;
}

const seal = (bytes: Buffer): Buffer => {
  bytes.writeInt32BE(bytes.length - 12, 8);
  bytes.writeUInt32BE(checksum(bytes.subarray(21)), 17);
  return bytes;
};
const attribute = (bits: number) => (bytes: Buffer) => {
  bytes.writeInt16BE(bytes.readInt16BE(21) | bits, 21);
  return bytes;
};

/** A batch as a broker keeps it. */
function kept(
  base: number,
  texts: readonly string[],
  { producer = 1, transactional = false, control = false, change = (bytes) => bytes }: Options = {},
): Buffer {
  const bytes = Buffer.from(batch(texts.map((value) => ({ value }))).finish(base));
  stamp(bytes, { id: producer, epoch: 0, transactional }, 0);
  return seal(change(control ? attribute(0x20)(bytes) : bytes));
}

const marker = (base: number, producer: number): Buffer => kept(base, ['marker'], { producer, transactional: true, control: true });

function feedOf(parts: readonly Buffer[], { from = 0, aborted = [] as Aborted[], cut = 0 } = {}): FetchedFeed {
  const feed = new FetchedFeed('t', 0, from, 1 << 20, () => {});
  const buffer = Buffer.concat([Buffer.from('before'), ...parts]);
  feed.take({ stable: 100, start: 0, buffer, from: 6, to: buffer.length - cut, aborted });
  return feed;
}

function texts(feed: FetchedFeed): (string | null)[] {
  const got: Got[] = [];
  take(feed, got);
  return got.map(({ value }) => value);
}

test('a last batch that is cut off comes with the next fetch', () => {
  const parts = [kept(0, ['a', 'b']), kept(2, ['c'])];
  for (const cut of [1, 20, (parts[1] as Buffer).length - 5]) {
    const feed = feedOf(parts, { cut });
    expect([texts(feed), feed.position, feed.next]).toEqual([['a', 'b'], 2, 2]);
    feed.take({ stable: 100, start: 0, buffer: parts[1] as Buffer, from: 0, to: (parts[1] as Buffer).length, aborted: [] });
    expect([texts(feed), feed.position]).toEqual([['c'], 3]);
  }
});

test('a first batch that is cut off is nothing', () => {
  const feed = feedOf([kept(0, ['a'])], { cut: 3 });
  expect([texts(feed), feed.position, feed.next]).toEqual([[], 0, 0]);
});

test('markers move the position at once, and give nothing', () => {
  const feed = feedOf([marker(0, 5), marker(1, 6)]);
  expect([feed.position, feed.next]).toEqual([2, 2]);
  expect(feed.poll(1)).toBeNull();
  const between = feedOf([kept(0, ['a']), marker(1, 5), kept(2, ['b']), marker(3, 5)]);
  expect([texts(between), between.position]).toEqual([['a', 'b'], 4]);
});

test('aborted transactions of several writers, one of them committing later', () => {
  const tx = (base: number, text: string, producer: number) => kept(base, [text], { producer, transactional: true });
  const parts = [
    tx(0, 'x1', 7),
    tx(1, 'keep 8', 8),
    kept(2, ['plain']),
    tx(3, 'x2', 7),
    marker(4, 7),
    tx(5, 'keep 7', 7),
    marker(6, 8),
    tx(7, 'x8', 8),
    marker(8, 8),
  ];
  const aborted = [
    { producer: 8, first: 7 },
    { producer: 7, first: 0 },
  ];
  const feed = feedOf(parts, { aborted });
  expect([texts(feed), feed.position]).toEqual([['keep 8', 'plain', 'keep 7'], 9]);
  expect(texts(feedOf(parts.slice(3), { from: 3, aborted }))).toEqual(['keep 7']);
});

test('a batch whose records compaction took moves the position by what it had', () => {
  const empty = kept(3, ['a', 'b', 'c'], {
    change: (bytes) => {
      bytes.writeInt32BE(0, 57);
      return bytes.subarray(0, HEAD);
    },
  });
  const feed = feedOf([kept(0, ['a', 'b', 'c']), empty]);
  expect([texts(feed), feed.position]).toEqual([['a', 'b', 'c'], 6]);
});

test('the time of the append counts where the batch says so', () => {
  const stamped = (bytes: Buffer) => {
    bytes.writeBigInt64BE(77n, 35);
    return attribute(8)(bytes);
  };
  const feed = feedOf([kept(0, ['a', 'b']), kept(2, ['c'], { change: stamped })]);
  const got: Got[] = [];
  take(feed, got);
  expect(got.map(({ timestamp }) => timestamp)).toEqual([TIME, TIME, 77]);
});

test('a compressed batch is a view of its own, opened in its middle too', () => {
  const compressed = (base: number, values: string[]) =>
    kept(base, values, { change: (bytes) => attribute(1)(Buffer.concat([bytes.subarray(0, HEAD), gzipSync(bytes.subarray(HEAD))])) });
  const feed = feedOf([kept(0, ['a']), compressed(1, ['b', 'c', 'd']), compressed(4, ['e'])], { from: 0 });
  feed.seek(2);
  expect(texts(feed)).toEqual(['c', 'd', 'e']);
});

test.each([
  ['damaged', (bytes: Buffer) => bytes.fill(0xff, bytes.length - 2), /checksum/],
  ['of another codec', (bytes: Buffer) => seal(attribute(7)(bytes)), /codec 7/],
  ['compressed and broken', (bytes: Buffer) => seal(attribute(1)(bytes)), /cannot be read/],
  ['of the old format', (bytes: Buffer) => bytes.fill(1, 16, 17), /before Kafka 0\.11/],
])('a batch that is %s ends the feed behind what came before it', (_what, change, message) => {
  const bad = kept(1, ['b', 'b']);
  change(bad);
  const feed = feedOf([kept(0, ['a']), bad]);
  expect(feed.poll(1 << 20)?.count).toBe(1);
  expect(() => feed.poll(1 << 20)).toThrow(message);
  expect(() => feed.poll(1 << 20)).toThrow(message);
  expect([feed.position, feed.wanted]).toEqual([1, 0]);
});

test('a feed wants more only when half of what it may hold is gone', () => {
  const hungry: number[] = [];
  const feed = new FetchedFeed('t', 0, 0, 1000, () => hungry.push(feed.position));
  expect(feed.wanted).toBe(16 * 1024);
  const parts = [kept(0, ['x'.repeat(400)]), kept(1, ['x'.repeat(400)])];
  const buffer = Buffer.concat(parts);
  feed.take({ stable: 2, start: 0, buffer, from: 0, to: buffer.length, aborted: [] });
  expect(feed.wanted).toBe(0);
  feed.poll(1);
  expect([feed.wanted > 0, hungry]).toEqual([true, [1]]);
});
