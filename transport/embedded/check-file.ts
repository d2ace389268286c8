import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { MillraceError } from '@millrace/runtime/errors.ts';

// layout of LMDB's first page (`MDB_meta` behind a page header of 24 bytes), in the byte order of the machine that wrote it
const MAGIC = { at: 24, value: 0xbeefc0de };
const VERSION = { at: 28, value: 2 };
const PAGE_SIZE = 48;
const LAST_PAGE = 144;
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
    const { size } = fstatSync(fd);
    // made, but never written to
    if (size === 0) return;
    const meta = Buffer.alloc(META_END);
    const read = readSync(fd, meta, 0, META_END, 0);
    if (read < META_END || meta.readUInt32LE(MAGIC.at) !== MAGIC.value || meta.readUInt32LE(VERSION.at) !== VERSION.value)
      throw new MillraceError('storage_corrupt', `${path} is no database that millrace has written.`);
    const pageSize = meta.readUInt32LE(PAGE_SIZE);
    // two meta pages take turns: the second may tell of more pages
    const second = Buffer.alloc(META_END);
    const last = Number(meta.readBigUInt64LE(LAST_PAGE));
    const both = readSync(fd, second, 0, META_END, pageSize) === META_END;
    const pages = 1 + (both ? Math.min(last, Number(second.readBigUInt64LE(LAST_PAGE))) : last);
    if (!both || size + SLACK < pages * pageSize)
      throw new MillraceError('storage_corrupt', `${path} has ${size} bytes, but should have ${pages * pageSize}: it was cut short.`);
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
