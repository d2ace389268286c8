import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { FileSink } from './file-sink.ts';

const dir = mkdtempSync(join(tmpdir(), 'millrace-sink-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test('a fresh run empties the file, a later one cuts it to what was committed', () => {
  const path = join(dir, 'deep/er/out.jsonl');
  const first = new FileSink(path, 0);
  expect(first.write(Buffer.from('one\n'))).toBe(4);
  expect(first.write(Buffer.from('two\n'))).toBe(8);
  first.close();
  const second = new FileSink(path, 4);
  expect(readFileSync(path, 'utf8')).toBe('one\n');
  expect(second.write(Buffer.from('three\n'))).toBe(10);
  expect(second.length).toBe(10);
  second.close();
  expect(readFileSync(path, 'utf8')).toBe('one\nthree\n');
  new FileSink(path, 0).close();
  expect(readFileSync(path, 'utf8')).toBe('');
});

test('refuses a file shorter than what was committed, and what cannot be written', () => {
  const path = join(dir, 'short');
  writeFileSync(path, 'abcdef');
  truncateSync(path, 3);
  expect(() => new FileSink(path, 6)).toThrow(expect.objectContaining({ code: 'sink_truncated' }));
  expect(readFileSync(path, 'utf8')).toBe('abc');
  expect(() => new FileSink(join(dir, 'none'), 6)).toThrow(expect.objectContaining({ code: 'sink_truncated' }));
  expect(() => new FileSink(dir, 0)).toThrow(expect.objectContaining({ code: 'sink_unwritable' }));
  expect(() => new FileSink(join(path, 'below a file'), 0)).toThrow(expect.objectContaining({ code: 'sink_unwritable' }));
});

test('goes back to an earlier length, and sees what others did to the file meanwhile', () => {
  const path = join(dir, 'again');
  const sink = new FileSink(path, 0);
  sink.write(Buffer.from('one\n'));
  sink.write(Buffer.from('two\n'));
  sink.rewind(4);
  expect(sink.write(Buffer.from('2\n'))).toBe(6);
  expect(readFileSync(path, 'utf8')).toBe('one\n2\n');
  truncateSync(path, 3);
  expect(() => sink.rewind(6)).toThrow(expect.objectContaining({ code: 'sink_truncated' }));
  writeFileSync(join(dir, 'other'), 'one\n2\n');
  renameSync(join(dir, 'other'), path);
  expect(() => sink.rewind(6)).toThrow(expect.objectContaining({ code: 'sink_truncated' }));
  sink.close();
});

test('passes to another while the one before lives: what that one still writes is nowhere', () => {
  const place = join(dir, 'passed');
  const path = join(place, 'out.jsonl');
  const old = new FileSink(path, 0);
  old.write(Buffer.from('one\ntwo\n'));
  // what the old one would write to if it had looked just before it was stopped
  const fd = openSync(path, 'r+');
  const now = new FileSink(path, 4);
  now.write(Buffer.from('2\n'));
  writeSync(fd, Buffer.from('of a zombie\n'), 0, 12, 8);
  closeSync(fd);
  expect(readFileSync(path, 'utf8')).toBe('one\n2\n');
  for (const attempt of [() => old.write(Buffer.from('three\n')), () => old.rewind(4)]) expect(attempt).toThrow(expect.objectContaining({ code: 'fenced' }));
  old.close();
  expect(now.write(Buffer.from('3\n'))).toBe(8);
  now.close();
  expect(readFileSync(path, 'utf8')).toBe('one\n2\n3\n');
  expect(readdirSync(place)).toEqual(['out.jsonl']);
});

test('one that is dead is followed in place, one that cannot be known to be is not', () => {
  const place = join(dir, 'followed');
  const path = join(place, 'real');
  const owner = join(place, '.real.owner-1');
  const first = new FileSink(path, 0);
  first.write(Buffer.from('one\n'));
  const left = JSON.parse(readFileSync(owner, 'utf8')) as object;
  first.close();
  const inode = statSync(path).ino;
  symlinkSync('real', join(place, 'link'));
  const follow = (before: object): number => {
    writeFileSync(owner, JSON.stringify({ ...left, ...before }));
    writeFileSync(`${owner}.copy`, 'left by a crash');
    const sink = new FileSink(join(place, 'link'), 4);
    expect(readdirSync(place).sort()).toEqual(['.real.owner-2', 'link', 'real']);
    sink.close();
    return statSync(path).ino;
  };
  expect(follow({ pid: 2 ** 30 })).toBe(inode);
  expect(follow({ place: 'another machine' })).not.toBe(inode);
  expect(readFileSync(path, 'utf8')).toBe('one\n');
  expect(readdirSync(place).sort()).toEqual(['link', 'real']);
});

test('a file that was removed meanwhile is told of by the next write', () => {
  const path = join(dir, 'removed');
  const sink = new FileSink(path, 0);
  sink.write(Buffer.from('one\n'));
  rmSync(path);
  expect(() => sink.write(Buffer.from('two\n'))).toThrow(expect.objectContaining({ code: 'sink_truncated' }));
  sink.close();
});

test.skipIf(process.getuid?.() === 0)('writes to a file beside which nothing can be written', () => {
  const place = join(dir, 'shut');
  mkdirSync(place);
  writeFileSync(join(place, 'out'), '');
  chmodSync(place, 0o500);
  const sink = new FileSink(join(place, 'out'), 0);
  expect(sink.write(Buffer.from('one\n'))).toBe(4);
  sink.close();
});

test.skipIf(process.getuid?.() === 0)('refuses a directory without permission', () => {
  const closed = join(dir, 'closed');
  mkdirSync(closed);
  chmodSync(closed, 0o500);
  expect(() => new FileSink(join(closed, 'x'), 0)).toThrow(expect.objectContaining({ code: 'sink_unwritable' }));
});

test.skipIf(process.platform !== 'linux')('writes to a device, and tells a full one', () => {
  const sink = new FileSink('/dev/null', 0);
  expect(sink.write(Buffer.from('x'))).toBe(1);
  sink.close();
  const full = new FileSink('/dev/full', 0);
  expect(() => full.write(Buffer.from('x'))).toThrow(expect.objectContaining({ code: 'storage_full' }));
  expect(full.length).toBe(0);
  full.close();
});
