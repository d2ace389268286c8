import type { Slab } from '@millrace/pipeline/aggregates/slab.ts';
import type { Value } from '@millrace/shared-schemas/types.ts';
import { RecordRings } from './record-rings.ts';

/** Where a queue is: its ring, and the numbers of its first entry and one behind its last. */
const PLACE = 0;
const CAPACITY = 1;
const FRONT = 2;
const BACK = 3;

const VALUE = 0;
const BY = 1;

/**
 * Monotonic queues: record numbers that ascend, each with what it is compared by, so that no record is touched for a comparison.
 * They enter behind and leave at both ends. A queue is four numbers of a slab, at `at`.
 */
export class RecordQueues {
  static readonly width = 4;
  private readonly slab: Slab;
  private readonly rings = new RecordRings(2);
  private readonly pair: Value[] = [null, null];

  constructor(slab: Slab) {
    this.slab = slab;
  }

  open(at: number): void {
    const { data } = this.slab;
    data[at + PLACE] = this.rings.take(4);
    data[at + CAPACITY] = 4;
    data[at + FRONT] = 0;
    data[at + BACK] = 0;
  }

  close(at: number): void {
    this.clear(at);
    this.rings.give(this.slab.data[at + PLACE], this.slab.data[at + CAPACITY]);
  }

  clear(at: number): void {
    const { data } = this.slab;
    if (this.rings.hasBoxes) for (let i = data[at + FRONT]; i < data[at + BACK]; i++) this.rings.forget(this.address(at, i));
    data[at + FRONT] = 0;
    data[at + BACK] = 0;
  }

  isEmpty(at: number): boolean {
    return this.slab.data[at + FRONT] === this.slab.data[at + BACK];
  }

  /** the first record's number; −1 when empty */
  front(at: number): number {
    return this.isEmpty(at) ? -1 : this.rings.timeAt(this.address(at, this.slab.data[at + FRONT]));
  }

  /** of the first record; the queue is not empty */
  frontValue(at: number): Value {
    return this.rings.value(this.address(at, this.slab.data[at + FRONT]), VALUE);
  }

  /** of the last record; the queue is not empty */
  backValue(at: number): Value {
    return this.rings.value(this.address(at, this.slab.data[at + BACK] - 1), VALUE);
  }

  backBy(at: number): Value {
    return this.rings.value(this.address(at, this.slab.data[at + BACK] - 1), BY);
  }

  push(at: number, n: number, value: Value, by: Value): void {
    const { data } = this.slab;
    if (data[at + BACK] - data[at + FRONT] === data[at + CAPACITY]) this.enlarge(at);
    this.pair[VALUE] = value;
    this.pair[BY] = by;
    this.rings.write(this.address(at, data[at + BACK]++), n, this.pair);
  }

  pop(at: number): void {
    const last = --this.slab.data[at + BACK];
    if (this.rings.hasBoxes) this.rings.forget(this.address(at, last));
  }

  shift(at: number): void {
    const first = this.slab.data[at + FRONT]++;
    if (this.rings.hasBoxes) this.rings.forget(this.address(at, first));
  }

  /** Records from number `least` on have moved up by one. */
  raise(at: number, least: number): void {
    const { data } = this.slab;
    for (let i = data[at + FRONT]; i < data[at + BACK]; i++) {
      const address = this.address(at, i);
      const n = this.rings.timeAt(address);
      if (n >= least) this.rings.retime(address, n + 1);
    }
  }

  private address(at: number, i: number): number {
    const { data } = this.slab;
    return this.rings.address(data[at + PLACE], data[at + CAPACITY], i);
  }

  private enlarge(at: number): void {
    const { data } = this.slab;
    data[at + PLACE] = this.rings.enlarge(data[at + PLACE], data[at + CAPACITY], data[at + FRONT], data[at + BACK]);
    data[at + CAPACITY] *= 2;
  }
}
