import type { FileSinkPlan } from '@millrace/pipeline/analyze/plan.ts';
import { jsonEncoder } from '@millrace/shared-schemas/json/encoder.ts';
import { outputFields } from '@millrace/shared-schemas/output-encoder.ts';
import type { Row, RowEncoder } from '@millrace/shared-schemas/types.ts';
import { FileSink } from '@millrace/transport/connectors/file-sink.ts';
import type { Appender } from '@millrace/transport/log.ts';
import type { Sink, SinkCore } from './sink.ts';

const NEWLINE = 10;

/** Appends JSON lines to one file of its own, which is cut back to where the batch begins before its lines are written. */
export class FileLinesSink implements Sink {
  readonly #path: string;
  readonly #core: SinkCore;
  readonly #encode: RowEncoder;
  #file: FileSink | null = null;
  #buffer = Buffer.allocUnsafe(64 * 1024);
  #pos = 0;
  pending = 0;

  constructor(plan: FileSinkPlan, core: SinkCore) {
    this.#path = plan.path;
    this.#core = core;
    this.#encode = jsonEncoder(outputFields(plan.columns, plan.schema));
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
    this.pending++;
  }

  take(): Uint8Array | null {
    if (this.pending === 0) return null;
    const taken = new Uint8Array(this.#buffer.subarray(0, this.#pos));
    this.#core.length += taken.length;
    this.#pos = 0;
    this.pending = 0;
    return taken;
  }

  async recover(_committed: number, undelivered: Uint8Array | null): Promise<void> {
    this.#open(this.#core.length - (undelivered?.length ?? 0));
  }

  async deliver(_batch: number, taken: Uint8Array): Promise<readonly Appender[]> {
    const start = this.#core.length - taken.length;
    // written before, and the mark was lost: write it again in its place
    const file = this.#file?.length === start ? this.#file : this.#open(start);
    file.write(taken);
    return [];
  }

  #open(length: number): FileSink {
    this.#file?.close();
    this.#file = new FileSink(this.#path, length);
    return this.#file;
  }

  close(): void {
    this.#file?.close();
    this.#file = null;
  }
}
