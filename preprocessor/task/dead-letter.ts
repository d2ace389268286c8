import { encodeDeadLetter } from '@millrace/shared-schemas/dead-letter.ts';
import { encodeHeader, MAX_HEADER } from '@millrace/shared-schemas/header.ts';
import { rowJson } from '@millrace/shared-schemas/json/value.ts';
import type { Column, Row } from '@millrace/shared-schemas/types.ts';
import type { Appender, StoredRecord } from '@millrace/transport/log.ts';
import type { Complete } from '../source/unread.ts';
import type { OutputCore } from './core.ts';
import type { OutputHost } from './log-output.ts';
import { NullAppender } from './null-appender.ts';

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
  record(index: number, offset: number): StoredRecord | null;
}

/** Appends what could not be processed to the pipeline's dead-letter topic: the source's own bytes, and why. */
export class DeadLetters {
  readonly #host: OutputHost;
  readonly #core: OutputCore;
  readonly #live: Appender;
  readonly #lineage: Lineage;
  readonly #complete: Complete;
  #out: Appender;
  /** since the last drain, by code */
  counts = new Map<string, number>();

  constructor(host: OutputHost, core: OutputCore, appender: Appender, lineage: Lineage, complete: Complete) {
    this.#host = host;
    this.#core = core;
    this.#live = appender;
    this.#out = appender;
    this.#lineage = lineage;
    this.#complete = complete;
    while (core.seqs.length < appender.partitions) core.seqs.push(0);
  }

  set replaying(on: boolean) {
    this.#out = on ? new NullAppender(this.#live.topic, this.#live.partitions) : this.#live;
  }

  get appender(): Appender {
    return this.#live;
  }

  /** `row` and `columns`: the record as the step saw it; null at the source itself */
  write(code: string, message: string, step: string, row: Row | null, columns: readonly Column[] | null): void {
    const { time, task, writer, wall } = this.#host;
    this.counts.set(code, (this.counts.get(code) ?? 0) + 1);
    const partition = task % this.#out.partitions;
    const seq = (this.#core.seqs[partition] as number) + 1;
    this.#core.seqs[partition] = seq;
    if (this.#out !== this.#live) return;
    const origin = time.origin < 0 ? null : this.#lineage.origin(time.origin);
    const record = origin && this.#lineage.record(time.origin, time.originOffset);
    const own = Buffer.alloc(MAX_HEADER);
    const length = encodeHeader(writer, seq, time.watermark, time.eventTime, time.origin, time.originOffset, own, 0);
    const { key, value, headers } = encodeDeadLetter(
      {
        code,
        message,
        step,
        origin: origin && { ...origin, offset: time.originOffset },
        source: record,
        record: row && columns && rowJson(this.#complete(row, columns, record), columns),
      },
      own.subarray(0, length),
    );
    const keyBytes = key ?? NOTHING;
    const keyEnd = key === null ? -1 : key.length;
    if (value === null) {
      this.#out.null(partition, wall(), keyBytes, 0, keyEnd, headers, 0, headers.length);
      return;
    }
    let pos = this.#out.begin(partition, wall(), keyBytes, 0, keyEnd);
    while (pos + value.length > this.#out.buffer.length) pos = this.#out.grow();
    this.#out.buffer.set(value, pos);
    this.#out.end(pos + value.length, headers, 0, headers.length);
  }
}
