import { closeSync, openSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { threadId } from 'node:worker_threads';
import { MillraceError } from '@millrace/runtime/errors.ts';

const FULL = /no space left|ENOSPC|EDQUOT|quota exceeded|EFBIG|file too large/i;
/** what LMDB says of a write that came out short */
const SHORT_WRITE = /EIO|input\/output error/i;
/** with less than this left on the disk, a short write means that it is full */
const NO_ROOM = 4 * 1024 * 1024;
/** bytes it is tried with whether there is room */
const PROBE = 256 * 1024;
const CORRUPT = /MDB_(INVALID|CORRUPTED|VERSION_MISMATCH|PAGE_NOTFOUND|PANIC|INCOMPATIBLE|BAD_TXN|CURSOR_FULL|PAGE_FULL)|not a valid LMDB file/i;
const UNUSABLE =
  /EACCES|EPERM|EROFS|ENOTDIR|EEXIST|EISDIR|ENOENT|EIO|ENOMEM|EMFILE|permission denied|not permitted|read-only file system|not a directory|is a directory|no such file|input\/output error|cannot allocate|too many open files|MDB_READERS_FULL/i;

/** What LMDB or the file system said, as an error that a person can act on; a defect stays as it is. */
export function storageFailure(error: unknown, path: string): unknown {
  if (error instanceof MillraceError || !(error instanceof Error)) return error;
  const said = `${(error as NodeJS.ErrnoException).code ?? ''} ${error.message}`;
  const options = { cause: error };
  if (FULL.test(said) || (SHORT_WRITE.test(said) && isFull(path)))
    return new MillraceError('storage_full', `${path} could not be written: ${error.message}`, options);
  if (CORRUPT.test(said)) return new MillraceError('storage_corrupt', `${path} is no database that millrace can read: ${error.message}`, options);
  if (UNUSABLE.test(said)) return new MillraceError('storage_unusable', `${path} cannot be used: ${error.message}`, options);
  return error;
}

/** The same where there was no room for it; null for any other failure. */
export function storageFull(error: unknown, path: string): MillraceError | null {
  const failure = storageFailure(error, path);
  return failure instanceof MillraceError && failure.code === 'storage_full' ? failure : null;
}

function isFull(path: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(dirname(path));
    return bavail * bsize < NO_ROOM || !canGrow(path);
  } catch {
    return false;
  }
}

/** Whether a file as long as that one can be written to at its end: quotas and limits of a file's size show nowhere else. */
function canGrow(path: string): boolean {
  const beside = `${path}-room.${process.pid}.${threadId}`;
  const file = openSync(beside, 'w');
  try {
    writeSync(file, Buffer.alloc(PROBE, 1), 0, PROBE, statSync(path).size);
    return true;
  } catch (error) {
    return !FULL.test(`${(error as NodeJS.ErrnoException).code}`);
  } finally {
    closeSync(file);
    rmSync(beside, { force: true });
  }
}
