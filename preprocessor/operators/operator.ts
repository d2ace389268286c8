import type { CompileOptions } from '@millrace/pipeline/sql/compile.ts';
import type { Model } from '@millrace/shared-schemas/model.ts';
import type { Row } from '@millrace/shared-schemas/types.ts';
import type { Slices } from './gradual.ts';

/**
 * The time and cause of what a task is doing now. One object a task, written by the task before each call and by an operator
 * around rows that it makes itself (`emitAt` of the context does both).
 */
export interface TaskTime {
  /** event time of the record in hand, epoch ms */
  eventTime: number;
  /** the watermark of the records before this one; −Infinity before the first. Finite even while the input ends */
  watermark: number;
  /**
   * The watermark by which the record in hand is late or not: at its source the task's, behind an exchange the one it came with, so that it does not matter
   * how far the other writers are. Never below `watermark`.
   */
  judged: number;
  /**
   * Behind an exchange of several writers: the watermark behind `judged`, at which a record that is late for something takes its place, so that this does not
   * depend on when it came; −Infinity where it takes it at once.
   */
  settled: number;
  /** the input has ended: everything open fires once and stays, as a run may follow */
  ending: boolean;
  /** source partition (index) and offset of the record that caused what is in hand: the lineage of a dead letter */
  origin: number;
  originOffset: number;
}

/** The promoted model of one name, as the task has chosen: null for none, or when its features are not the step's. */
export interface ModelInForce {
  model: Model | null;
}

/** What a task lends to an operator. */
export interface OperatorContext {
  readonly time: TaskTime;
  /** what expressions may need from the profile */
  readonly expressions?: CompileOptions;
  /** the fused rest of the chain: hands the row to every step and output that reads this one */
  readonly next: (row: Row) => void;
  /** the row object of this task for a shape of the stage; overwritten by every record */
  row(shape: number): Row;
  /** the record cannot be processed here: a dead letter (or drop, or the end of the run, as the step's on_error says) with the row as the step saw it */
  flaw(code: string, message: string, row: Row): void;
  /** the record is late here: a dead letter, or counted and dropped, as the step's `late` says */
  late(row: Row): void;
  /** rows of a lookup table by key text (`keyText` of keys.ts): the version in force */
  table(id: string): ReadonlyMap<string, Row>;
  /** the same object for every call with a name; the task changes what it holds between two records */
  model(name: string): ModelInForce;
}

/** Takes an operator's changed entries. Keys are the operator's own: short, printable, ordered as the operator wants them back. */
export interface StateWriter {
  put(key: string, value: Uint8Array): void;
  delete(key: string): void;
}

/**
 * One step of one task at work. Synchronous, single-threaded, deterministic: it sees no clock, no chance and no outside, and
 * the same calls in the same order leave the same state, bit for bit, whatever snapshots lay between.
 */
export interface Operator {
  process(row: Row): void;
  /**
   * The earliest event time at which this operator has something to do, +Infinity for nothing. Timers due at the same
   * time are one `fire`. While `time.ending`, only what has to leave counts, not what is merely to be forgotten.
   */
  nextTimer?(): number;
  /** Does all that is due at exactly `at` (= `nextTimer()`); rows leave in the order of their key bytes. */
  fire?(at: number): void;
  /**
   * Writes what changed since the last call, deletes what went. With `all`, writes everything, and the next call's changes are what
   * they would have been: so a whole dump can go elsewhere. State must not change by being saved.
   *
   * It is done in slices: what they write is how things stood at the first, whatever is processed between them.
   */
  snapshot?(writer: StateWriter, all: boolean): Slices;
  /** called once, before any record, with entries in key order */
  restore?(entries: Iterable<readonly [key: string, value: Uint8Array]>): void;
}
