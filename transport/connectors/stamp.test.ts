import { appendFileSync, mkdtempSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { checkMark, FileMarker, stampFile } from './stamp.ts';

const dir = mkdtempSync(join(tmpdir(), 'millrace-stamp-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const path = join(dir, 'a');

test('a stamp tells size and whole milliseconds', () => {
  writeFileSync(path, 'abc');
  utimesSync(path, 1234.5678, 1234.5678);
  expect(stampFile(path)).toEqual({ size: 3, mtimeMs: 1234567 });
  expect(stampFile(path).mtimeMs).toBe(Math.floor(statSync(path).mtimeMs));
});

test('the consumed part must stand, what follows may change', () => {
  const content = Buffer.alloc(300_000, 'x');
  const write = (at: number, length = 300_000) => {
    const changed = Buffer.from(content.subarray(0, length));
    if (at >= 0) changed[at] = 0;
    writeFileSync(path, changed);
  };
  for (const byte of [0, 10, 65_536, 65_537, 100_000, 200_000]) {
    write(-1);
    const marker = new FileMarker(path);
    marker.mark(Math.floor(byte / 2));
    const mark = marker.mark(byte);
    marker.close();
    checkMark(path, JSON.parse(JSON.stringify(mark)));
    write(byte);
    checkMark(path, mark);
    appendFileSync(path, 'more');
    checkMark(path, mark);
    write(-1, byte);
    checkMark(path, mark);
    for (const at of byte === 0 ? [] : [0, Math.min(byte, 65_536) - 1, byte - 1, Math.max(0, byte - 4096)]) {
      write(at);
      expect(() => checkMark(path, mark)).toThrow(expect.objectContaining({ code: 'source_changed' }));
    }
    if (byte === 0) continue;
    truncateSync(path, byte - 1);
    expect(() => checkMark(path, mark)).toThrow(expect.objectContaining({ code: 'source_changed' }));
  }
  rmSync(path);
  expect(() => checkMark(path, { byte: 0, head: '', tail: '' })).toThrow(expect.objectContaining({ code: 'source_missing' }));
});
