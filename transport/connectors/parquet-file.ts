import { closeSync, fstatSync, readSync } from 'node:fs';
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { MillraceError } from '@millrace/runtime/errors.ts';
import { type DataReader, type DecodedArray, type FileMetaData, flatten, parquetMetadata, parquetSchema, type SchemaElement, type SchemaTree } from 'hyparquet';
// the parts below decode without promises; the package's front door does not
import { assembleNested } from 'hyparquet/src/assemble.js';
import { parquetHeader, readColumn, readPage } from 'hyparquet/src/column.js';
import { convert, convertWithDictionary, DEFAULT_PARSERS } from 'hyparquet/src/convert.js';
import { decompressPage, readDataPage, readDataPageV2 } from 'hyparquet/src/datapage.js';
import { parquetPlan } from 'hyparquet/src/plan.js';
import { getTreePath, isFlatColumn } from 'hyparquet/src/schema.js';
import { compressors } from 'hyparquet-compressors';
import { unpackHadoopLz4, unpackLz4 } from './lz4.ts';
import { openSource } from './stamp.ts';

/** rows decoded at a time; pages before them are passed over, not decoded */
const SLICE = 128 * 1024;
const FOOTER_TAIL = 8;

/** What a column's decoded values stand for, beyond themselves. */
type ParquetForm =
  | { readonly kind: 'plain' | 'date' }
  | { readonly kind: 'timestamp'; readonly perMilli: number }
  | { readonly kind: 'decimal'; readonly scale: number };

export interface ParquetColumn {
  readonly name: string;
  readonly form: ParquetForm;
}

/** Decoded rows `[from, to)`, column by column. */
export interface ParquetSlice {
  readonly from: number;
  readonly to: number;
  /** value of column c in row r: `data[c][r − from]` */
  readonly data: readonly ArrayLike<unknown>[];
}

const parsers = {
  ...DEFAULT_PARSERS,
  timestampFromMilliseconds: (millis: bigint) => Number(millis),
  timestampFromMicroseconds: (micros: bigint) => Math.floor(Number(micros) / 1000),
  timestampFromNanoseconds: (nanos: bigint) => Number(nanos / 1_000_000n),
  dateFromDays: (days: number) => new Date(days * 86_400_000).toISOString().slice(0, 10),
};

const decompressors = {
  ...compressors,
  // Node's own are faster, and the package's LZ4 misreads matches of 15 bytes
  LZ4: unpackHadoopLz4,
  LZ4_RAW: unpackLz4,
  GZIP: (input: Uint8Array) => gunzipSync(input),
  BROTLI: (input: Uint8Array) => brotliDecompressSync(input),
  ZSTD: (input: Uint8Array) => zstdDecompressSync(input),
};

/** A Parquet file, read in slices of rows; decoding is synchronous. The only place that knows hyparquet. */
export class ParquetFile {
  readonly path: string;
  readonly rows: number;
  readonly columns: readonly ParquetColumn[];
  readonly #fd: number;
  readonly #metadata: FileMetaData;
  readonly #tree: SchemaTree;
  readonly #bytes: ReadonlySet<string>;

