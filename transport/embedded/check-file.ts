import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { MillraceError } from '@millrace/runtime/errors.ts';

// layout of LMDB's first page (`MDB_meta` behind a page header of 24 bytes), in the byte order of the machine that wrote it
const MAGIC = { at: 24, value: 0xbeefc0de };
const VERSION = { at: 28, value: 2 };
const PAGE_SIZE = 48;
const LAST_PAGE = 144;
const TRANSACTION = 152;
const META_END = 160;
/** the file may end before its last page when that one is free: by a few pages of the B-trees */
const SLACK = 1024 * 1024;

/**
 * Looks at a database file before LMDB maps it: a file of another kind, or one cut short, would end the process with a signal.
 * Throws `MillraceError` storage_corrupt. Pages damaged within the file are not seen: LMDB keeps no checksums.
 */
export function checkFile(path: string): void {
  const fd = openExisting(path);
  if (fd === null) return;
  try {
    const first = readMeta(fd, 0);
    // made, but never written to
    if (first === null && fstatSync(fd).size === 0) return;
    if (first === null || first.readUInt32LE(MAGIC.at) !== MAGIC.value || first.readUInt32LE(VERSION.at) !== VERSION.value)
      throw new MillraceError('storage_corrupt', `${path} is no database that millrace has written.`);
    const pageSize = first.readUInt32LE(PAGE_SIZE);
    // two meta pages take turns: the one of the later transaction holds
    const second = readMeta(fd, pageSize);
    const newest = second !== null && second.readBigUInt64LE(TRANSACTION) > first.readBigUInt64LE(TRANSACTION) ? second : first;
    const wanted = (Number(newest.readBigUInt64LE(LAST_PAGE)) + 1) * pageSize;
    const { size } = fstatSync(fd);
    if (second === null || size + SLACK < wanted)
      throw new MillraceError('storage_corrupt', `${path} has ${size} bytes, but should have ${wanted}: it was cut short.`);
  } finally {
    closeSync(fd);
  }
}

/** A descriptor, or null when there is no such file, or one that LMDB itself will refuse. */
function openExisting(path: string): number | null {
  try {
    const fd = openSync(path, 'r');
    if (fstatSync(fd).isFile()) return fd;
    closeSync(fd);
  } catch {
    return null;
  }
  return null;
}

/** A meta page's bytes, or null when the file ends before. */
function readMeta(fd: number, at: number): Buffer | null {
  const meta = Buffer.alloc(META_END);
  return readSync(fd, meta, 0, META_END, at) === META_END ? meta : null;
}
