import { appendFileSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import type { Reader } from '../log.ts';
import { openLines } from './file-lines.ts';

const dir = mkdtempSync(join(tmpdir(), 'millrace-lines-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

let files = 0;
function file(content: string | Buffer): string {
  const path = join(dir, `${files++}.jsonl`);
  writeFileSync(path, content);
  return path;
}

const options = { source: 's', timestamp: 77, maxRecord: 1024 * 1024 };

/** [offset, text] of all that is ready */
function all(reader: Reader, maxBytes = 1 << 20, maxRecords?: number): [number, string][] {
  const found: [number, string][] = [];
  for (let view = reader.poll(maxBytes, maxRecords); view !== null; view = reader.poll(maxBytes, maxRecords)) {
    for (let i = 0; i < view.count; i++) {
      expect(view.timestamps[i]).toBe(77);
      expect(view.keyEnd[i]).toBe(-1);
      expect(view.headersEnd[i]).toBe(-1);
      found.push([view.offsets[i], view.buffer.toString('utf8', view.valueStart[i], view.valueEnd[i])]);
    }
  }
  return found;
}

function toEnd(path: string, from = { offset: 0, byte: 0 }, some: Partial<typeof options & { chunk: number }> = {}): [number, string][] {
  const reader = openLines(path, { ...options, ...some }, from);
  const end = reader.end();
  reader.limit(end);
  const found = all(reader);
  expect(reader.reached(end)).toBe(true);
  reader.close();
  return found;
}

describe('lines of a file', () => {
  test('counts blank lines, takes CRLF, a BOM and a last line without newline', () => {
    expect(toEnd(file('\ufeff{"a":1}\r\n\r\n \t\n{"a":2}\n\n{"a":3}'))).toEqual([
      [0, '{"a":1}'],
      [3, '{"a":2}'],
      [5, '{"a":3}'],
    ]);
    expect(toEnd(file(''))).toEqual([]);
    expect(toEnd(file('\n\n'))).toEqual([]);
    expect(toEnd(file('\ufeff'))).toEqual([]);
    expect(toEnd(file('x'))).toEqual([[0, 'x']]);
  });

  test('waits for the end of a last line, unless a limit takes it', () => {
    const path = file('one\ntw');
    const reader = openLines(path, options);
    expect(all(reader)).toEqual([[0, 'one']]);
    expect(reader.position).toEqual({ offset: 1, byte: 4 });
    appendFileSync(path, 'o');
    expect(all(reader)).toEqual([]);
    appendFileSync(path, '\nthree\n');
    expect(all(reader)).toEqual([
      [1, 'two'],
      [2, 'three'],
    ]);
    reader.close();
  });

  test('a limit cuts exactly there, again and again, though the file has grown', () => {
    const path = file('one\ntw');
    expect(toEnd(path)).toEqual([
      [0, 'one'],
      [1, 'tw'],
    ]);
    appendFileSync(path, 'o\nthree\n');
    const reader = openLines(path, options);
    reader.limit({ offset: -1, byte: 6 });
    expect(all(reader)).toEqual([
      [0, 'one'],
      [1, 'tw'],
    ]);
    const position = reader.position;
    expect(position).toEqual({ offset: 2, byte: 6 });
    reader.limit(null);
    expect(all(reader)).toEqual([
      [2, 'o'],
      [3, 'three'],
    ]);
    reader.close();
    expect(toEnd(path, position as { offset: number; byte: number })).toEqual([
      [2, 'o'],
      [3, 'three'],
    ]);
  });

  test.each(['\n', '\r\n'])('a line end that comes after the last line was taken is no line', (lineEnd) => {
    const path = file('one');
    const first = openLines(path, options);
    first.limit(first.end());
    expect(all(first)).toEqual([[0, 'one']]);
    const position = first.position as { offset: number; byte: number };
    expect(toEnd(path, position)).toEqual([]);
    appendFileSync(path, `${lineEnd}two${lineEnd}`);
    expect(toEnd(path, position)).toEqual([[1, 'two']]);
    first.limit(null);
    expect(all(first)).toEqual([[1, 'two']]);
    first.close();
  });

  test('a line longer than allowed comes cut, in little memory, and the next follows', () => {
    const path = file(`a\n${'x'.repeat(10_000_000)}\nb\n${'y'.repeat(150)}\n${'z'.repeat(100)}\nc${'w'.repeat(5000)}`);
    for (const chunk of [64, 1 << 20]) {
      const found = toEnd(path, undefined, { maxRecord: 100, chunk });
      expect(found.map(([offset, text]) => [offset, text.length, text[0]])).toEqual([
        [0, 1, 'a'],
        [1, 101, 'x'],
        [2, 1, 'b'],
        [3, 101, 'y'],
        [4, 100, 'z'],
        [5, 101, 'c'],
      ]);
    }
    expect(toEnd(path, undefined, { maxRecord: 1 << 24 })[1][1].length).toBe(10_000_000);
  });

  test('a long line that is still being written', () => {
    const path = file('x'.repeat(500));
    const reader = openLines(path, { ...options, maxRecord: 10, chunk: 16 });
    expect(all(reader)).toEqual([]);
    appendFileSync(path, 'x'.repeat(500));
    expect(all(reader)).toEqual([]);
    expect(reader.position).toEqual({ offset: 0, byte: 0 });
    appendFileSync(path, '\nshort\n');
    expect(all(reader)).toEqual([
      [0, 'x'.repeat(11)],
      [1, 'short'],
    ]);
    reader.close();
  });

  test('lookup finds any record of the file, whatever this reader has read', () => {
    const lines = Array.from({ length: 50_000 }, (_, i) => (i % 7 === 3 ? '' : `{"n":${i},"pad":"${'p'.repeat(i % 50)}"}`));
    const path = file(lines.join('\n'));
    const reader = openLines(path, options);
    reader.limit(reader.end());
    all(reader, 10_000);
    for (const n of [0, 1, 2, 25_000, 25_001, 49_999, 7, 12_345]) {
      const record = reader.lookup(n);
      expect(record === null ? '' : Buffer.from(record.value as Uint8Array).toString()).toBe(lines[n]);
    }
    expect(reader.lookup(50_000)).toBeNull();
    const later = openLines(path, options, { offset: 49_999, byte: Buffer.byteLength(lines.slice(0, 49_999).join('\n')) + 1 });
    expect(Buffer.from(later.lookup(5)?.value as Uint8Array).toString()).toBe(lines[5]);
    expect(Buffer.from(later.lookup(49_999)?.value as Uint8Array).toString()).toBe(lines[49_999]);
    reader.close();
    later.close();
  });

  test('refuses what is missing, a directory, or has become shorter', () => {
    const path = file('one\ntwo\n');
    const reader = openLines(path, options);
    all(reader);
    truncateSync(path, 4);
    expect(() => reader.poll(100)).toThrow(expect.objectContaining({ code: 'source_changed' }));
    reader.close();
    expect(() => openLines(join(dir, 'none'), options)).toThrow(expect.objectContaining({ code: 'source_missing' }));
    mkdirSync(join(dir, 'd'));
    expect(() => openLines(join(dir, 'd'), options)).toThrow(expect.objectContaining({ code: 'source_unreadable' }));
  });

  test('any file, any chunk, any cut of polls and restarts gives its lines', () => {
    const piece = fc.constantFrom('a', 'bb', '"', ' ', '\n', '\r\n', '\n\n', 'é', 'c'.repeat(40));
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 60 }),
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 4 }),
        (pieces, chunk, maxBytes, maxRecords) => {
          const text = pieces.join('');
          const wanted = text
            .split('\n')
            .map((line, n): [number, string] => [n, line.replace(/\r$/, '')])
            .filter(([, line]) => line.trim() !== '');
          const path = file(text);
          let reader = openLines(path, { ...options, maxRecord: 1000, chunk });
          const end = reader.end();
          const found: [number, string][] = [];
          while (!reader.reached(end)) {
            reader.limit(end);
            const view = reader.poll(maxBytes, maxRecords);
            for (let i = 0; view !== null && i < view.count; i++)
              found.push([view.offsets[i], view.buffer.toString('utf8', view.valueStart[i], view.valueEnd[i])]);
            const { position } = reader;
            reader.close();
            reader = openLines(path, { ...options, maxRecord: 1000, chunk }, position);
          }
          reader.close();
          rmSync(path);
          expect(found).toEqual(wanted);
        },
      ),
      { numRuns: 200 },
    );
  });
});
