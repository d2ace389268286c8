import { chmodSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
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
