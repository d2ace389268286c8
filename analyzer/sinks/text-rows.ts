import type { Row, RowEncoder } from '@millrace/shared-schemas/types.ts';
import type { FileRows } from './file-rows.ts';

const NEWLINE = 10;
const FIRST_BYTES = 1024;

/** Rows as lines, behind a header when the file begins. */
export class TextRows implements FileRows {
  readonly #encode: RowEncoder;
  readonly #header: Uint8Array;
  #buffer = Buffer.allocUnsafe(FIRST_BYTES);
  #pos = 0;

  constructor(encode: RowEncoder, header: Uint8Array) {
    this.#encode = encode;
    this.#header = header;
  }

  add(row: Row): void {
    let end = this.#encode(row, this.#buffer, this.#pos);
    while (end < 0 || end >= this.#buffer.length) {
      const larger = Buffer.allocUnsafe(this.#buffer.length * 2);
      this.#buffer.copy(larger, 0, 0, this.#pos);
      this.#buffer = larger;
      end = this.#encode(row, this.#buffer, this.#pos);
    }
    this.#buffer[end] = NEWLINE;
    this.#pos = end + 1;
  }

  take(start: boolean): Uint8Array {
    const rows = this.#buffer.subarray(0, this.#pos);
    this.#pos = 0;
    return new Uint8Array(start ? Buffer.concat([this.#header, rows]) : rows);
  }
}