  /**
   * `wanted`: the columns to read (null: all); `bytes`: those whose byte arrays are no text.
   * Throws `MillraceError` source_missing, source_unreadable.
   */
  constructor(path: string, wanted: ReadonlySet<string> | null, bytes: ReadonlySet<string>) {
    this.path = path;
    this.#bytes = bytes;
    this.#fd = openSource(path);
    try {
      this.#metadata = parquetMetadata(this.#footer(), { parsers });
    } catch (error) {
      closeSync(this.#fd);
      throw this.#unreadable(error);
    }
    this.rows = Number(this.#metadata.num_rows);
    const forms = new Map<string, ParquetForm>();
    for (const { element, children } of parquetSchema(this.#metadata).children)
      forms.set(element.name, children.length > 0 ? { kind: 'plain' } : takeForm(element));
    this.#tree = parquetSchema(this.#metadata);
    this.columns = this.#tree.children
      .map(({ element }) => ({ name: element.name, form: forms.get(element.name) as ParquetForm }))
      .filter(({ name }) => wanted === null || wanted.has(name));
  }

  #footer(): Uint8Array<ArrayBuffer> {
    const { size } = fstatSync(this.#fd);
    if (size < FOOTER_TAIL) throw new Error('it is too short');
    const length = this.#read(size - FOOTER_TAIL, size - FOOTER_TAIL / 2).readUInt32LE() + FOOTER_TAIL;
    return this.#read(Math.max(0, size - length), size);
  }

  #read(from: number, to: number): Buffer<ArrayBuffer> {
    const buffer = Buffer.allocUnsafeSlow(to - from);
    for (let at = 0; at < buffer.length; ) {
      const read = readSync(this.#fd, buffer, at, buffer.length - at, from + at);
      if (read === 0) throw new MillraceError('source_changed', `${this.path} has become shorter.`);
      at += read;
    }
    return buffer;
  }

  #unreadable(error: unknown): unknown {
    if (error instanceof MillraceError) return error;
    return new MillraceError('source_unreadable', `${this.path} is no Parquet file that can be read: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    });
  }

  /** The slice that holds a row. Throws `MillraceError` source_unreadable, source_changed. */
  slice(row: number): ParquetSlice {
    try {
      let start = 0;
      for (const group of this.#metadata.row_groups) {
        const end = start + Number(group.num_rows);
        if (row < end) {
          const from = start + Math.floor((row - start) / SLICE) * SLICE;
          const to = Math.min(end, from + SLICE);
          return { from, to, data: this.columns.map(({ name }) => this.#column(name, from, to)) };
        }
        start = end;
      }
    } catch (error) {
      throw this.#unreadable(error);
    }
    throw new RangeError(`${this.path} has no row ${row}`);
  }

  #column(name: string, from: number, to: number): ArrayLike<unknown> {
    const [group] = parquetPlan({
      file: { byteLength: 0, slice: () => new ArrayBuffer(0) },
      metadata: this.#metadata,
      rowStart: from,
      rowEnd: to,
      columns: [name],
    }).groups;
    const parts = new Map<string, DecodedArray>();
    let first = from - group.groupStart;
    for (const { columnMetadata, range } of group.chunks) {
      const { path_in_schema: pathInSchema } = columnMetadata;
      const schemaPath = getTreePath(this.#tree, pathInSchema);
      const { element } = schemaPath[schemaPath.length - 1];
      const bytes = this.#read(range.startByte, range.endByte);
      const decoder = {
        pathInSchema,
        element,
        schemaPath,
        parsers,
        compressors: decompressors,
        ...columnMetadata,
        utf8: isText(element) && !this.#bytes.has(name),
      };
      const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), offset: 0 };
      if (isFlatColumn(schemaPath)) return readFlat(reader, decoder, from - group.groupStart, to - group.groupStart);
      const { data, skipped } = readColumn(reader, group, decoder, undefined);
      parts.set(pathInSchema.join('.'), flatten(data));
      if (skipped > 0) first = from - group.groupStart - skipped;
    }
    const node = this.#tree.children.find(({ element }) => element.name === name) as SchemaTree;
    if (node.children.length > 0) assembleNested(parts, node, parsers);
    const values = parts.get(name);
    if (values === undefined) throw new Error(`column ${name} cannot be put together`);
    return first === 0 && values.length === to - from ? values : values.slice(first, first + to - from);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/**
 * Rows [from, to) of a row group's column that is neither nested nor repeated. hyparquet's own `readColumn` puts the values of
 * such a column together as if it were a list, which costs more than all the rest.
 */
function readFlat(reader: DataReader, decoder: Parameters<typeof readColumn>[2], from: number, to: number): ArrayLike<unknown> {
  const values = new Array<unknown>(to - from);
  let dictionary: DecodedArray | undefined;
  let row = 0;
  while (row < to && reader.offset < reader.view.byteLength - 1) {
    const header = parquetHeader(reader);
    const about = header.data_page_header ?? header.data_page_header_v2;
    if (about === undefined) {
      const { data } = readPage(reader, header, decoder, undefined, undefined, 0);
      if (data !== undefined) dictionary = convert(data, decoder);
      continue;
    }
    const end = row + about.num_values;
    const start = reader.offset;
    reader.offset += header.compressed_page_size;
    if (end > from) {
      const bytes = new Uint8Array(reader.view.buffer, reader.view.byteOffset + start, header.compressed_page_size);
      const page = header.data_page_header
        ? readDataPage(decompressPage(bytes, Number(header.uncompressed_page_size), decoder.codec, decoder.compressors), header.data_page_header, decoder)
        : readDataPageV2(bytes, header, decoder);
      place(values, row - from, convertWithDictionary(page.dataPage, dictionary, about.encoding, decoder), page.definitionLevels ?? []);
    }
    row = end;
  }
  if (row < to) throw new Error(`column ${decoder.pathInSchema.join('.')} ends at row ${row} of its row group`);
  return values;
}

/** Puts a page's values where they belong, its first at `at`; what is beyond the ends is left out. `levels`: none when no value is NULL, else 0 where one is. */
function place(values: unknown[], at: number, page: DecodedArray, levels: readonly number[]): void {
  const nulls = levels.length > 0;
  const count = Math.min(nulls ? levels.length : page.length, values.length - at);
  let next = 0;
  for (let i = 0; i < count; i++) {
    const value = nulls && levels[i] === 0 ? null : page[next++];
    if (at + i >= 0) values[at + i] = value;
  }
}

/** Whether byte arrays of the column may be text: a decimal's digits are not. */
function isText(element: SchemaElement): boolean {
  return !('scale' in element && element.scale !== undefined);
}

/** What a column of its own stands for; hyparquet is told to leave its values as they are. */
function takeForm(element: SchemaElement): ParquetForm {
  const { type, converted_type: converted, logical_type: logical, scale = 0 } = element;
  const raw = (form: ParquetForm): ParquetForm => {
    element.converted_type = undefined;
    element.logical_type = undefined;
    return form;
  };
  if (converted === 'DECIMAL' || logical?.type === 'DECIMAL') return raw({ kind: 'decimal', scale });
  if (converted === 'DATE' || logical?.type === 'DATE') return raw({ kind: 'date' });
  if (type === 'INT64') {
    if (converted === 'TIMESTAMP_MILLIS' || (logical?.type === 'TIMESTAMP' && logical.unit === 'MILLIS')) return raw({ kind: 'timestamp', perMilli: 1 });
    if (converted === 'TIMESTAMP_MICROS' || (logical?.type === 'TIMESTAMP' && logical.unit === 'MICROS')) return raw({ kind: 'timestamp', perMilli: 1000 });
    if (logical?.type === 'TIMESTAMP' && logical.unit === 'NANOS') return raw({ kind: 'timestamp', perMilli: 1_000_000 });
  }
  return { kind: 'plain' };
}
