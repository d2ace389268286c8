import { expect, test } from 'vitest';
import { batch } from '../client-grounds.case.ts';
import { stamp } from './batchhead.ts';
import { FetchedFeed } from './feed.ts';
import { Frames } from './frames.ts';

const KIB = 1024;
const text = 'x'.repeat(20 * KIB);

/** batches of one record each, from offset `from` on */
function batches(from: number, values: readonly string[]): Buffer {
  return Buffer.concat(
    values.map((value, n) => {
      const bytes = Buffer.from(batch([{ value }]).finish(from + n));
      stamp(bytes, { id: 1, epoch: 0, transactional: false }, n);
      return bytes;
    }),
  );
}

test('memory comes back when its last holder drops it, and serves what it is large enough for', () => {
  const frames = new Frames();
  const one = frames.take(100 * KIB);
  expect(one.buffer.length).toBe(128 * KIB);
  one.hold();
  one.drop();
  const two = frames.take(100 * KIB);
  expect(two.buffer).not.toBe(one.buffer);
  one.drop();
  expect(frames.take(129 * KIB).buffer).not.toBe(one.buffer);
  expect(frames.take(64 * KIB).buffer).toBe(one.buffer);
});

test('small answers, of which thousands may be held, take what they need', () => {
  const frames = new Frames();
  const held = Array.from({ length: 20_000 }, () => frames.take(200));
  const memory = new Set(held.map(({ buffer }) => buffer.buffer));
  expect([...memory].reduce((sum, { byteLength }) => sum + byteLength, 0)).toBeLessThan(20_000 * 400);
  for (const frame of held) frame.drop();
  expect(frames.take(64 * KIB).buffer.length).toBe(64 * KIB);
});

test('no more is kept than a few large ones', () => {
  const frames = new Frames();
  const taken = [1, 2, 32, 16, 16].map((mib) => frames.take(mib * KIB * KIB));
  for (const frame of taken) frame.drop();
  const again = [32, 16, 16, 2].map((mib) => frames.take(mib * KIB * KIB).buffer);
  expect(again.map((buffer) => taken.findIndex((frame) => frame.buffer === buffer))).toEqual([2, 3, -1, -1]);
});

test('what a feed has given stands until it is polled again, and its memory comes back when all of it was read', () => {
  const frames = new Frames();
  const feed = new FetchedFeed('t', 0, 0, 1 << 20, () => {});
  const other = new FetchedFeed('t', 1, 0, 1 << 20, () => {});
  const mine = batches(0, ['a', text]);
  const its = batches(0, ['c']);
  const frame = frames.take(200 * KIB);
  mine.copy(frame.buffer, 10);
  its.copy(frame.buffer, 10 + mine.length);
  const answer = { stable: 9, start: 0, buffer: frame.buffer, frame, aborted: [] };
  feed.take({ ...answer, from: 10, to: 10 + mine.length });
  other.take({ ...answer, from: 10 + mine.length, to: 10 + mine.length + its.length });
  frame.drop();
  const free = () => {
    const next = frames.take(200 * KIB);
    const same = next.buffer === frame.buffer;
    if (same) next.drop();
    return same;
  };
  const values: string[] = [];
  const poll = (of: FetchedFeed) => {
    const view = of.poll(1, 1);
    if (view !== null) values.push(view.buffer.toString('latin1', view.valueStart[0], view.valueEnd[0]).slice(0, 3));
    return [view !== null, free()];
  };
  expect([poll(feed), poll(feed), poll(other), poll(feed), poll(other)]).toEqual([
    [true, false],
    [true, false],
    [true, false],
    [false, false],
    [false, true],
  ]);
  expect(values).toEqual(['a', 'xxx', 'c']);
});

test('a feed that jumps lets go of what it had with its next poll; one that is closed never does', () => {
  const frames = new Frames();
  const bytes = batches(0, ['a', 'b']);
  for (const close of [false, true]) {
    const feed = new FetchedFeed('t', 0, 0, 1 << 20, () => {});
    const frame = frames.take(200 * KIB);
    bytes.copy(frame.buffer);
    feed.take({ stable: 9, start: 0, buffer: frame.buffer, frame, from: 0, to: bytes.length, aborted: [] });
    frame.drop();
    const view = feed.poll(1, 1);
    if (close) feed.close();
    else feed.seek(7);
    expect(view?.buffer.toString('latin1', view.valueStart[0], view.valueEnd[0])).toBe('a');
    expect(frames.take(200 * KIB).buffer).not.toBe(frame.buffer);
    if (close) continue;
    feed.poll(1);
    expect(frames.take(200 * KIB).buffer).toBe(frame.buffer);
  }
});
