import { rmSync, statSync, writeFileSync } from 'node:fs';

/** LMDB's table of readers, for as many as there may be, bytes */
const LOCK_BYTES = 64 * 1024;

/**
 * LMDB writes to its lock file through memory: where the disk has no room for it the process dies of that, without a word. So before it is opened for the first time
 * as much is written and taken away again. Throws what the file system says (ENOSPC). `by`: a number that no other has who opens the directory now.
 */
export function roomForLock(path: string, by: number): void {
  const lock = statSync(`${path}-lock`, { throwIfNoEntry: false });
  if (lock !== undefined && lock.blocks > 0) return;
  const beside = `${path}-room.${process.pid}.${by}`;
  try {
    writeFileSync(beside, Buffer.alloc(LOCK_BYTES, 1), { flush: true });
  } finally {
    rmSync(beside, { force: true });
  }
}
