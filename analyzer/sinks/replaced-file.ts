import { lstatSync, realpathSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { FileSinkPlan } from '@millrace/pipeline/analyze/plan.ts';
import { MillraceError } from '@millrace/runtime/errors.ts';
import type { Row } from '@millrace/shared-schemas/types.ts';
import { FileSink } from '@millrace/transport/connectors/file-sink.ts';
import type { Appender } from '@millrace/transport/log.ts';
import { NameClaim, putFile, syncDirectory, temporaryOf, writing } from './durable-file.ts';
import { fileRows } from './file-format.ts';
import type { FileRows } from './file-rows.ts';
import type { Sink, SinkCore } from './sink.ts';

/**
 * One file that holds the newest result whole: each is written beside it and takes its name, so a reader sees one or the other. A batch without a
 * result leaves the file as it is. `core.length`: its size.
 */
export class ReplacedFileSink implements Sink {
  readonly #path: string;
  readonly #core: SinkCore;
  readonly #rows: FileRows;
  #hasResult = false;
  /** null: of a device, and before `recover` */
  #claim: NameClaim | null = null;
  pending = 0;

  constructor(plan: FileSinkPlan, core: SinkCore) {
    this.#path = plan.path;
    this.#core = core;
    this.#rows = fileRows(plan)();
  }

  add(row: Row): void {
    this.#hasResult = true;
    this.#rows.add(row);
    this.pending++;
  }

  skip(): void {
    this.#hasResult = true;
  }

  take(): Uint8Array | null {
    if (!this.#hasResult) return null;
    const taken = this.#rows.take(true);
    this.#hasResult = false;
    this.pending = 0;
    this.#core.length = taken.length;
    return taken;
  }

  async recover(committed: number, undelivered: Uint8Array | null): Promise<void> {
    writing(this.#path, () => rmSync(temporaryOf(this.#target()), { force: true }));
    if (committed < 0 || (undelivered === null && this.#core.length === 0)) new FileSink(this.#path, 0).close();
    else if (undelivered === null) this.#check();
    if (statSync(this.#path, { throwIfNoEntry: false })?.isFile() !== false) this.#claim = new NameClaim(this.#target());
  }

  #check(): void {
    const found = statSync(this.#path, { throwIfNoEntry: false });
    if (found !== undefined && (!found.isFile() || found.size >= this.#core.length)) return;
    throw new MillraceError('sink_truncated', `${this.#path} has ${found?.size ?? 0} bytes, but ${this.#core.length} were written and committed.`);
  }

  async deliver(_batch: number, taken: Uint8Array): Promise<readonly Appender[]> {
    const target = this.#target();
    const found = statSync(target, { throwIfNoEntry: false });
    if (found !== undefined && !found.isFile()) {
      // a device has no earlier content to keep
      const device = new FileSink(target, 0);
      device.write(taken);
      device.close();
      return [];
    }
    this.#claim?.check();
    writing(this.#path, () => {
      putFile(target, taken);
      syncDirectory(dirname(target));
    });
    return [];
  }

  /** where a link leads: the file there is replaced, not the link */
  #target(): string {
    return lstatSync(this.#path, { throwIfNoEntry: false })?.isSymbolicLink() ? realpathSync(this.#path) : this.#path;
  }

  close(): void {
    this.#claim?.release();
    this.#claim = null;
  }
}
