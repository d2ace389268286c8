import { InTurn } from '@millrace/runtime/in-turn.ts';
import { type DeadLetter, encodeDeadLetter } from '@millrace/shared-schemas/dead-letter.ts';
import { encodeHeader, MAX_HEADER } from '@millrace/shared-schemas/header.ts';
import type { Column, Row } from '@millrace/shared-schemas/types.ts';
import type { Appender, StoredRecord } from '@millrace/transport/log.ts';
import type { Told } from '../source/unread.ts';
import type { OutputCore } from './core.ts';
import type { Left } from './left.ts';
import type { OutputHost } from './log-output.ts';

const NOTHING = Buffer.alloc(0);

/** Where a record came from, for the headers of its dead letter. */
export interface Origin {
  /** topic, or the id of a source that is no topic */
  readonly topic: string;
  readonly partition: number;
}

/** Finds the source record behind what a task has in hand. */
export interface Lineage {
  origin(index: number): Origin | null;
  /** null when gone; a promise where a broker has to be asked for it */
  record(index: number, offset: number): StoredRecord | null | Promise<StoredRecord | null>;
}

/** Appends what could not be processed to the pipeline's dead-letter topic: the source's own bytes, and why. */
export class DeadLetters {
  readonly #host: OutputHost;
  readonly #core: OutputCore;
  readonly #out: Appender;
  readonly #left: Left;
  readonly #lineage: Lineage;
  readonly #tell: Told;
  readonly #order = new InTurn();
  /** since the last drain, by code */
  counts = new Map<string, number>();

  /** `left`: what of this writer stands in the topic already */
  constructor(host: OutputHost, core: OutputCore, appender: Appender, left: Left, lineage: Lineage, tell: Told) {
    this.#host = host;
    this.#core = core;
    this.#out = appender;
    this.#left = left;
    this.#lineage = lineage;
    this.#tell = tell;
    while (core.seqs.length < appender.partitions) core.seqs.push(0);
  }

  get appender(): Appender {
    return this.#out;
  }

  /** letters that had left are still to be made again */
  get behind(): boolean {
    return this.#left.exceeds(this.#core.seqs);
  }

  /**
   * `row` and `columns`: the record as the step saw it; null at the source itself. Numbered and counted at once; appended once its source record is at hand.
   */
  write(code: string, message: string, step: string, row: Row | null, columns: readonly Column[] | null): void {
    const { time, task, writer, wall } = this.#host;
    this.counts.set(code, (this.counts.get(code) ?? 0) + 1);
    const partition = task % this.#out.partitions;
    const seq = (this.#core.seqs[partition] as number) + 1;
    this.#core.seqs[partition] = seq;
    if (seq <= (this.#left.seqs[partition] as number)) return;
    const origin = time.origin < 0 ? null : this.#lineage.origin(time.origin);
    const own = Buffer.alloc(MAX_HEADER);
    const length = encodeHeader(writer, seq, time.watermark, time.watermark, time.eventTime, time.origin, time.originOffset, own, 0);
    const letter = { code, message, step, origin: origin && { ...origin, offset: time.originOffset } };
    const record = row && columns && this.#tell(row, columns);
    const now = wall();
    this.#order.take(origin && this.#lineage.record(time.origin, time.originOffset), (source) =>
      this.#append(partition, now, { ...letter, source, record: record?.(source) ?? null }, own.subarray(0, length)),
    );
  }

  /** letters wait for their source records */
  get unsettled(): boolean {
    return this.#order.waits;
  }

  /** Resolves when every letter written is appended: before its appender goes into a commit. */
  settle(): Promise<void> {
    return this.#order.settle();
  }

  #append(partition: number, now: number, letter: DeadLetter, own: Uint8Array): void {
    const { key, value, headers } = encodeDeadLetter(letter, own);
    const out = this.#out;
    const keyBytes = key ?? NOTHING;
    const keyEnd = key === null ? -1 : key.length;
    if (value === null) {
      out.null(partition, now, keyBytes, 0, keyEnd, headers, 0, headers.length);
      return;
    }
    let pos = out.begin(partition, now, keyBytes, 0, keyEnd);
    while (pos + value.length > out.buffer.length) pos = out.grow();
    out.buffer.set(value, pos);
    out.end(pos + value.length, headers, 0, headers.length);
  }
}
