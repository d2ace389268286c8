import type { FileSinkPlan } from '@millrace/pipeline/analyze/plan.ts';
import { MillraceError } from '@millrace/runtime/errors.ts';
import { ByteReader, ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import type { Row } from '@millrace/shared-schemas/types.ts';
import type { Appender } from '@millrace/transport/log.ts';
import { NameClaim, writing } from './durable-file.ts';
import { EXTENSIONS, fileRows } from './file-format.ts';
import type { FileRows } from './file-rows.ts';
import { PartDirectory, partName } from './part-directory.ts';
import { partitionPath } from './partition-path.ts';
import type { Sink, SinkCore } from './sink.ts';

/**
 * A directory with a file a batch, or with `partition_by` one a batch and directory. The batch's number is in the name, so writing it again replaces it.
 * `complete` then removes the files of the batches before; a batch without a result leaves them. `core.length`: bytes of all files.
 */
export class PartFilesSink implements Sink {
  readonly #plan: FileSinkPlan;
  readonly #core: SinkCore;
  readonly #rowsOf: () => FileRows;
  readonly #directoryOf: (row: Row) => string;
  readonly #directory: PartDirectory;
  readonly #replaces: boolean;
  /** null before `recover` */
  #claim: NameClaim | null = null;
  #open = new Map<string, FileRows>();
  #hasResult = false;
  pending = 0;

  constructor(plan: FileSinkPlan, core: SinkCore) {
    this.#plan = plan;
    this.#core = core;
    this.#rowsOf = fileRows(plan);
    this.#directoryOf = partitionPath(plan.partitionBy);
    this.#directory = new PartDirectory(plan.path);
    this.#replaces = plan.mode === 'complete';
  }

  add(row: Row): void {
    this.skip();
    const directory = this.#directoryOf(row);
    const open = this.#open.get(directory);
    const rows = open ?? this.#rowsOf();
    rows.add(row);
    if (open === undefined) this.#open.set(directory, rows);
    this.#hasResult = true;
    this.pending++;
  }

  skip(): void {
    if (this.#replaces) this.#hasResult = true;
  }

  take(): Uint8Array | null {
    if (!this.#hasResult) return null;
    if (this.#replaces) this.#core.length = 0;
    const block = new ByteWriter();
    for (const [directory, rows] of this.#open) {
      const bytes = rows.take(true);
      block.text(directory);
      block.bytes(bytes);
      this.#core.length += bytes.length;
    }
    this.#open = new Map();
    this.#hasResult = false;
    this.pending = 0;
    return block.finish();
  }

  async recover(committed: number, undelivered: Uint8Array | null): Promise<void> {
    const { path } = this.#plan;
    writing(path, () => this.#directory.make());
    this.#claim = new NameClaim(path);
    writing(path, () => {
      const parts = this.#directory.scan();
      const expected = this.#expected(committed, undelivered);
      const kept = parts.filter(({ batch }) => batch <= committed && expected !== 0);
      this.#directory.remove(parts.filter((part) => !kept.includes(part)));
      const found = kept.reduce((sum, { bytes }) => sum + bytes, 0);
      if (expected !== null && found < expected)
        throw new MillraceError('sink_truncated', `The files in ${path} have ${found} bytes, but ${expected} were written and committed.`);
    });
  }

  /** bytes that the committed batches left; null: not known, for the batch that is delivered next may already have removed them */
  #expected(committed: number, undelivered: Uint8Array | null): number | null {
    if (committed < 0) return 0;
    if (undelivered === null) return this.#core.length;
    if (this.#replaces) return null;
    return [...unpack(undelivered)].reduce((sum, [, bytes]) => sum - bytes.length, this.#core.length);
  }

  async deliver(batch: number, taken: Uint8Array): Promise<readonly Appender[]> {
    const { path, format } = this.#plan;
    const name = partName(batch, EXTENSIONS[format]);
    const files = new Map([...unpack(taken)].map(([directory, bytes]) => [directory === '' ? name : `${directory}/${name}`, bytes]));
    this.#claim?.check();
    writing(path, () => {
      this.#directory.put(files);
      if (this.#replaces) this.#directory.remove(this.#directory.scan().filter((part) => part.batch < batch));
    });
    return [];
  }

  close(): void {
    this.#claim?.release();
    this.#claim = null;
  }
}

function* unpack(taken: Uint8Array): Generator<[directory: string, bytes: Uint8Array]> {
  const block = new ByteReader(taken);
  while (!block.done) yield [block.text(), block.bytes()];
}
