import { closeSync } from 'node:fs';
import type { Position, Reader, StoredRecord } from '../log.ts';
import { Spans } from '../spans.ts';
import { PlaceIndex } from './place-index.ts';
import { openSource } from './stamp.ts';
import { TextWindow } from './text-window.ts';

const CHUNK = 1024 * 1024;
const LOOKUP_CHUNK = 128 * 1024;
const NEWLINE = 10;
const RETURN = 13;
const BOM = 0xefbbbf;

/** How records stand in a file of text. */
export interface Framing {
  /** the newline that ends the record at `start`, of which `[start, seen)` holds none; −1 when there is none before `end`. `buffer[end]` is a newline. */
  find(buffer: Buffer, start: number, seen: number, end: number): number;
  /** whether what stands in `[start, end)`, its line end cut off, is no record */
  blank(buffer: Buffer, start: number, end: number): boolean;
  /** the first record names the columns and is none */
  readonly header: boolean;
  /** records may hold newlines; one longer than `maxRecord` ends at the first newline behind that nevertheless, so that a stray quote does not take the rest of the file */
  readonly multiline: boolean;
}

export interface FileOptions {
  /** what views call the source */
  readonly source: string;
  /** of all records: see `stampFile` */
  readonly timestamp: number;
  /** bytes; a longer record is delivered cut to one byte more */
  readonly maxRecord: number;
  /** bytes read at a time */
  readonly chunk?: number;
}

/**
 * Reads records that end with a newline from a file that may grow. A record's offset is the number of its (first) line from 0,
 * blank lines and the header counted. A byte order mark, CRLF and a missing last newline are fine: a last line without one is
 * taken when a limit says so, exactly as far as the limit; should the line go on later, its rest is a record of its own.
 */
export class FileReader implements Reader {
  readonly #path: string;
  readonly #framing: Framing;
  readonly #options: FileOptions;
  readonly #fd: number;
  readonly #window: TextWindow;
  readonly #view: Spans;
  readonly #index = new PlaceIndex();
  #again: FileReader | null = null;
  #limit = Number.POSITIVE_INFINITY;
  #line = 0;
  /** the header has not been passed */
  #heading = false;
  /** the line before was cut by a limit */
  #cut = false;
  /** a record longer than `maxRecord` begins the window, and up to this byte of the file it has no end; −1: none does */
  #skipped = -1;

  constructor(path: string, framing: Framing, options: FileOptions, from: Position, fd = openSource(path)) {
    this.#path = path;
    this.#framing = framing;
    this.#options = options;
    this.#fd = fd;
    this.#window = new TextWindow(fd, path, options.chunk ?? CHUNK);
    this.#view = new Spans(options.source, 0, 4096);
    this.seek(from);
  }

  get position(): Position {
    return this.#heading ? { offset: 0, byte: 0 } : { offset: this.#line, byte: this.#window.at };
  }

  seek({ offset, byte = 0 }: Position): void {
    this.#window.seek(byte);
    this.#line = offset;
    this.#view.count = 0;
    this.#skipped = -1;
    this.#heading = this.#framing.header && byte === 0;
    this.#cut = this.#window.cutBefore(byte);
  }

