import { ByteReader, ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import { slotGetter, slotSetter } from '@millrace/shared-schemas/row.ts';
import type { Column, Row } from '@millrace/shared-schemas/types.ts';
import type { InHand } from '../in-hand.ts';

/** The rows that may stand on a tape: of which source or query, and their columns. Both ends list them in the same order. */
export interface TapedRows {
  readonly id: string;
  readonly columns: readonly Column[];
}

const LETTER = 0;

/**
 * What one partition of a batch gives besides aggregates, in the order it came: rows that the coordinator has to see, and dead letters. An entry is
 * a varint (0: a letter, n: a row of the n-th of `TapedRows`), the row in hand (varint offset, f64 event time, f64 watermark it is judged by), then the
 * row's values, or the letter's code, message, step and record (a byte 0 for none).
 */
export class TapeWriter {
  readonly #bytes = new ByteWriter(64 * 1024);
  readonly #inHand: InHand;
  readonly #rows: ReadonlyMap<string, { readonly number: number; readonly columns: readonly { type: Column['type']; get: (row: Row) => unknown }[] }>;

  constructor(taped: readonly TapedRows[], inHand: InHand) {
    this.#inHand = inHand;
    this.#rows = new Map(
      taped.map(({ id, columns }, i) => [id, { number: i + 1, columns: columns.map(({ slot, type }) => ({ type, get: slotGetter(slot) })) }]),
    );
  }

  row(id: string, row: Row): void {
    const of = this.#rows.get(id);
    if (of === undefined) throw new Error(`${id} is not on the tape`);
    this.#head(of.number);
    for (const { type, get } of of.columns) this.#bytes.value(type, get(row) as never);
  }

  letter(code: string, message: string, step: string, record: string | null): void {
    this.#head(LETTER);
    for (const text of [code, message, step]) this.#bytes.text(text);
    this.#bytes.byte(record === null ? 0 : 1);
    if (record !== null) this.#bytes.text(record);
  }

  #head(number: number): void {
    const { offset, eventTime, judged } = this.#inHand;
    this.#bytes.varint(number);
    this.#bytes.varint(offset);
    this.#bytes.f64(eventTime);
    this.#bytes.f64(judged);
  }

  /** the tape so far; a new one begins */
  take(): Uint8Array {
    return this.#bytes.finish();
  }
}

/** Where the entries of a tape go. */
export interface TapeHost {
  readonly inHand: InHand;
  row(id: string): Row;
  next(id: string, row: Row): void;
  letter(code: string, message: string, step: string, record: string | null): void;
}

/** Plays tapes into a flow: the row in hand is what it was when the entry was written. */
export class TapePlayer {
  readonly #host: TapeHost;
  readonly #rows: readonly {
    readonly id: string;
    readonly row: Row;
    readonly columns: readonly { type: Column['type']; set: (row: Row, value: never) => void }[];
  }[];

  constructor(taped: readonly TapedRows[], host: TapeHost) {
    this.#host = host;
    this.#rows = taped.map(({ id, columns }) => ({ id, row: host.row(id), columns: columns.map(({ slot, type }) => ({ type, set: slotSetter(slot) })) }));
  }

  /** `origin`: number of the partition among those of all sources */
  play(tape: Uint8Array, origin: number): void {
    const { inHand } = this.#host;
    for (const bytes = new ByteReader(tape); !bytes.done; ) {
      const number = bytes.varint();
      inHand.origin = origin;
      inHand.offset = bytes.varint();
      inHand.eventTime = bytes.f64();
      inHand.judged = bytes.f64();
      if (number === LETTER) {
        this.#host.letter(bytes.text(), bytes.text(), bytes.text(), bytes.byte() === 0 ? null : bytes.text());
        continue;
      }
      const of = this.#rows[number - 1];
      if (of === undefined) throw new Error(`a tape holds rows of an unknown kind, ${number}`);
      for (const { type, set } of of.columns) set(of.row, bytes.value(type) as never);
      this.#host.next(of.id, of.row);
    }
  }
}
