import type { Row, RowEncoder } from '@millrace/shared-schemas/types.ts';
import type { FileSink } from '@millrace/transport/connectors/file-sink.ts';
import type { OutputCore } from './core.ts';

const NEWLINE = 10;

/** Lines for a file that this task alone writes; its committed length is part of the task's core. */
export class FileOutput {
  readonly #sink: FileSink;
  readonly #core: OutputCore;
  readonly #encode: RowEncoder;
  #buffer = Buffer.allocUnsafe(256 * 1024);
  #pos = 0;
  #written = 0;
  replaying = false;

  constructor(sink: FileSink, core: OutputCore, encode: RowEncoder) {
    this.#sink = sink;
    this.#core = core;
    this.#encode = encode;
  }

  drainCount(): number {
    const written = this.#written;
    this.#written = 0;
    return written;
  }

  /** Throws `FlawError` having written nothing. */
  write(row: Row): void {
    let end = this.#encode(row, this.#buffer, this.#pos);
    while (end < 0 || end >= this.#buffer.length) {
      this.#grow();
      end = this.#encode(row, this.#buffer, this.#pos);
    }
    this.#buffer[end] = NEWLINE;
    this.#core.length += end + 1 - this.#pos;
    this.#pos = end + 1;
    this.#written++;
    if (this.replaying) this.#pos = 0;
  }

  /** The first line of a CSV file, before any other; it is there already when something was committed. */
  header(line: string): void {
    if (this.#core.length > 0) return;
    const bytes = Buffer.from(`${line}\n`);
    this.#core.length = bytes.length;
    if (this.#sink.length === 0) this.#sink.write(bytes);
  }

  #grow(): void {
    const larger = Buffer.allocUnsafe(this.#buffer.length * 2);
    this.#buffer.copy(larger, 0, 0, this.#pos);
    this.#buffer = larger;
  }

  /** puts the lines on disk, before the commit that counts them; false when there were none */
  flush(): boolean {
    if (this.#pos === 0) return false;
    this.#sink.write(this.#buffer.subarray(0, this.#pos));
    this.#pos = 0;
    return true;
  }

  close(): void {
    this.#sink.close();
  }
}