  end(): Position {
    return { offset: -1, byte: this.#window.size };
  }

  reached({ byte = 0 }: Position): boolean {
    return this.#window.at >= byte;
  }

  limit(end: Position | null): void {
    this.#limit = end?.byte ?? Number.POSITIVE_INFINITY;
    const window = this.#window;
    if (window.base + window.filled > this.#limit) window.keep(Math.max(window.pos, this.#limit - window.base));
    this.#skipped = -1;
  }

  poll(maxBytes: number, maxRecords = Number.POSITIVE_INFINITY): Spans | null {
    const view = this.#view;
    const window = this.#window;
    view.count = 0;
    this.#index.add(this.#line, window.at);
    if (window.at === 0) this.#passMark();
    if (this.#cut) this.#passLineEnd();
    let room = maxBytes;
    while (!this.#cut && view.count < maxRecords && (room > 0 || view.count === 0)) {
      const newline = this.#skipped < 0 ? this.#framing.find(window.buffer, window.pos, window.seen, window.filled) : -1;
      if (newline >= 0) {
        room -= newline - window.pos;
        this.#take(newline);
        window.next(newline + 1);
        continue;
      }
      // reading on would move the records that the view shows already
      if (view.count > 0) break;
      window.seen = window.filled;
      if (this.#skipped >= 0 || this.#isLong()) {
        if (!this.#skip()) break;
      } else if (!window.more(this.#limit)) {
        if (window.pos < window.filled && window.base + window.filled >= this.#limit) this.#takeRest();
        break;
      }
    }
    view.buffer = window.buffer;
    return view.count === 0 ? null : view;
  }

  /** Passes over a byte order mark. */
  #passMark(): void {
    const window = this.#window;
    while (window.filled < 3 && window.more(this.#limit));
    if (window.filled >= 3 && window.buffer.readUIntBE(0, 3) === BOM) window.next(3);
  }

  /** Passes over the line end of a line that a limit has cut, once it is there. */
  #passLineEnd(): void {
    const window = this.#window;
    while (window.filled - window.pos < 2 && window.more(this.#limit));
    const { buffer, pos, filled } = window;
    if (pos === filled || (buffer[pos] === RETURN && pos + 1 === filled)) return;
    if (buffer[pos] === NEWLINE) window.next(pos + 1);
    else if (buffer[pos] === RETURN && buffer[pos + 1] === NEWLINE) window.next(pos + 2);
    this.#cut = false;
  }

  /** Takes a last line that has no newline. */
  #takeRest(): void {
    this.#take(this.#window.filled);
    this.#window.next(this.#window.filled);
    this.#cut = true;
  }

  /** Adds the record that ends at `end` to the view, unless it is none, and counts its lines. */
  #take(end: number): void {
    const { buffer, pos } = this.#window;
    const stop = end > pos && buffer[end - 1] === RETURN ? end - 1 : end;
    if (!this.#framing.blank(buffer, pos, stop)) this.#add(pos, Math.min(stop, pos + this.#options.maxRecord + 1));
    this.#countLines(end);
  }

  /** Counts the lines of the record begun, which ends at `end`. */
  #countLines(end: number): void {
    this.#line++;
    if (!this.#framing.multiline) return;
    const { buffer, pos } = this.#window;
    for (let newline = buffer.indexOf(NEWLINE, pos); newline >= 0 && newline < end; newline = buffer.indexOf(NEWLINE, newline + 1)) this.#line++;
  }

  #add(start: number, end: number): void {
    if (this.#heading) {
      this.#heading = false;
      return;
    }
    const view = this.#view;
    const n = view.count++;
    view.reserve(n + 1);
    view.offsets[n] = this.#line;
    view.timestamps[n] = this.#options.timestamp;
    view.keyEnd[n] = -1;
    view.headersEnd[n] = -1;
    view.valueStart[n] = start;
    view.valueEnd[n] = end;
  }

  /** Whether the record begun is too long to be held until its end comes. */
  #isLong(): boolean {
    return this.#window.filled - this.#window.pos > this.#options.maxRecord;
  }

  /** Looks for the end of a record too long, of which only the beginning is kept, and takes it. False when there is no end yet. */
  #skip(): boolean {
    const window = this.#window;
    const head = this.#options.maxRecord + 1;
    if (this.#skipped < 0) {
      window.front();
      window.keep(head);
      window.grow(head + CHUNK);
      this.#skipped = window.base + head;
    }
    for (;;) {
      const read = window.read(this.#skipped, head, this.#limit);
      const end = head + read;
      window.buffer[end] = NEWLINE;
      const newline = window.buffer.indexOf(NEWLINE, head);
      const found = newline < end;
      if (!found && read > 0) {
        this.#skipped += read;
        continue;
      }
      if (!found && this.#skipped < this.#limit) {
        window.keep(head);
        return false;
      }
      this.#add(0, head);
      this.#countLines(head);
      window.base = this.#skipped - head;
      window.keep(end);
      window.next(found ? newline + 1 : end);
      this.#cut = !found;
      this.#skipped = -1;
      return found;
    }
  }

  lookup(offset: number): StoredRecord | null {
    this.#again ??= new FileReader(this.#path, this.#framing, { ...this.#options, chunk: LOOKUP_CHUNK }, { offset: 0, byte: 0 }, this.#fd);
    return this.#again.#find(offset, this.#index.before(offset));
  }

  /** The record at `offset`, from the records in hand or read again from the nearest place known before it (`known`, or one of this reader's own). */
  #find(offset: number, known: Position): StoredRecord | null {
    const view = this.#view;
    if (view.count === 0 || offset < view.offsets[0] || offset >= this.#line) {
      const own = this.#index.before(offset);
      const from = own.offset > known.offset ? own : known;
      if (offset < this.#line || from.offset > this.#line) this.seek(from);
      this.limit(this.end());
      while (this.poll(LOOKUP_CHUNK) !== null && view.offsets[view.count - 1] < offset);
    }
    const at = view.offsets.subarray(0, view.count).indexOf(offset);
    if (at < 0) return null;
    return { key: null, value: Uint8Array.prototype.slice.call(view.buffer, view.valueStart[at], view.valueEnd[at]), timestamp: view.timestamps[at] };
  }

  close(): void {
    closeSync(this.#fd);
  }
}
