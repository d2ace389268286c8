import type { Position, Reader, StoredRecord } from '../log.ts';
import { Spans } from '../spans.ts';
import { decimalText, INTEGER_BYTES, jsonText, writeInteger, writePlain, writeString } from './json-bytes.ts';
import { type ParquetColumn, ParquetFile, type ParquetSlice } from './parquet-file.ts';

export interface ParquetOptions {
  /** what views call the source */
  readonly source: string;
  /** of all records: see `stampFile` */
  readonly timestamp: number;
  /** the columns to read; default all */
  readonly columns?: ReadonlySet<string>;
  /** columns whose byte arrays are bytes, given as Latin-1 text as Avro's JSON has it; the others' are text */
  readonly bytes?: ReadonlySet<string>;
  /** timestamp columns given in microseconds; the others come in milliseconds */
  readonly micros?: ReadonlySet<string>;
}

/** Writes one value at `pos`; gives the position behind it, or −1 when it may not fit. Null is its caller's. */
type Write = (value: unknown, buffer: Buffer, pos: number) => number;

const FIRST_CAPACITY = 64 * 1024;
const MOST = 4096;
const DAY = 86_400_000;
const BRACE = 0x7d;

/** a comparison of the bigint itself is slow */
const isSafe = (value: bigint) => Number.isSafeInteger(Number(value));

function writeAny(value: unknown, buffer: Buffer, pos: number): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && buffer.length - pos >= INTEGER_BYTES) return writeInteger(buffer, pos, value);
  if (typeof value === 'bigint' && isSafe(value) && buffer.length - pos >= INTEGER_BYTES) return writeInteger(buffer, pos, Number(value));
  if (typeof value === 'string') return writeString(buffer, pos, value);
  const text = jsonText(value);
  return buffer.length - pos < text.length * 3 ? -1 : pos + buffer.write(text, pos);
}

function unscaled(value: unknown): bigint {
  if (!(value instanceof Uint8Array)) return BigInt(value as number | bigint);
  const hex = Buffer.from(value.buffer, value.byteOffset, value.length).toString('hex');
  return hex === '' ? 0n : BigInt.asIntN(value.length * 8, BigInt(`0x${hex}`));
}

function writerOf({ name, form }: ParquetColumn, micros: ReadonlySet<string>): Write {
  const plainText = (text: (value: unknown) => string): Write => {
    return (value, buffer, pos) => {
      const written = text(value);
      return buffer.length - pos < written.length ? -1 : writePlain(buffer, pos, written);
    };
  };
  switch (form.kind) {
    case 'date':
      return plainText((value) => `"${new Date((value as number) * DAY).toISOString().slice(0, 10)}"`);
    case 'decimal':
      return plainText((value) => decimalText(unscaled(value), form.scale));
    case 'timestamp': {
      const unit = micros.has(name) ? form.perMilli / 1000 : form.perMilli;
      return (value, buffer, pos) => {
        if (buffer.length - pos < INTEGER_BYTES) return -1;
        const raw = value as bigint;
        // a double would round nanoseconds; microseconds of the years 1 to 9999 fit
        const time =
          unit <= 1 ? Number(raw) / unit : isSafe(raw) ? Math.floor(Number(raw) / unit) : Number((raw - (raw < 0n ? BigInt(unit) - 1n : 0n)) / BigInt(unit));
        return writeInteger(buffer, pos, time);
      };
    }
    default:
      return writeAny;
  }
}

/**
 * Reads a Parquet file as JSON lines: a record a row, offset = row number. Integers and decimals in full digits, timestamps as epoch ms,
 * dates as ISO text. A slice of rows is decoded at a time and two are kept, so memory does not grow with the file.
 */
export class ParquetReader implements Reader {
  readonly #file: ParquetFile;
  readonly #options: ParquetOptions;
  readonly #view: Spans;
  readonly #names: readonly Buffer[];
  readonly #writers: readonly Write[];
  #slices: ParquetSlice[] = [];
  #next: number;
  #limit = Number.POSITIVE_INFINITY;

