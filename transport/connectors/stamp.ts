import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { MillraceError } from '@millrace/runtime/errors.ts';

/** this much is hashed of the beginning of a file, and before the place up to which it was read */
const HEAD = 64 * 1024;
const TAIL = 4 * 1024;

/** What is remembered of a file at its first opening: JSON in, JSON out. */
export interface FileStamp {
  readonly size: number;
  /** whole ms of its modification time: the timestamp of its records for ever */
  readonly mtimeMs: number;
}

/** Where a file had been read to, and what stood before that place. */
export interface FileMark {
  /** bytes consumed */
  readonly byte: number;
  /** hashes of the first 64 KiB and of the last 4 KiB of the consumed part */
  readonly head: string;
  readonly tail: string;
}

function missing(path: string, error: unknown): MillraceError {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT') return new MillraceError('source_missing', `${path} is not there.`, { cause: error });
  return new MillraceError('source_unreadable', `${path} cannot be read: ${(error as Error).message}`, { cause: error });
}

/** Opens a file for reading. Throws `MillraceError` source_missing or source_unreadable (no permission, a directory). */
export function openSource(path: string): number {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    throw missing(path, error);
  }
  if (!fstatSync(fd).isDirectory()) return fd;
  closeSync(fd);
  throw new MillraceError('source_unreadable', `${path} is a directory.`);
}

function withSource<T>(path: string, use: (fd: number) => T): T {
  const fd = openSource(path);
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}

/** Stamps a file at its first opening. */
export function stampFile(path: string): FileStamp {
  return withSource(path, (fd) => {
    const { size, mtimeMs } = fstatSync(fd);
    return { size, mtimeMs: Math.floor(mtimeMs) };
  });
}

function hashOf(fd: number, from: number, to: number): string {
  const part = Buffer.allocUnsafe(to - from);
  return createHash('sha256')
    .update(part.subarray(0, readSync(fd, part, 0, part.length, from)))
    .digest('base64');
}

/** Marks places of one file; cheap enough for every commit (a read and a hash of 4 KiB). */
export class FileMarker {
  readonly #fd: number;
  #head = '';
  #headEnd = -1;

  /** Throws `MillraceError` source_missing or source_unreadable. */
  constructor(path: string) {
    this.#fd = openSource(path);
  }

  /** The mark of the place behind the first `byte` bytes. */
  mark(byte: number): FileMark {
    const headEnd = Math.min(HEAD, byte);
    if (headEnd !== this.#headEnd) this.#head = hashOf(this.#fd, 0, headEnd);
    this.#headEnd = headEnd;
    return { byte, head: this.#head, tail: hashOf(this.#fd, Math.max(0, byte - TAIL), byte) };
  }

  /** bytes in the file now */
  get size(): number {
    return fstatSync(this.#fd).size;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/**
 * Checks that what was read of a file still stands. Throws `MillraceError` source_missing, or source_changed: shorter now, or other
 * bytes in the first 64 KiB or the last 4 KiB of the consumed part. A change of equal length between those is not seen (that would
 * cost reading everything again); what lies behind the mark may change freely.
 */
export function checkMark(path: string, mark: FileMark): void {
  const marker = new FileMarker(path);
  try {
    const { size } = marker;
    if (size < mark.byte) throw new MillraceError('source_changed', `${path} has ${size} bytes now, but ${mark.byte} were read of it before.`);
    const now = marker.mark(mark.byte);
    if (now.head !== mark.head || now.tail !== mark.tail)
      throw new MillraceError('source_changed', `${path} was changed before byte ${mark.byte}, up to which it had been read.`);
  } finally {
    marker.close();
  }
}
