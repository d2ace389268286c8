import { ALWAYS, type BoundCalls } from '@millrace/pipeline/aggregates/calls.ts';
import { Cells } from '@millrace/pipeline/aggregates/cells.ts';
import type { RollingPlan } from '@millrace/pipeline/plan.ts';
import type { Value } from '@millrace/shared-schemas/types.ts';
import { RecordQueues } from './record-queues.ts';
import { RecordRings } from './record-rings.ts';

/**
 * What is kept of a key in front of its aggregates. Records have numbers: the first the key ever had is 0, and one that comes out
 * of order takes its place and moves those behind it up by one.
 */
const PLACE = 0;
const CAPACITY = 1;
/** the first record that is kept, and one behind the last */
const HEAD = 2;
const END = 3;
/** the running window of the latest record */
const LOW = 4;
const HIGH = 5;
/** times of the records HEAD, LOW and END − 1: so that nothing old is touched without need */
const OLDEST = 6;
const LOWEST = 7;
const LATEST = 8;
const WIDTH = 9;

const NEVER = Number.POSITIVE_INFINITY;

/** records of a key between two looks at what may be forgotten, less one; with 1 that is a power of two, as a remainder of doubles is slow */
const TIDY_MASK = 15;

/**
 * Each key's past, in the order of event time, then arrival, and running aggregates over it. In order, a record enters the window
 * once and leaves it once: what is exact is added and taken out, what has an order waits in a monotonic queue. Out of
 * order, its own window is gone through, and the running one mended. A history is a number: its cell.
 */
export class Histories {
  /** a record that is further behind the watermark than this is read by no record that is not late */
  readonly keep: number;
  private readonly slack: number;
  private readonly calls: BoundCalls;
  private readonly size: number;
  private readonly delay: number;
  /** of windows that begin at multiples of their size; null for those that end at the record */
  private readonly tumbling: { readonly offset: number } | null;
  private readonly cells: Cells;
  private readonly rings: RecordRings;
  /** for windows out of turn */
  private readonly aside: number;
  private readonly queues: RecordQueues;
  /** of each call: where in a row the queue is of the records that may yet be the answer; −1 for exact aggregates */
  private readonly queueAt: readonly number[];
  /** the calls that look at the records of a window: all but count(*), which is how many there are */
  private readonly looking: readonly number[];

  constructor(plan: Pick<RollingPlan, 'range' | 'delay' | 'allowedLateness'>, calls: BoundCalls) {
    this.calls = calls;
    this.size = plan.range.size;
    this.delay = plan.delay;
    this.tumbling = plan.range.kind === 'range' ? null : plan.range;
    let width = WIDTH;
    this.queueAt = calls.aggregates.map(({ kind }) => {
      if (kind === 'invertible') return -1;
      width += RecordQueues.width;
      return width - RecordQueues.width;
    });
    this.looking = calls.value.flatMap((column, call) => (column === ALWAYS ? [] : [call]));
    this.cells = new Cells(calls.aggregates, width);
    this.queues = new RecordQueues(this.cells.slab);
    this.rings = new RecordRings(calls.arguments.length);
    this.aside = this.cells.take();
    this.keep = 2 * (plan.range.size + plan.delay) + plan.allowedLateness;
    this.slack = Math.floor(this.keep / 8);
  }

  /** A history whose first record is number `first`. */
  open(first: number): number {
    const cell = this.cells.take();
    const { data, stride } = this.cells.slab;
    const at = cell * stride;
    data[at + CAPACITY] = 4;
    data[at + PLACE] = this.rings.take(4);
    for (const number of [HEAD, END, LOW, HIGH]) data[at + number] = first;
    for (const time of [OLDEST, LOWEST, LATEST]) data[at + time] = NEVER;
    for (const queue of this.queueAt) if (queue >= 0) this.queues.open(at + queue);
    return cell;
  }

  close(cell: number): void {
    const { data, stride } = this.cells.slab;
    const at = cell * stride;
    if (this.rings.hasBoxes) for (let n = data[at + HEAD]; n < data[at + END]; n++) this.rings.forget(this.address(at, n));
    this.rings.give(data[at + PLACE], data[at + CAPACITY]);
    for (const queue of this.queueAt) if (queue >= 0) this.queues.close(at + queue);
    this.cells.release(cell);
  }

  first(cell: number): number {
    return this.cells.slab.data[cell * this.cells.slab.stride + HEAD];
  }

  end(cell: number): number {
    return this.cells.slab.data[cell * this.cells.slab.stride + END];
  }

  /** the time of the last record; there is one */
  latest(cell: number): number {
    return this.cells.slab.data[cell * this.cells.slab.stride + LATEST];
  }

  time(cell: number, n: number): number {
    return this.rings.timeAt(this.address(cell * this.cells.slab.stride, n));
  }

  argument(cell: number, n: number, column: number): Value {
    return this.rings.value(this.address(cell * this.cells.slab.stride, n), column);
  }

