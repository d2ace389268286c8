import type { ByteReader, ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import type { Value } from '@millrace/shared-schemas/types.ts';
import type { Slab } from './slab.ts';

/**
 * One aggregate call's state for many groups at once: a *cell* a group, rows of one slab that all aggregates of a step share,
 * so that a million groups are no million objects. Cells are numbers that the owner hands out; one is empty after `clear`.
 *
 * `add` takes the call's argument and what decides with it: the second argument of arg_min and arg_max; for the others
 * TRUE. A row that FILTER leaves out comes with NULL in both. Results are as DuckDB 1.5 gives them, but exact where it rounds on the way.
 */
interface Cells {
  /** how many numbers of a row of the slab it needs */
  readonly width: number;
  /** gives it its place: row `cell`, from `offset` on */
  attach(slab: Slab, offset: number): void;
  clear(cell: number): void;
  /** `time` is the row's event time; rows of one time come in the order of their arrival */
  add(cell: number, value: Value, by: Value, time: number): void;
  /** takes the rows of `from` in as well; those of both cells at one time must be in one of them */
  merge(into: number, from: number): void;
  /** @throws FlawError `expression_failed` where DuckDB raises */
  result(cell: number): Value;
  /** the cell's state as it stands; `load` of it gives the same results ever after */
  save(cell: number, writer: ByteWriter): void;
  load(cell: number, reader: ByteReader): void;
}

/** What is added can be taken out again, without a trace: its state is exact. */
export interface InvertibleAggregate extends Cells {
  readonly kind: 'invertible';
  remove(cell: number, value: Value, by: Value): void;
  unmerge(into: number, from: number): void;
}

/** Its result is one of the rows. Over a window that moves forward, a row that a newer one beats is never the result again. */
export interface OrderedAggregate extends Cells {
  readonly kind: 'ordered';
  isEmpty(cell: number): boolean;
  /** whether `newer`, with no row before `older`'s, makes `older` useless; both not empty */
  beats(newer: number, older: number): boolean;
  /** the same for single rows, as `add` takes them */
  counts(value: Value, by: Value): boolean;
  rowBeats(value: Value, by: Value, olderValue: Value, olderBy: Value): boolean;
}

export type Aggregate = InvertibleAggregate | OrderedAggregate;
