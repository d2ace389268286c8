import type { CompileOptions } from '@millrace/pipeline/sql/compile.ts';
import type { Column, Row } from '@millrace/shared-schemas/types.ts';
import type { InHand } from '../in-hand.ts';

/** What the flow lends to a query. */
export interface QueryHost {
  readonly inHand: InHand;
  readonly expressions: CompileOptions;
  /** the row object of a shape of the plan; overwritten by every record */
  row(shape: number): Row;
  /** hands the row in hand to every query and sink that reads this one */
  readonly next: (row: Row) => void;
  /** `row` (of `columns`, when it is not as it came in) cannot be processed here: a dead letter, or dropped, or the end of the run, as `on_error` says */
  flaw(code: string, message: string, row: Row, columns?: readonly Column[]): void;
}

/** What a query is told once the rows of a batch are in. */
export interface BatchEnd {
  /** of the source or query read: the time up to which all its rows are there; null where nobody says */
  readonly completeness: number | null;
  /** the end of a run to the end of its input: everything open leaves once and stays, as a run may follow */
  readonly ending: boolean;
}

/** Takes what a query saves. Keys are the query's own: short, printable, ordered as it wants them back. */
export interface StateWriter {
  put(key: string, value: Uint8Array): void;
  delete(key: string): void;
}

/** What a stateful query reports of a batch, as Structured Streaming's `stateOperators` has it. */
export interface StateReport {
  readonly numRowsTotal: number;
  readonly numRowsUpdated: number;
  readonly numRowsRemoved: number;
  readonly numRowsDroppedByWatermark: number;
  readonly memoryUsedBytes: number;
}

/** Of a query that takes its rows in as parts too: rows that another process has taken in, as bytes. */
export interface QueryParts {
  /** the watermark that rows of this batch are late by, epoch ms */
  readonly late: number;
  /** before the rows of a part, in a query of no state: rows are late by this watermark */
  begin(late: number): void;
  /** what the rows since `begin` come to; the query has no state again */
  take(): Uint8Array;
  /** takes in what another took: as if its rows were processed now */
  absorb(part: Uint8Array): void;
}

/**
 * A query at work, batch after batch. Deterministic: the same batches leave the same state and rows, bit for bit. It sees no clock
 * and no chance, and what it throws other than through `flaw` ends the run.
 */
export interface Query {
  process(row: Row): void;
  /** All rows of the batch are in: what leaves at its end leaves now, in an order of its own. Queries end in the order of the file. */
  finish?(end: BatchEnd): void | Promise<void>;
  /** the completeness of its own rows, once finished; without it that of what it reads */
  readonly completeness?: number;
  /** whether a batch without data would let rows go or state be forgotten; `ending`: whether the end of the input would let rows leave */
  due?(ending: boolean): boolean;
  /** epoch ms, −Infinity before the first */
  readonly watermark?: number;
  /** writes what changed since the last call, deletes what went */
  snapshot?(writer: StateWriter): void;
  /** called once, before any row, with entries in key order */
  restore?(entries: Iterable<readonly [key: string, value: Uint8Array]>): void;
  /** where rows may come as parts */
  readonly parts?: QueryParts;
  /** of the batch that has just been finished */
  report?(): StateReport;
  close?(): void;
}
