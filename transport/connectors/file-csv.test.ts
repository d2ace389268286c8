import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { Position } from '../log.ts';
import { csvHeaderRecord, openCsv } from './file-csv.ts';

const dir = mkdtempSync(join(tmpdir(), 'millrace-csv-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const path = join(dir, 'a.csv');
const options = { source: 's', timestamp: 1, maxRecord: 1024 * 1024 };

function toEnd(from?: Position, some = {}): [number, string][] {
  const reader = openCsv(path, { ...options, ...some }, from);
  const end = reader.end();
  reader.limit(end);
  const found: [number, string][] = [];
  for (let view = reader.poll(20); view !== null; view = reader.poll(20)) {
    for (let i = 0; i < view.count; i++) found.push([view.offsets[i], view.buffer.toString('utf8', view.valueStart[i], view.valueEnd[i])]);
  }
  expect(reader.reached(end)).toBe(true);
  for (const [offset, text] of found) expect(String(Buffer.from(reader.lookup(offset)?.value as Uint8Array))).toBe(text);
  reader.close();
  return found;
}

test('passes the header, keeps quoted newlines together, counts lines', () => {
  writeFileSync(path, '\ufeff\r\na,b\r\n1,"two\r\nlines"\r\n\r\n2,"a ""quote"""\n3,x');
  for (const chunk of [4, 1000]) {
    expect(toEnd(undefined, { chunk })).toEqual([
      [2, '1,"two\r\nlines"'],
      [5, '2,"a ""quote"""'],
      [6, '3,x'],
    ]);
  }
  expect(String(csvHeaderRecord(path))).toBe('a,b');
});

test('goes on from a position without taking a header again; none at all is fine', () => {
  writeFileSync(path, 'a,b\n1,2\n');
  const reader = openCsv(path, options);
  expect(reader.poll(100)?.count).toBe(1);
  const { position } = reader;
  reader.close();
  appendFileSync(path, '3,4\n');
  expect(toEnd(position)).toEqual([[2, '3,4']]);
  writeFileSync(path, '\n');
  const empty = openCsv(path, options);
  expect(empty.poll(100)).toBeNull();
  expect(empty.position).toEqual({ offset: 0, byte: 0 });
  empty.close();
  expect(csvHeaderRecord(path)).toBeNull();
  appendFileSync(path, 'a\n1\n');
  expect(toEnd(empty.position)).toEqual([[2, '1']]);
});

test('a stray quote costs one record', () => {
  writeFileSync(path, `a,b\n1,"oops\n${'2,x\n'.repeat(100)}3,y\n`);
  const found = toEnd(undefined, { maxRecord: 50 });
  expect(found[0][1].length).toBe(51);
  expect(found[found.length - 1]).toEqual([102, '3,y']);
});