  /** Appends a record that is not before the last, without touching the running window; `settle` follows. */
  load(cell: number, time: number, values: readonly Value[]): void {
    const at = cell * this.cells.slab.stride;
    const { data } = this.cells.slab;
    if (data[at + END] - data[at + HEAD] === data[at + CAPACITY]) this.enlarge(at);
    const n = data[at + END]++;
    this.rings.write(this.address(at, n), time, values);
    if (n === data[at + HEAD]) data[at + OLDEST] = time;
    if (n === data[at + LOW]) data[at + LOWEST] = time;
    data[at + LATEST] = time;
  }

  /** Builds the running window of the last record. */
  settle(cell: number): void {
    const at = cell * this.cells.slab.stride;
    if (this.end(cell) > this.first(cell)) this.advance(cell, at, this.latest(cell));
  }

  /** Takes a record in and gives its number. `isLast` tells whether its window is the running one. */
  insert(cell: number, time: number, values: readonly Value[]): number {
    const { data, stride } = this.cells.slab;
    const at = cell * stride;
    const end = data[at + END];
    if (end === data[at + HEAD] || time >= data[at + LATEST]) {
      this.load(cell, time, values);
      this.advance(cell, at, time);
      return end;
    }
    const latest = data[at + LATEST];
    const n = this.upperBound(at, time);
    this.load(cell, latest, values);
    for (let behind = end; behind > n; behind--) this.rings.move(this.address(at, behind - 1), this.address(at, behind));
    this.rings.write(this.address(at, n), time, values);
    this.mend(cell, at, n, time);
    data[at + OLDEST] = this.timeOf(at, data[at + HEAD]);
    data[at + LOWEST] = data[at + LOW] < data[at + END] ? this.timeOf(at, data[at + LOW]) : NEVER;
    return n;
  }

  isLast(cell: number, n: number): boolean {
    return n === this.end(cell) - 1;
  }

  /** The result of a call over the running window. @throws FlawError */
  result(cell: number, call: number): Value {
    const { data, stride } = this.cells.slab;
    if (this.calls.value[call] === ALWAYS) return data[cell * stride + HIGH] - data[cell * stride + LOW];
    const aggregate = this.calls.aggregates[call];
    if (aggregate.kind === 'invertible') return aggregate.result(cell);
    const queue = cell * stride + this.queueAt[call];
    return this.queues.isEmpty(queue) ? null : this.queues.frontValue(queue);
  }

  /** Goes through the window of a time; `resultAside` has the results then. */
  gather(cell: number, time: number): void {
    const { aggregates } = this.calls;
    const at = cell * this.cells.slab.stride;
    this.cells.clear(this.aside);
    const to = this.upperBound(at, time - this.delay);
    for (let n = this.upperBound(at, this.lowOf(time)); n < to; n++) {
      for (let call = 0; call < aggregates.length; call++) {
        const address = this.address(at, n);
        aggregates[call].add(this.aside, this.valueOf(address, call), this.byOf(address, call), this.rings.timeAt(address));
      }
    }
  }

  resultAside(call: number): Value {
    return this.calls.aggregates[call].result(this.aside);
  }

  /**
   * Now and then, forgets what no record that is not late can read any more; says whether it did. When that is follows from what
   * is saved, so that a recovery forgets as the uncrashed run would have.
   */
  tidy(cell: number, watermark: number): boolean {
    const { data, stride } = this.cells.slab;
    return ((data[cell * stride + END] | 0) & TIDY_MASK) === 0 && this.forget(cell, watermark, this.slack);
  }

  /** Forgets what no record that is not late can read any more, if the oldest is `slack` beyond that; says whether it did. */
  forget(cell: number, watermark: number, slack: number): boolean {
    const { data, stride } = this.cells.slab;
    const at = cell * stride;
    const bound = watermark - this.keep;
    if (!(data[at + OLDEST] <= bound - slack)) return false;
    // what goes is an eighth or so: looked for from the front, as most of the rest has not been touched for long
    let head = data[at + HEAD];
    while (head < data[at + END] && this.timeOf(at, head) <= bound) head++;
    for (let low = data[at + LOW]; low < head && low < data[at + HIGH]; low++) this.leave(cell, at, low, this.address(at, low));
    if (this.rings.hasBoxes) for (let n = data[at + HEAD]; n < head; n++) this.rings.forget(this.address(at, n));
    data[at + HEAD] = head;
    data[at + LOW] = Math.max(data[at + LOW], head);
    data[at + HIGH] = Math.max(data[at + HIGH], data[at + LOW]);
    data[at + OLDEST] = head < data[at + END] ? this.timeOf(at, head) : NEVER;
    data[at + LOWEST] = data[at + LOW] < data[at + END] ? this.timeOf(at, data[at + LOW]) : NEVER;
    return true;
  }

