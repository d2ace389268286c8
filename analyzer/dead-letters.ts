import { InTurn } from '@millrace/runtime/in-turn.ts';
import { encodeDeadLetter } from '@millrace/shared-schemas/dead-letter.ts';
import { encodeHeader, MAX_HEADER } from '@millrace/shared-schemas/header.ts';
import { rowJson } from '@millrace/shared-schemas/json/value.ts';
import type { Column, Row } from '@millrace/shared-schemas/types.ts';
import type { LetterBox } from './flow.ts';
import type { InHand } from './in-hand.ts';
import { RecordBlock } from './sinks/record-block.ts';
import type { SinkCore } from './sinks/sink.ts';
import type { Source } from './sources/source.ts';
import { ANALYZER_WRITER } from './writer.ts';

/** Makes the dead letters of a batch: the source record of the row in hand, and why it (or what was made of it) could not be processed. */
export class DeadLetters implements LetterBox {
  readonly #inHand: InHand;
  readonly #core: SinkCore;
  readonly #wall: () => number;
  readonly #block = new RecordBlock();
  readonly #order = new InTurn();
  #sources: readonly Source[] = [];
  /** by code, since the last `take` */
  counts = new Map<string, number>();

  constructor(inHand: InHand, core: SinkCore, wall: () => number) {
    this.#inHand = inHand;
    this.#core = core;
    this.#wall = wall;
    if (core.seqs.length === 0) core.seqs.push(0);
  }

  /** where source records are found again */
  set sources(sources: readonly Source[]) {
    this.#sources = sources;
  }

  /** `row` and `columns`: the record as the step saw it; null at the source itself. Numbered and counted at once; in the batch once its source record is at hand. */
  write(code: string, message: string, step: string, row: Row | null, columns: readonly Column[] | null): void {
    this.put(code, message, step, row && columns && rowJson(row, columns));
  }

  /** `write` with the record as JSON already */
  put(code: string, message: string, step: string, json: string | null): void {
    const { origin, offset, eventTime } = this.#inHand;
    this.counts.set(code, (this.counts.get(code) ?? 0) + 1);
    const seq = (this.#core.seqs[0] as number) + 1;
    this.#core.seqs[0] = seq;
    const source = this.#sources.find(({ firstOrigin, partitions }) => origin >= firstOrigin && origin < firstOrigin + partitions);
    const partition = source ? origin - source.firstOrigin : -1;
    const header = Buffer.alloc(MAX_HEADER);
    const length = encodeHeader(
      ANALYZER_WRITER,
      seq,
      Number.NEGATIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      Number.isFinite(eventTime) ? eventTime : 0,
      origin,
      offset,
      header,
      0,
    );
    const letter = {
      code,
      message,
      step,
      origin: source ? { topic: source.plan.topic, partition, offset } : null,
      record: json,
    };
    const now = this.#wall();
    this.#order.take(source ? source.lookup(partition, offset) : null, (record) => {
      const { key, value, headers } = encodeDeadLetter({ ...letter, source: record }, header.subarray(0, length));
      this.#block.add(0, now, key, value, headers);
    });
  }

  /** Resolves when every letter written is in the batch: before `take`. */
  settle(): Promise<void> {
    return this.#order.settle();
  }

  take(): Uint8Array | null {
    this.counts = new Map();
    return this.#block.take();
  }
}
