import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { MillraceError } from '@millrace/runtime/errors.ts';
import { FileClaim } from '@millrace/transport/connectors/file-claim.ts';
import { storageFull } from '@millrace/transport/failures.ts';

/** Where a file is written before it gets its name: beside it, hidden. */
export function temporaryOf(path: string): string {
  return join(dirname(path), `.${basename(path)}.tmp`);
}

/** Puts a file there whole, or leaves what was there: written beside, synced, renamed. Its name is durable once its directory is synced (`syncDirectory`). */
export function putFile(path: string, bytes: Uint8Array): void {
  const temporary = temporaryOf(path);
  const file = openSync(temporary, 'w', 0o666);
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
}

/** Makes the names in a directory outlive a crash of the machine. */
export function syncDirectory(path: string): void {
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

/** Makes a directory, and those above it, durably. */
export function makeDirectory(path: string): void {
  const first = mkdirSync(path, { recursive: true });
  if (first === undefined) return;
  for (let at = dirname(path); ; at = dirname(at)) {
    syncDirectory(at);
    if (at === dirname(first)) return;
  }
}

/** Runs what writes to `path`; what the file system says becomes `MillraceError` storage_full or sink_unwritable. */
export function writing<T>(path: string, write: () => T): T {
  try {
    return write();
  } catch (error) {
    if (error instanceof MillraceError || !(error instanceof Error) || (error as NodeJS.ErrnoException).code === undefined) throw error;
    throw storageFull(error, path) ?? new MillraceError('sink_unwritable', `${path} cannot be written: ${error.message}`, { cause: error });
  }
}

/**
 * The right to replace a file, or the files of a directory, by name. Asked before each replacement: a process that was stopped before it asked replaces nothing
 * that has passed to another. One that was stopped between the two still does, once: a name can be given away at any time.
 */
export class NameClaim {
  readonly #path: string;
  readonly #claim: FileClaim | null;

  constructor(path: string) {
    this.#path = path;
    this.#claim = writing(path, () => FileClaim.take(path));
    this.#claim?.settle();
  }

  /** @throws MillraceError fenced */
  check(): void {
    if (this.#claim !== null && !this.#claim.holds) throw new MillraceError('fenced', `Another process has taken over ${this.#path}.`);
  }

  release(): void {
    this.#claim?.release();
  }
}