  private address(at: number, n: number): number {
    const { data } = this.cells.slab;
    return this.rings.address(data[at + PLACE], data[at + CAPACITY], n);
  }

  private timeOf(at: number, n: number): number {
    return this.rings.timeAt(this.address(at, n));
  }

  /** what a call looks at, in the record at an address */
  private valueOf(address: number, call: number): Value {
    const column = this.calls.value[call];
    return column === ALWAYS ? true : this.rings.value(address, column);
  }

  private byOf(address: number, call: number): Value {
    const column = this.calls.by[call];
    return column === ALWAYS ? true : this.rings.value(address, column);
  }

  private enlarge(at: number): void {
    const { data } = this.cells.slab;
    data[at + PLACE] = this.rings.enlarge(data[at + PLACE], data[at + CAPACITY], data[at + HEAD], data[at + END]);
    data[at + CAPACITY] *= 2;
  }

  /** The number of the first record behind a time. */
  private upperBound(at: number, time: number): number {
    const { data } = this.cells.slab;
    let low = data[at + HEAD];
    let high = data[at + END];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.timeOf(at, middle) <= time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** A window holds the times in (lowOf(t), t − delay]. */
  private lowOf(time: number): number {
    const to = time - this.delay;
    if (this.tumbling === null) return to - this.size;
    return Math.floor((to - this.tumbling.offset) / this.size) * this.size + this.tumbling.offset - 1;
  }

  /** Moves the running window on to that of a time. */
  private advance(cell: number, at: number, time: number): void {
    const { rings, delay } = this;
    const { data } = this.cells.slab;
    const place = data[at + PLACE];
    const capacity = data[at + CAPACITY];
    const end = data[at + END];
    const from = this.lowOf(time);
    let high = data[at + HIGH];
    while (high < end) {
      const address = rings.address(place, capacity, high);
      // without a delay all that is there is in
      if (delay > 0 && rings.timeAt(address) > time - delay) break;
      this.enter(cell, at, high++, address);
    }
    data[at + HIGH] = high;
    if (!(data[at + LOWEST] <= from)) return;
    let low = data[at + LOW];
    let lowest = NEVER;
    for (; low < end; low++) {
      const address = rings.address(place, capacity, low);
      lowest = rings.timeAt(address);
      if (low >= high || lowest > from) break;
      this.leave(cell, at, low, address);
      lowest = NEVER;
    }
    data[at + LOW] = low;
    data[at + LOWEST] = lowest;
  }

  /** A record has come in as number n, with later ones behind it. */
  private mend(cell: number, at: number, n: number, time: number): void {
    const { data } = this.cells.slab;
    const { aggregates } = this.calls;
    const latest = data[at + LATEST];
    if (time > latest - this.delay) return;
    data[at + HIGH]++;
    for (const queue of this.queueAt) if (queue >= 0) this.queues.raise(at + queue, n);
    if (time <= this.lowOf(latest)) {
      data[at + LOW]++;
      return;
    }
    const address = this.address(at, n);
    for (const call of this.looking) {
      const aggregate = aggregates[call];
      if (aggregate.kind === 'invertible') aggregate.add(cell, this.valueOf(address, call), this.byOf(address, call), time);
      else {
        this.queues.clear(at + this.queueAt[call]);
        for (let i = data[at + LOW]; i < data[at + HIGH]; i++) this.wait(at, call, i);
      }
    }
  }

  private enter(cell: number, at: number, n: number, address: number): void {
    const { looking } = this;
    const { aggregates } = this.calls;
    for (let i = 0; i < looking.length; i++) {
      const call = looking[i];
      const aggregate = aggregates[call];
      if (aggregate.kind === 'invertible') aggregate.add(cell, this.valueOf(address, call), this.byOf(address, call), 0);
      else this.wait(at, call, n);
    }
  }

  private leave(cell: number, at: number, n: number, address: number): void {
    const { looking } = this;
    const { aggregates } = this.calls;
    for (let i = 0; i < looking.length; i++) {
      const call = looking[i];
      const aggregate = aggregates[call];
      if (aggregate.kind === 'invertible') aggregate.remove(cell, this.valueOf(address, call), this.byOf(address, call));
      else {
        const queue = at + this.queueAt[call];
        if (this.queues.front(queue) === n) this.queues.shift(queue);
      }
    }
  }

  /** Puts a record at the end of an aggregate's queue, in the place of all that it beats. */
  private wait(at: number, call: number, n: number): void {
    const { queues } = this;
    const aggregate = this.calls.aggregates[call];
    if (aggregate.kind !== 'ordered') return;
    const address = this.address(at, n);
    const value = this.valueOf(address, call);
    const by = this.byOf(address, call);
    if (!aggregate.counts(value, by)) return;
    const queue = at + this.queueAt[call];
    while (!queues.isEmpty(queue) && aggregate.rowBeats(value, by, queues.backValue(queue), queues.backBy(queue))) queues.pop(queue);
    queues.push(queue, n, value, by);
  }
}
