import { closeSync, constants, fdatasyncSync, fstatSync, fsyncSync, ftruncateSync, mkdirSync, openSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { MillraceError } from '@millrace/runtime/errors.ts';
import { storageFailure } from '../failures.ts';

export interface FileSinkOptions {
  /** whether `write` waits for the disk (default) */
  readonly sync?: boolean;
}

/**
 * A file that one task alone writes. Its committed length is part of the task's progress, so bytes that a crash left behind
 * it are cut off at the next opening: whoever commits a length must have called `write` for it first.
 */
export class FileSink {
  readonly path: string;
  readonly #fd: number;
  readonly #regular: boolean;
  readonly #sync: boolean;
  #length: number;

  /**
   * Opens the file at its committed length, 0 emptying it; makes it and its directories when they are not there.
   * Throws `MillraceError` sink_truncated when it is shorter than that, sink_unwritable when it cannot be written.
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
      if (this.#regular) this.#cut(stat.size);
    } catch (error) {
      closeSync(this.#fd);
      throw error instanceof MillraceError ? error : this.#unwritable(error);
    }
  }

  #cut(size: number): void {
    if (size < this.#length) throw new MillraceError('sink_truncated', `${this.path} has ${size} bytes, but ${this.#length} were written and committed.`);
    if (size > this.#length) ftruncateSync(this.#fd, this.#length);
    if (this.#length > 0 || !this.#sync) return;
    // a new file's name must outlive a crash of the machine as its bytes do
    const dir = openSync(dirname(this.path), 'r');
    try {
      fsyncSync(dir);
    } finally {
      closeSync(dir);
    }
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
    if (!this.#regular) return;
    const { size, ino, dev } = fstatSync(this.#fd);
    const now = statSync(this.path, { throwIfNoEntry: false });
    if (now?.ino !== ino || now.dev !== dev)
      throw new MillraceError('sink_truncated', `${this.path} was removed or replaced while it was written to; ${length} bytes were committed.`);
    this.#cut(size);
  }

  /** Puts the bytes behind the last ones, on the disk on return, and gives the new length. When it throws (storage_full, sink_unwritable) nothing counts as written. */
  write(bytes: Uint8Array): number {
    try {
      for (let at = 0; at < bytes.length; ) {
        at += writeSync(this.#fd, bytes, at, bytes.length - at, this.#regular ? this.#length + at : null);
      }
      if (this.#sync && this.#regular && bytes.length > 0) fdatasyncSync(this.#fd);
    } catch (error) {
      throw this.#unwritable(error);
    }
    this.#length += bytes.length;
    return this.#length;
  }

  close(): void {
    closeSync(this.#fd);
  }

  #unwritable(error: unknown): unknown {
    const failure = storageFailure(error, this.path);
    if (failure instanceof MillraceError && failure.code === 'storage_full') return failure;
    return error instanceof Error ? new MillraceError('sink_unwritable', `${this.path} cannot be written: ${error.message}`, { cause: error }) : error;
  }
}
