import { closeSync, fstatSync, readSync } from 'node:fs';
import { MillraceError } from '@millrace/runtime/errors.ts';
import type { ParsedSchema } from '@millrace/shared-schemas/avro.ts';
import { type Container, type ContainerBlock, containerBlocks, containerHead } from '@millrace/shared-schemas/container.ts';
import type { Position, Reader, StoredRecord } from '../log.ts';
import { Spans } from '../spans.ts';
import { PlaceIndex } from './place-index.ts';
import { openSource } from './stamp.ts';

const FIRST_READ = 64 * 1024;
/** A head or a block that is longer is taken to be damaged: its length is read from the file. */
const MOST = 2 ** 28;

export interface AvroFileOptions {
  /** what views call the source */
  readonly source: string;
  /** of all records: see `stampFile` */
  readonly timestamp: number;
}

function unreadable(path: string, what: string): MillraceError {
  return new MillraceError('source_unreadable', `${path}: ${what}`);
}

/** Reads from `at` on until `parse` has enough; null when the file ends first. */
function parsed<T>(fd: number, path: string, at: number, first: number, parse: (bytes: Buffer) => T | null): T | null {
  for (let size = first; ; size *= 2) {
    const buffer = Buffer.allocUnsafe(Math.min(size, MOST));
    const bytes = buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, at));
    const found = explained(path, at, () => parse(bytes));
    if (found !== null || bytes.length < buffer.length) return found;
    if (size >= MOST) throw unreadable(path, `what stands at byte ${at} is longer than ${MOST} bytes`);
  }
}

function explained<T>(path: string, at: number, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'source_unreadable')
      throw unreadable(path, at === 0 ? error.message : `${error.message} (byte ${at})`);
    throw error;
  }
}

function headOf(fd: number, path: string): Container {
  const head = parsed(fd, path, 0, FIRST_READ, containerHead);
  if (head === null) throw unreadable(path, 'it ends before its head does, so it is no Avro object container');
  return head;
}

/** The schema that the records of a container file were written with. Throws `MillraceError` source_missing, source_unreadable, schema_invalid. */
export function avroFileSchema(path: string): ParsedSchema {
  const fd = openSource(path);
  try {
    return headOf(fd, path).schema;
  } finally {
    closeSync(fd);
  }
}

interface Block extends ContainerBlock {
  /** number of its first record */
  readonly first: number;
}

/**
 * Reads an Avro object container file that may grow by whole blocks. A record's offset is its number from 0, its value is the
 * record's bytes under the file's own schema. Positions are beginnings of blocks: inside a block it is the block's own, so its
 * first records come again. A block that a limit cuts is an error, since nothing tells a cut file from one still being written.
 */
export class AvroFileReader implements Reader {
  readonly #path: string;
  readonly #options: AvroFileOptions;
  readonly #fd: number;
  readonly #head: Container;
  readonly #read: (buffer: Buffer, pos: number) => ContainerBlock | null;
  readonly #view: Spans;
  readonly #index = new PlaceIndex();
  #again: AvroFileReader | null = null;
  #limit = Number.POSITIVE_INFINITY;
  /** the next block, when none is in hand */
  #place: Position;
  #block: Block | null = null;
  /** the next record of the block in hand */
  #at = 0;
  #size = FIRST_READ;

  /** Throws `MillraceError` source_missing, source_unreadable, schema_invalid; `poll` throws source_changed too. */
  constructor(path: string, options: AvroFileOptions, from: Position = { offset: 0, byte: 0 }, fd = openSource(path)) {
    this.#path = path;
    this.#options = options;
    this.#fd = fd;
    this.#view = new Spans(options.source, 0, 4096);
    this.#place = from;
    try {
      this.#head = headOf(fd, path);
      this.#read = containerBlocks(this.#head);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  get position(): Position {
    return this.#place;
  }

  seek(position: Position): void {
    this.#place = position;
    this.#block = null;
    this.#at = 0;
    this.#view.count = 0;
  }

  end(): Position {
    return { offset: -1, byte: fstatSync(this.#fd).size };
  }

  reached({ byte = 0 }: Position): boolean {
    return this.#block === null && this.#byte >= byte;
  }

  limit(end: Position | null): void {
    this.#limit = end?.byte ?? Number.POSITIVE_INFINITY;
  }

  /** where the next block begins */
  get #byte(): number {
    return Math.max(this.#place.byte ?? 0, this.#head.end);
  }

  poll(maxBytes: number, maxRecords = Number.POSITIVE_INFINITY): Spans | null {
    const view = this.#view;
    view.count = 0;
    while (this.#block === null || this.#at >= this.#block.ends.length) {
      this.#block ??= this.#next();
      if (this.#block === null) return null;
      if (this.#block.ends.length === 0) this.#leave(this.#block);
    }
    const { data, ends, first } = this.#block;
    view.buffer = data;
    let start = this.#at === 0 ? 0 : (ends[this.#at - 1] as number);
    const least = start;
    while (this.#at < ends.length && view.count < maxRecords && (view.count === 0 || start - least < maxBytes)) {
      const n = view.count++;
      const end = ends[this.#at] as number;
      view.reserve(n + 1);
      view.offsets[n] = first + this.#at++;
      view.timestamps[n] = this.#options.timestamp;
      view.keyEnd[n] = -1;
      view.headersEnd[n] = -1;
      view.valueStart[n] = start;
      view.valueEnd[n] = end;
      start = end;
    }
    if (this.#at === ends.length) this.#leave(this.#block);
    return view;
  }

  #leave({ first, ends, next }: Block): void {
    this.#place = { offset: first + ends.length, byte: next };
    this.#block = null;
    this.#at = 0;
  }

  #next(): Block | null {
    const at = this.#byte;
    const first = this.#place.offset;
    if (at >= this.#limit) return null;
    this.#index.add(first, at);
    const block = parsed(this.#fd, this.#path, at, this.#size, (bytes) => this.#read(bytes, 0));
    if (block === null || at + block.next > this.#limit) {
      const { byte: size = 0 } = this.end();
      if (size < at) throw new MillraceError('source_changed', `${this.#path} has ${size} bytes now, but ${at} were read of it before.`);
      if (size >= this.#limit)
        throw unreadable(this.#path, `it ends at byte ${this.#limit}, inside the block that begins at byte ${at}: it was cut off, or is still being written`);
      return null;
    }
    // blocks of a file are about equally long
    this.#size = Math.max(this.#size, Math.min(MOST, block.next));
    return { ...block, next: at + block.next, first };
  }

  lookup(offset: number): StoredRecord | null {
    this.#again ??= new AvroFileReader(this.#path, this.#options, { offset: 0, byte: 0 }, this.#fd);
    return this.#again.#find(offset, this.#index.before(offset));
  }

  #find(offset: number, known: Position): StoredRecord | null {
    if (this.#block === null || offset < this.#block.first) this.seek(known);
    for (;;) {
      this.#block ??= this.#next();
      if (this.#block === null) return null;
      const { first, ends, data } = this.#block;
      const at = offset - first;
      if (at < ends.length) {
        const value = Uint8Array.prototype.slice.call(data, at === 0 ? 0 : ends[at - 1], ends[at]);
        return { key: null, value, timestamp: this.#options.timestamp };
      }
      this.#leave(this.#block);
    }
  }

  close(): void {
    closeSync(this.#fd);
  }
}
