import type { Slab } from '@millrace/pipeline/aggregates/slab.ts';
import type { Value } from '@millrace/shared-schemas/types.ts';
import { RecordRings } from './record-rings.ts';

/**
 * What a row of the slab holds of a history, in front of its windows. Records have numbers: the first the key ever had is 0,
 * and one that comes out of order takes its place and moves those behind it up by one.
 */
const PLACE = 0;
const CAPACITY = 1;
/** the first record that is kept, and one behind the last */
export const HEAD = 2;
export const END = 3;
/** the times of both: so that nothing old is touched without need */
const OLDEST = 4;
export const LATEST = 5;
export const HISTORY_WIDTH = 6;

export const NEVER = Number.POSITIVE_INFINITY;

/** The records of many histories, in the order of event time, then arrival: each history is a ring, found by its row of a slab (`at`). */
export class HistoryRecords {
  readonly slab: Slab;
  readonly rings: RecordRings;

  /** `values`: how many are kept of a record besides its time */
  constructor(slab: Slab, values: number) {
    this.slab = slab;
    this.rings = new RecordRings(values);
  }

  open(at: number, first: number): void {
    const { data } = this.slab;
    data[at + CAPACITY] = 4;
    data[at + PLACE] = this.rings.take(4);
    data[at + HEAD] = first;
    data[at + END] = first;
    data[at + OLDEST] = NEVER;
    data[at + LATEST] = NEVER;
  }

  close(at: number): void {
    const { data } = this.slab;
    this.drop(at, data[at + END]);
    this.rings.give(data[at + PLACE], data[at + CAPACITY]);
  }

  address(at: number, n: number): number {
    const { data } = this.slab;
    return this.rings.address(data[at + PLACE], data[at + CAPACITY], n);
  }

  timeOf(at: number, n: number): number {
    return this.rings.timeAt(this.address(at, n));
  }

  /** Appends a record that is not before the last and gives its number. */
  append(at: number, time: number, values: readonly Value[]): number {
    const { data } = this.slab;
    if (data[at + END] - data[at + HEAD] === data[at + CAPACITY]) this.enlarge(at);
    const n = data[at + END]++;
    this.rings.write(this.address(at, n), time, values);
    if (n === data[at + HEAD]) data[at + OLDEST] = time;
    data[at + LATEST] = time;
    return n;
  }

  /** Puts a record before the later ones and gives its number. */
  squeeze(at: number, time: number, values: readonly Value[]): number {
    const { data } = this.slab;
    const n = this.upperBound(at, time);
    const end = this.append(at, data[at + LATEST], values);
    for (let behind = end; behind > n; behind--) this.rings.move(this.address(at, behind - 1), this.address(at, behind));
    this.rings.write(this.address(at, n), time, values);
    data[at + OLDEST] = this.timeOf(at, data[at + HEAD]);
    return n;
  }

  /** The number of the first record behind a time. */
  upperBound(at: number, time: number): number {
    const { data } = this.slab;
    let low = data[at + HEAD];
    let high = data[at + END];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.timeOf(at, middle) <= time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The number of the first record behind a time, looked for from the front, as most of the rest has not been touched for long. */
  firstBehind(at: number, time: number): number {
    const { data } = this.slab;
    let n = data[at + HEAD];
    while (n < data[at + END] && this.timeOf(at, n) <= time) n++;
    return n;
  }

  oldest(at: number): number {
    return this.slab.data[at + OLDEST];
  }

  /** Forgets the records before number `head`. */
  forget(at: number, head: number): void {
    const { data } = this.slab;
    this.drop(at, head);
    data[at + HEAD] = head;
    data[at + OLDEST] = head < data[at + END] ? this.timeOf(at, head) : NEVER;
  }

  private drop(at: number, to: number): void {
    if (this.rings.hasBoxes) for (let n = this.slab.data[at + HEAD]; n < to; n++) this.rings.forget(this.address(at, n));
  }

  private enlarge(at: number): void {
    const { data } = this.slab;
    data[at + PLACE] = this.rings.enlarge(data[at + PLACE], data[at + CAPACITY], data[at + HEAD], data[at + END]);
    data[at + CAPACITY] *= 2;
  }
}
