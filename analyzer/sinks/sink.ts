import type { Row } from '@millrace/shared-schemas/types.ts';
import type { Appender } from '@millrace/transport/log.ts';
import type { Screen } from './screen.ts';

/**
 * Where a batch's rows leave the analyzer. A batch is encoded first (`add`, `take`), what was taken is made durable by the
 * caller, then delivered; after a crash the same bytes are delivered again, so `deliver` has to be idempotent by batch
 * number. Batches come in ascending order; at most the last one delivered comes a second time.
 */
export interface Sink {
  /** Encodes one row of the batch; the row is overwritten after the call. Throws `FlawError` (value_out_of_range, null_key …) having added nothing. */
  add(row: Row, eventTime: number): void;
  /** A row of the batch that the sink's `where` leaves out. A sink that holds a whole result hears by it that there is a new one, though nothing of it is written. */
  skip?(): void;
  /** the batch's rows as bytes, and begins the next batch; null when there is nothing to deliver. The same rows give the same bytes. */
  take(): Uint8Array | null;
  /** rows added since the last take */
  readonly pending: number;
  /**
   * Makes batch `batch` visible. Gives the appenders that the caller commits together with the batch's own mark; other media are
   * durable on return. Called again with the same arguments it leaves what it left the first time.
   */
  deliver(batch: number, taken: Uint8Array): Promise<readonly Appender[]>;
  /**
   * Called once, before all else: batch `committed` (−1: none) was the last to be delivered for good. `undelivered` was taken of the
   * batch behind it and will be delivered next; null when there is none.
   * @throws MillraceError where the medium is not as this pipeline left it
   */
  recover(committed: number, undelivered: Uint8Array | null): Promise<void>;
  close(): void;
}

/** What a sink keeps between batches: saved with what it took, so it counts that in. Changed by `add` and `take` only. */
export interface SinkCore {
  /** last number by partition, of a topic */
  seqs: number[];
  /** bytes: of a file, or of all files of a directory */
  length: number;
}

/** What all sinks share. */
export interface SinkHost {
  /** wall clock of the batch, epoch ms: the log timestamp of its records */
  readonly wall: () => number;
  /** where console sinks show their rows; default: tables on standard output */
  readonly screen?: Screen;
}
