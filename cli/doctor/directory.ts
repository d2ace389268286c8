import { existsSync, mkdirSync, rmdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bytes } from '../output/numbers.ts';
import { type Check, fail, ok, warn } from './check.ts';

const LITTLE = 2 ** 30;
const TOO_LITTLE = 64 * 2 ** 20;

/** Linux's numbers of file systems that a database should not lie on (statfs(2)) */
const REMOTE: Readonly<Record<number, string>> = {
  26985: 'NFS',
  20859: 'SMB',
  4283649346: 'CIFS',
  4266872130: 'SMB',
  16914839: '9p',
  1702057286: 'FUSE',
  12805120: 'Ceph',
  1397113167: 'AFS',
  198183888: 'Lustre',
};
const IN_MEMORY: ReadonlySet<number> = new Set([0x01021994, 0x858458f6]);

/** Whether a directory can be made and written to, how much goes into it, and whether it is a disk of this machine. Leaves nothing behind. */
export function checkDirectory(path: string, shown: string): Check {
  const name = `data directory ${shown}`;
  const made = missing(path);
  try {
    // one by one: where a parent refuses with ENOENT, as in /proc, Node's own recursive way never ends
    for (const dir of made) mkdirSync(dir);
    const file = join(path, `.doctor-${process.pid}`);
    writeFileSync(file, 'x', { flush: true });
    rmSync(file);
    return judged(name, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return fail(name, `It cannot be written to (${code}).`, HINTS[code ?? ''] ?? 'Check the path, its owner and its permissions.');
  } finally {
    removeEmpty(made);
  }
}

/** Directories that have to be made, outermost first. */
function missing(path: string): string[] {
  const dirs: string[] = [];
  for (let dir = path; !existsSync(dir) && dirname(dir) !== dir; dir = dirname(dir)) dirs.unshift(dir);
  return dirs;
}

/** Takes them away again, as long as nobody has put anything into them. */
function removeEmpty(made: readonly string[]): void {
  try {
    for (const dir of made.toReversed()) if (existsSync(dir)) rmdirSync(dir);
  } catch {
    // somebody uses it meanwhile: it stays
  }
}

const HINTS: Readonly<Record<string, string>> = {
  ENOTDIR: 'A part of the path is a file: name another directory in checkpoint: { path: … }.',
  EEXIST: 'This is a file: name another directory in checkpoint: { path: … }.',
  ENOSPC: 'Free some space on the disk.',
  EROFS: 'The disk is mounted read-only: name another directory in checkpoint: { path: … }.',
};

function judged(name: string, path: string): Check {
  const { type, bavail, bsize } = statfsSync(path);
  const free = bavail * bsize;
  const remote = process.platform === 'linux' ? REMOTE[type] : undefined;
  const message = `writable, ${bytes(free)} free`;
  if (free < TOO_LITTLE) return fail(name, message, 'Free some space on the disk.');
  if (remote !== undefined) return warn(name, `${message}, on ${remote}`, 'The log and state are memory-mapped: keep them on a disk of this machine.');
  if (process.platform === 'linux' && IN_MEMORY.has(type))
    return warn(name, `${message}, in memory`, 'What is kept there is gone when the machine stops: name a directory on a disk.');
  if (free < LITTLE) return warn(name, message, 'Free some space on the disk: logs and state grow.');
  return ok(name, message);
}
