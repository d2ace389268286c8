import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MillraceError } from '@millrace/runtime/errors.ts';
import { isAlive, type ProcessId, thisProcess } from '@millrace/transport/embedded/process.ts';

/** says that a directory is a demo's, and which process made it */
const MARK = 'demo.json';

/**
 * Makes a fresh data directory for a demo. What an earlier one left there goes; anything else stays, and is an error.
 * Throws `MillraceError` already_there, or already_running while a demo works in it.
 */
export function freshHome(dir: string, shown: string): void {
  if (existsSync(dir) && readdirSync(dir).length > 0) {
    const owner = ownerOf(dir);
    if (owner === null)
      throw new MillraceError('already_there', `${shown} holds something that is not a demo's; nothing was changed.`, {
        hint: 'Name another directory with --data-dir, or remove it.',
      });
    if (isAlive(owner)) throw new MillraceError('already_running', `A demo runs in ${shown}.`, { hint: 'Stop it first, or use another --data-dir.' });
    rmSync(dir, { recursive: true });
  }
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, MARK), `${JSON.stringify(thisProcess())}\n`);
}

/** Removes what `freshHome` made and all that came to be in it. */
export function removeHome(dir: string): void {
  rmSync(dir, { recursive: true, force: true });
}

function ownerOf(dir: string): ProcessId | null {
  try {
    return JSON.parse(readFileSync(join(dir, MARK), 'utf8')) as ProcessId;
  } catch {
    return null;
  }
}
