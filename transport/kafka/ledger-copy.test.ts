import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openEmbedded } from '../embedded/open.ts';
import { LedgerCopy } from './ledger-copy.ts';

let dir: string;
let copies: LedgerCopy[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'millrace-copy-'));
  copies = [];
});
afterEach(async () => {
  for (const copy of copies) await copy.close();
  rmSync(dir, { recursive: true });
});

const open = async (session: string): Promise<LedgerCopy> => {
  const copy = await LedgerCopy.open(dir, 'host', session, () => false);
  copies.push(copy);
  return copy;
};
const bytes = (text: string) => Buffer.from(text);
const all = (copy: LedgerCopy, prefix = '') => [...copy.entries(prefix)].map(([key, value]) => `${key}=${Buffer.from(value)}`);

test('what is not written yet counts as what is, key by key and in the order of keys', async () => {
  const copy = await open('one');
  copy.reset('topic', 1, 1);
  copy.write(
    ['a', 'b', 'd', 'x/1', 'x/2', '\u{ffff}', '\u{10000}'].map((key) => [key, bytes('old')]),
    [7],
    2,
  );
  copy.settle();
  copy.write(
    [
      ['b', bytes('new')],
      ['c', bytes('new')],
      ['d', null],
      ['e', null],
      ['x/15', bytes('new')],
      ['\u{fffe}', bytes('new')],
    ],
    [9],
    3,
  );
  copy.write([['c', bytes('newer')]], [10], 4);
  const now = ['a=old', 'b=new', 'c=newer', 'x/1=old', 'x/15=new', 'x/2=old', '\u{fffe}=new', '\u{ffff}=old', '\u{10000}=old'];
  expect(all(copy)).toEqual(now);
  expect(all(copy, 'x/')).toEqual(['x/1=old', 'x/15=new', 'x/2=old']);
  const got = ['a', 'c', 'd', 'none'].map((key) => copy.get(key));
  expect(got.map((value) => (value === null ? null : String(Buffer.from(value))))).toEqual(['old', 'newer', null, null]);
  expect([copy.size('c'), copy.size('d'), copy.size('a')]).toEqual([5, 0, 3]);
  expect(copy.standing).toEqual({ topic: 'topic', positions: [10], at: 4 });
  copy.settle();
  expect(all(copy)).toEqual(now);
});

test('who opens it finds what was written and from where to read on, not what was in memory alone', async () => {
  const copy = await open('one');
  copy.reset('topic', 1, 1);
  copy.write([['a', bytes('1')]], [1], 2);
  copy.settle();
  copy.write([['a', bytes('2')]], [2], 3);
  const next = await open('two');
  expect([all(next), next.standing?.positions]).toEqual([['a=1'], [1]]);
  copy.write([['a', bytes('3')]], [3], 4);
  expect(() => copy.settle()).toThrow('Another process has opened the copy');
  expect(() => copy.write([], [4], 5)).toThrow('Another process has opened the copy');
  expect([all(next), next.standing?.positions]).toEqual([['a=1'], [1]]);
});

test('it is written by itself, a part at a time, and says where it stands with the last part', async () => {
  vi.useFakeTimers();
  try {
    const copy = await open('one');
    copy.reset('topic', 1, 1);
    copy.write(
      Array.from({ length: 5 }, (_, n) => [`k${n}`, Buffer.alloc(40_000, n)]),
      [50],
      2,
    );
    const file = openEmbedded(join(dir, 'kafka', 'host'));
    const written = () => [[...file.ledger.entries('k')].length, JSON.parse(String(Buffer.from(file.ledger.get('\0standing') ?? []))).positions];
    const seen = [written()];
    vi.advanceTimersByTime(999);
    for (let turn = 0; turn < 5; turn++, vi.advanceTimersByTime(turn === 1 ? 1 : 8)) seen.push(written());
    expect(seen).toEqual([
      [0, [0]],
      [0, [0]],
      [2, [0]],
      [4, [0]],
      [5, [50]],
      [5, [50]],
    ]);
    await file.close();
  } finally {
    vi.useRealTimers();
  }
});

test('a note stands behind all that came before it', async () => {
  const copy = await open('one');
  copy.reset('topic', 1, 1);
  copy.write([['suspect', bytes('before')]], [5], 2);
  copy.note('s', [['suspect', bytes('noted')]]);
  expect(all(copy)).toEqual(['suspect=noted']);
  const next = await open('two');
  expect([all(next), next.standing?.positions]).toEqual([['suspect=noted'], [5]]);
  // what its session had written before, as a commit or at once, and not what others write
  expect(['s', 's.live', 'other'].map((session) => next.outdates('suspect', session))).toEqual([true, true, false]);
  next.write([['suspect', bytes('after')]], [6], 3);
  next.settle();
  expect([all(next), next.outdates('suspect', 's'), (await open('three')).outdates('suspect', 's')]).toEqual([['suspect=after'], false, false]);
});

test('what it gives is a copy, of what is not written yet too', async () => {
  const copy = await open('one');
  copy.reset('topic', 1, 1);
  copy.write([['a', bytes('old')]], [1], 2);
  (copy.get('a') as Uint8Array).fill(0);
  for (const [, value] of copy.entries('')) value.fill(0);
  expect(all(copy)).toEqual(['a=old']);
});
