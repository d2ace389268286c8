import {
  closeSync,
  constants,
  copyFileSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  realpathSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { MillraceError } from '@millrace/runtime/errors.ts';
import { storageFull } from '../failures.ts';
import { FileClaim } from './file-claim.ts';

export interface FileSinkOptions {
  /** whether `write` waits for the disk (default) */
  readonly sync?: boolean;
}

/**
 * A file that one task alone writes. Its committed length is part of the task's progress, so bytes that a crash left behind
 * it are cut off at the next opening: whoever commits a length must have called `write` for it first.
 *
 * Where the one who wrote it before may still live, a copy takes the file's name: what that one writes from then on goes to a file
 * without a name. So a process that was stopped for however long cannot write to what has passed to another.
 */
export class FileSink {
  readonly path: string;
  #fd: number;
  readonly #regular: boolean;
  readonly #sync: boolean;
  /** null: of a device, and where nothing can be written beside the file */
  #claim: FileClaim | null = null;
  #length: number;

  /**
   * Opens the file at its committed length, 0 emptying it; makes it and its directories when they are not there.
   * Throws `MillraceError` sink_truncated when it is shorter than that, sink_unwritable when it cannot be written, fenced when another takes it meanwhile.
   */
  constructor(path: string, committedLength: number, options: FileSinkOptions = {}) {
    this.path = path;
    this.#sync = options.sync ?? true;
    this.#length = committedLength;
    try {
      mkdirSync(dirname(path), { recursive: true });
      this.#fd = openSync(path, constants.O_WRONLY | constants.O_CREAT, 0o666);
    } catch (error) {
      throw this.#unwritable(error);
    }
    try {
      const stat = fstatSync(this.#fd);
      this.#regular = stat.isFile();
      if (this.#regular) this.#take();
    } catch (error) {
      closeSync(this.#fd);
      this.#claim?.release();
      throw error instanceof MillraceError ? error : this.#unwritable(error);
    }
  }

  #take(): void {
    const target = realpathSync(this.path);
    this.#claim = FileClaim.take(target);
    // who had it may have put a copy in the place of what was opened before the claim
    this.#reopen(target);
    if (this.#claim?.contested) this.#copy(target, this.#claim.copy);
    if (this.#claim !== null && !this.#claim.holds) throw this.#fenced();
    this.#cut(fstatSync(this.#fd).size);
    this.#claim?.settle();
  }

  /** A file of the same content in its place, which nobody else has open. */
  #copy(target: string, copy: string): void {
    copyFileSync(target, copy, constants.COPYFILE_FICLONE);
    this.#reopen(copy);
    const { size } = fstatSync(this.#fd);
    if (size > this.#length) ftruncateSync(this.#fd, this.#length);
    if (this.#sync) fsyncSync(this.#fd);
    renameSync(copy, target);
    if (this.#sync) syncNames(target);
  }

  #reopen(path: string): void {
    const fd = openSync(path, constants.O_WRONLY);
    closeSync(this.#fd);
    this.#fd = fd;
  }

  #fenced(): MillraceError {
    return new MillraceError('fenced', `Another process has taken over ${this.path}.`);
  }

  #cut(size: number): void {
    if (size < this.#length) throw new MillraceError('sink_truncated', `${this.path} has ${size} bytes, but ${this.#length} were written and committed.`);
    if (size > this.#length) ftruncateSync(this.#fd, this.#length);
    // a new file's name must outlive a crash of the machine as its bytes do
    if (this.#length === 0 && this.#sync) syncNames(this.path);
  }

  /** Throws when the path leads to another file by now, or to none: fenced, sink_truncated. */
  #check(): { readonly size: number } {
    const { size, ino, dev } = fstatSync(this.#fd);
    const now = statSync(this.path, { throwIfNoEntry: false });
    if (now?.ino === ino && now.dev === dev) return { size };
    if (this.#claim !== null && !this.#claim.holds) throw this.#fenced();
    throw new MillraceError('sink_truncated', `${this.path} was removed or replaced while it was written to; ${this.#length} bytes were committed.`);
  }

  /** bytes written so far */
  get length(): number {
    return this.#length;
  }

  /**
   * Goes back to an earlier length, to write again what followed it. Throws `MillraceError` sink_truncated when someone else has made the file
   * shorter than that, or has put another in its place.
   */
  rewind(length: number): void {
    this.#length = length;
    if (this.#regular) this.#cut(this.#check().size);
  }

  /** Puts the bytes behind the last ones, on the disk on return, and gives the new length. When it throws (storage_full, sink_unwritable; as `rewind` does) nothing counts as written. */
  write(bytes: Uint8Array): number {
    try {
      if (this.#regular) this.#check();
      for (let at = 0; at < bytes.length; ) {
        at += writeSync(this.#fd, bytes, at, bytes.length - at, this.#regular ? this.#length + at : null);
      }
      if (this.#sync && this.#regular && bytes.length > 0) fdatasyncSync(this.#fd);
    } catch (error) {
      throw error instanceof MillraceError ? error : this.#unwritable(error);
    }
    this.#length += bytes.length;
    return this.#length;
  }

  close(): void {
    closeSync(this.#fd);
    this.#claim?.release();
  }

  #unwritable(error: unknown): unknown {
    const full = storageFull(error, this.path);
    if (full !== null) return full;
    return error instanceof Error ? new MillraceError('sink_unwritable', `${this.path} cannot be written: ${error.message}`, { cause: error }) : error;
  }
}

/** Makes the names beside a file outlive a crash of the machine. */
function syncNames(path: string): void {
  const dir = openSync(dirname(path), 'r');
  try {
    fsyncSync(dir);
  } finally {
    closeSync(dir);
  }
}
