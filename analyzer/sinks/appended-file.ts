import type { FileSinkPlan } from '@millrace/pipeline/analyze/plan.ts';
import type { Row } from '@millrace/shared-schemas/types.ts';
import { FileSink } from '@millrace/transport/connectors/file-sink.ts';
import type { Appender } from '@millrace/transport/log.ts';
import { fileRows } from './file-format.ts';
import type { FileRows } from './file-rows.ts';
import type { Sink, SinkCore } from './sink.ts';

/** Appends lines to one file of its own, which is cut back to where the batch begins before its lines are written. The first batch brings the header of CSV. */
export class AppendedFileSink implements Sink {
  readonly #path: string;
  readonly #core: SinkCore;
  readonly #rows: FileRows;
  #file: FileSink | null = null;
  pending = 0;

  constructor(plan: FileSinkPlan, core: SinkCore) {
    this.#path = plan.path;
    this.#core = core;
    this.#rows = fileRows(plan)();
  }

  add(row: Row): void {
    this.#rows.add(row);
    this.pending++;
  }

  take(): Uint8Array | null {
    const taken = this.#rows.take(this.#core.length === 0);
    this.pending = 0;
    this.#core.length += taken.length;
    return taken.length === 0 ? null : taken;
  }

  async recover(_committed: number, undelivered: Uint8Array | null): Promise<void> {
    this.#file = new FileSink(this.#path, this.#core.length - (undelivered?.length ?? 0));
  }

  async deliver(_batch: number, taken: Uint8Array): Promise<readonly Appender[]> {
    const file = this.#file as FileSink;
    file.rewind(this.#core.length - taken.length);
    file.write(taken);
    return [];
  }

  close(): void {
    this.#file?.close();
    this.#file = null;
  }
}
