import { fstatSync, readSync } from 'node:fs';
import { MillraceError } from '@millrace/runtime/errors.ts';

const NEWLINE = 10;

/**
 * The part of a file that is in memory: `buffer[0, filled)` holds its bytes from `base` on, and a newline stands behind them.
 * `pos` is where the next record begins.
 */
export class TextWindow {
  buffer: Buffer;
  base = 0;
  filled = 0;
  pos = 0;
  /** no newline stands in `[pos, seen)` */
  seen = 0;
  readonly #fd: number;
  readonly #path: string;

  constructor(fd: number, path: string, chunk: number) {
    this.#fd = fd;
    this.#path = path;
    this.buffer = Buffer.allocUnsafeSlow(chunk + 1);
  }

  /** the byte of the file where the next record begins */
  get at(): number {
    return this.base + this.pos;
  }

  get size(): number {
    return fstatSync(this.#fd).size;
  }

  seek(byte: number): void {
    this.base = byte;
    this.pos = 0;
    this.keep(0);
  }

  /** Forgets the bytes behind the first `filled`. */
  keep(filled: number): void {
    this.filled = filled;
    this.seen = Math.min(this.seen, filled);
    this.buffer[filled] = NEWLINE;
  }

  /** The next record begins there. */
  next(pos: number): void {
    this.pos = pos;
    this.seen = pos;
  }

  /** Moves the record begun to the front. */
  front(): void {
    if (this.pos === 0) return;
    this.buffer.copyWithin(0, this.pos, this.filled);
    this.base += this.pos;
    this.seen = Math.max(0, this.seen - this.pos);
    const { pos } = this;
    this.pos = 0;
    this.keep(this.filled - pos);
  }

  /** Reads on behind the record begun, up to the file's byte `limit`; the buffer grows when that record fills it. False when there is nothing. */
  more(limit: number): boolean {
    this.front();
    if (this.filled + 1 >= this.buffer.length) this.grow(this.buffer.length * 2);
    const read = this.read(this.base + this.filled, this.filled, limit);
    this.keep(this.filled + read);
    return read > 0;
  }

  /** Room for at least `capacity` bytes; those there are kept. */
  grow(capacity: number): void {
    if (capacity <= this.buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(capacity);
    this.buffer.copy(larger, 0, 0, this.filled);
    this.buffer = larger;
  }

  /** Reads bytes of the file from `byte` to `buffer[to …]`, none at or behind `limit`; gives how many. Throws `MillraceError` source_changed when the file has become shorter. */
  read(byte: number, to: number, limit: number): number {
    const room = Math.min(this.buffer.length - 1 - to, limit - byte);
    if (room <= 0) return 0;
    const read = readSync(this.#fd, this.buffer, to, room, byte);
    if (read === 0 && this.size < byte) throw new MillraceError('source_changed', `${this.#path} has ${this.size} bytes now, but was read up to byte ${byte}.`);
    return read;
  }

  /** Whether the byte before the place is part of a line: one that a limit has cut there. */
  cutBefore(byte: number): boolean {
    if (byte === 0) return false;
    const before = Buffer.alloc(1);
    return readSync(this.#fd, before, 0, 1, byte - 1) === 1 && before[0] !== NEWLINE;
  }
}