  /** Throws `MillraceError` source_missing, source_unreadable. */
  constructor(path: string, options: ParquetOptions, from: Position = { offset: 0 }) {
    this.#file = new ParquetFile(path, options.columns ?? null, options.bytes ?? new Set());
    this.#options = options;
    this.#view = new Spans(options.source, 0, MOST);
    this.#view.buffer = Buffer.allocUnsafeSlow(FIRST_CAPACITY);
    this.#names = this.#file.columns.map(({ name }, c) => Buffer.from(`${c === 0 ? '{' : ','}${JSON.stringify(name)}:`));
    this.#writers = this.#file.columns.map((column) => writerOf(column, options.micros ?? new Set()));
    this.#next = from.offset;
  }

  get position(): Position {
    return { offset: this.#next };
  }

  seek(position: Position): void {
    this.#next = position.offset;
  }

  end(): Position {
    return { offset: this.#file.rows };
  }

  reached(end: Position): boolean {
    return this.#next >= end.offset;
  }

  limit(end: Position | null): void {
    this.#limit = end === null ? Number.POSITIVE_INFINITY : end.offset;
  }

  poll(maxBytes: number, maxRecords = Number.POSITIVE_INFINITY): Spans | null {
    const view = this.#view;
    view.count = 0;
    const end = Math.min(this.#file.rows, this.#limit);
    if (this.#next >= end) return null;
    const slice = this.#slice(this.#next);
    const most = Math.min(end, slice.to, this.#next + Math.min(MOST, maxRecords)) - this.#next;
    let pos = 0;
    let n = 0;
    while (n < most && pos < maxBytes) {
      const stop = this.#row(slice, this.#next + n, pos);
      view.offsets[n] = this.#next + n;
      view.timestamps[n] = this.#options.timestamp;
      view.keyEnd[n] = -1;
      view.headersEnd[n] = -1;
      view.valueStart[n] = pos;
      view.valueEnd[n] = stop;
      pos = stop;
      n++;
    }
    view.count = n;
    this.#next += n;
    return view;
  }

  /** The slice that holds the row, from the two used last or decoded anew. */
  #slice(row: number): ParquetSlice {
    let slice = this.#slices.find(({ from, to }) => row >= from && row < to);
    if (slice === undefined) {
      // let go of the older one before the next is decoded
      this.#slices.length = Math.min(this.#slices.length, 1);
      slice = this.#file.slice(row);
      this.#slices.unshift(slice);
    }
    return slice;
  }

  /** Writes a row into the view's buffer, which grows as needed. */
  #row(slice: ParquetSlice, row: number, pos: number): number {
    const view = this.#view;
    for (;;) {
      const end = this.#write(slice, row - slice.from, view.buffer, pos);
      if (end >= 0) return end;
      const larger = Buffer.allocUnsafeSlow(view.buffer.length * 2);
      view.buffer.copy(larger, 0, 0, pos);
      view.buffer = larger;
    }
  }

  #write(slice: ParquetSlice, at: number, buffer: Buffer, start: number): number {
    const names = this.#names;
    let pos = start;
    for (let c = 0; c < names.length; c++) {
      const name = names[c];
      if (buffer.length - pos < name.length + 8) return -1;
      for (let i = 0; i < name.length; i++) buffer[pos++] = name[i];
      const value = slice.data[c][at];
      pos = value === null || value === undefined ? writePlain(buffer, pos, 'null') : this.#writers[c](value, buffer, pos);
      if (pos < 0) return -1;
    }
    if (buffer.length - pos < 2) return -1;
    if (names.length === 0) return writePlain(buffer, pos, '{}');
    buffer[pos] = BRACE;
    return pos + 1;
  }

  lookup(offset: number): StoredRecord | null {
    if (!(offset >= 0 && offset < this.#file.rows)) return null;
    const slice = this.#slice(offset);
    for (let buffer = Buffer.allocUnsafe(FIRST_CAPACITY); ; buffer = Buffer.allocUnsafe(buffer.length * 2)) {
      const end = this.#write(slice, offset - slice.from, buffer, 0);
      if (end >= 0) return { key: null, value: buffer.subarray(0, end), timestamp: this.#options.timestamp };
    }
  }

  close(): void {
    this.#slices = [];
    this.#file.close();
  }
}
