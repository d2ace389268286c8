import { mkdirSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { storageFailure } from '../failures.ts';
import { openEmbedded } from './open.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'millrace-check-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const code = (code: string) => expect.objectContaining({ code });

test.each([
  ['text', 'hello'],
  ['a larger file of another kind', 'garbage '.repeat(20_000)],
])('%s in the place of the database is told, not mapped', (_, content) => {
  writeFileSync(join(dir, 'log.mdb'), content);
  expect(() => openEmbedded(dir)).toThrow(code('storage_corrupt'));
});

test('a database cut short is told, a whole or an empty one is not', async () => {
  const path = join(dir, 'log.mdb');
  writeFileSync(path, '');
  const transport = openEmbedded(dir);
  await transport.commit({ appenders: [], puts: [['x', Buffer.alloc(4_000_000)]] });
  await transport.close();
  await openEmbedded(dir).close();
  truncateSync(path, Math.floor(statSync(path).size / 2));
  expect(() => openEmbedded(dir)).toThrow(code('storage_corrupt'));
});

test('a data directory that is none is told', () => {
  const file = join(dir, 'file');
  writeFileSync(file, '');
  expect(() => openEmbedded(file)).toThrow(code('storage_unusable'));
  expect(() => openEmbedded(join(file, 'below'))).toThrow(code('storage_unusable'));
  mkdirSync(join(dir, 'log.mdb'));
  expect(() => openEmbedded(dir)).toThrow(code('storage_unusable'));
});

test('what the disk says becomes an error with a way out, a defect stays itself', () => {
  expect(storageFailure(new Error('No space left on device'), dir)).toEqual(code('storage_full'));
  expect(storageFailure(new Error('MDB_CORRUPTED: Located page was wrong type'), dir)).toEqual(code('storage_corrupt'));
  expect(storageFailure(Object.assign(new Error('x'), { code: 'EROFS' }), dir)).toEqual(code('storage_unusable'));
  const defect = new TypeError('x is not a function');
  expect(storageFailure(defect, dir)).toBe(defect);
});
