import { rmSync, statSync, writeFileSync } from 'node:fs';
import { threadId } from 'node:worker_threads';

/** LMDB's table of readers, for as many as there may be, bytes */
const LOCK_BYTES = 64 * 1024;

/**
 * LMDB writes to its lock file through memory: where the disk has no room for it the process dies of that, without a word. So before it is opened for the first time
 * as much is written and taken away again. Throws what the file system says (ENOSPC).
 */
export function roomForLock(path: string): void {
  const lock = statSync(`${path}-lock`, { throwIfNoEntry: false });
  if (lock !== undefined && lock.blocks > 0) return;
  const beside = `${path}-room.${process.pid}.${threadId}`;
  try {
    writeFileSync(beside, Buffer.alloc(LOCK_BYTES, 1), { flush: true });
  } finally {
    rmSync(beside, { force: true });
  }
}
