import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openEmbedded } from '../embedded/open.ts';
import type { Transport } from '../log.ts';
import { openCopyStore } from './copy-store.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'millrace-store-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

async function inStore<T>(store: Transport, work: (store: Transport) => T): Promise<T> {
  try {
    return work(store);
  } finally {
    await store.close();
  }
}
const put = (boot?: string) => inStore(openCopyStore(dir, boot), (store) => store.note([['a', Buffer.from('1')]]));
const got = (boot?: string) => inStore(openCopyStore(dir, boot), ({ ledger }) => String(ledger.get('a')));

test('what a process has written is there for the next of the same boot', async () => {
  await put();
  expect(await got()).toBe('49');
  expect(await got()).toBe('49');
});

test('one of an earlier boot begins anew, also where the crash has damaged it', async () => {
  await put('first');
  expect(await got('second')).toBe('null');
  await put('second');
  writeFileSync(join(dir, 'log.mdb'), Buffer.alloc(64 * 1024, 7));
  expect(await got('third')).toBe('null');
});

test('one that cannot be written to is told as that', () => {
  writeFileSync(join(dir, 'file'), '');
  expect(() => openCopyStore(join(dir, 'file', 'below'), 'first')).toThrow(expect.objectContaining({ code: 'storage_unusable' }));
});

test('where boots cannot be told apart it is kept, as its commits have waited for the disk', async () => {
  await put('');
  expect(await got('')).toBe('49');
});

test('one that an older release has left, whose commits waited for the disk, is kept', async () => {
  await inStore(openEmbedded(dir), (store) => store.note([['a', Buffer.from('1')]]));
  expect(await got('first')).toBe('49');
});
