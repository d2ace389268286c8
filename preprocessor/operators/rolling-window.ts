import { ALWAYS, type BoundCalls } from '@millrace/pipeline/aggregates/calls.ts';
import type { Slab } from '@millrace/pipeline/aggregates/slab.ts';
import type { RollingPlan } from '@millrace/pipeline/plan.ts';
import type { Value } from '@millrace/shared-schemas/types.ts';
import { END, type HistoryRecords, LATEST, NEVER } from './history-records.ts';
import { RecordQueues } from './record-queues.ts';

/** What a window of a record at t holds: the times in (t − delay − size, t − delay], or since a multiple of its size. */
export type WindowOf = Pick<RollingPlan, 'range' | 'delay'>;

/** What a row holds of a window, from its place on: its first record, one behind its last, and the first one's time. */
const LOW = 0;
const HIGH = 1;
const LOWEST = 2;
const WIDTH = 3;

/**
 * Of each history, the window of its latest record, and aggregates over it. In order, a record enters the window once and
 * leaves it once: what is exact is added and taken out, what has an order waits in a monotonic queue. Out of order, the
 * window is mended.
 */
export class RunningWindow {
  private readonly records: HistoryRecords;
  private readonly slab: Slab;
  private readonly calls: BoundCalls;
  /** which of the calls are over it */
  private readonly own: readonly number[];
  /** those of them that look at the records: all but count(*), which is how many there are */
  private readonly looking: readonly number[];
  /** where in a row its numbers begin */
  private readonly place: number;
  private readonly size: number;
  private readonly delay: number;
  /** of windows that begin at multiples of their size; null for those that end at the record */
  private readonly tumbling: { readonly offset: number } | null;
  private readonly queues: RecordQueues;
  /** by call: where in a row the queue is of the records that may yet be the answer; −1 for exact aggregates */
  private readonly queueAt: readonly number[];
  private readonly ordered: readonly number[];

  constructor({ range, delay }: WindowOf, records: HistoryRecords, calls: BoundCalls, own: readonly number[], place: number) {
    this.records = records;
    this.slab = records.slab;
    this.calls = calls;
    this.own = own;
    this.looking = own.filter((call) => calls.value[call] !== ALWAYS);
    this.place = place;
    this.size = range.size;
    this.delay = delay;
    this.tumbling = range.kind === 'range' ? null : range;
    this.queues = new RecordQueues(records.slab);
    this.ordered = orderedOf(calls, own);
    this.queueAt = calls.aggregates.map((_, call) => {
      const n = this.ordered.indexOf(call);
      return n < 0 ? -1 : place + WIDTH + n * RecordQueues.width;
    });
  }

  /** How many numbers of a row a window with these calls needs. */
  static width(calls: BoundCalls, own: readonly number[]): number {
    return WIDTH + RecordQueues.width * orderedOf(calls, own).length;
  }

  /** A history begins at row `at`; its first record will be number `first`. */
  open(at: number, first: number): void {
    const { data } = this.slab;
    const own = at + this.place;
    data[own + LOW] = first;
    data[own + HIGH] = first;
    data[own + LOWEST] = NEVER;
    for (const call of this.ordered) this.queues.open(at + this.queueAt[call]);
  }

  close(at: number): void {
    for (const call of this.ordered) this.queues.close(at + this.queueAt[call]);
  }

  /** The result of a call over the running window. @throws FlawError */
  result(cell: number, at: number, call: number): Value {
    const { data } = this.slab;
    if (this.calls.value[call] === ALWAYS) return data[at + this.place + HIGH] - data[at + this.place + LOW];
    const aggregate = this.calls.aggregates[call];
    if (aggregate.kind === 'invertible') return aggregate.result(cell);
    const queue = at + this.queueAt[call];
    return this.queues.isEmpty(queue) ? null : this.queues.frontValue(queue);
  }

  /** Builds the window of the last record, which is of `time`. */
  settle(cell: number, at: number, time: number): void {
    this.relow(at);
    this.advance(cell, at, time);
  }

  /** Moves on to the window of the last record, which is of `time` and has just been appended. */
  advance(cell: number, at: number, time: number): void {
    const { records, delay } = this;
    const { rings } = records;
    const { data } = this.slab;
    const own = at + this.place;
    const end = data[at + END];
    const from = this.lowOf(time);
    if (data[own + LOW] === end - 1) data[own + LOWEST] = time;
    let high = data[own + HIGH];
    while (high < end) {
      const address = records.address(at, high);
      // without a delay all that is there is in
      if (delay > 0 && rings.timeAt(address) > time - delay) break;
      this.enter(cell, at, high++, address);
    }
    data[own + HIGH] = high;
    if (!(data[own + LOWEST] <= from)) return;
    let low = data[own + LOW];
    let lowest = NEVER;
    for (; low < end; low++) {
      const address = records.address(at, low);
      lowest = rings.timeAt(address);
      if (low >= high || lowest > from) break;
      this.leave(cell, at, low, address);
      lowest = NEVER;
    }
    data[own + LOW] = low;
    data[own + LOWEST] = lowest;
  }

  /** A record of `time` has come in as number n, with later ones behind it. */
  mend(cell: number, at: number, n: number, time: number): void {
    const { data } = this.slab;
    const own = at + this.place;
    const latest = data[at + LATEST];
    if (time <= latest - this.delay) {
      data[own + HIGH]++;
      for (const call of this.ordered) this.queues.raise(at + this.queueAt[call], n);
      if (time <= this.lowOf(latest)) data[own + LOW]++;
      else this.squeeze(cell, at, n, time);
    }
    this.relow(at);
  }

  /** Records before number `head` are about to be forgotten. */
  forget(cell: number, at: number, head: number): void {
    const { data } = this.slab;
    const own = at + this.place;
    for (let low = data[own + LOW]; low < head && low < data[own + HIGH]; low++) this.leave(cell, at, low, this.records.address(at, low));
    if (data[own + LOW] >= head) return;
    data[own + LOW] = head;
    data[own + HIGH] = Math.max(data[own + HIGH], head);
    this.relow(at);
  }

  /** Goes through the window of a time that is not the latest: into cell `aside` of its aggregates. */
  gather(aside: number, at: number, time: number): void {
    const { records, calls } = this;
    const to = records.upperBound(at, time - this.delay);
    for (let n = records.upperBound(at, this.lowOf(time)); n < to; n++) {
      const address = records.address(at, n);
      for (const call of this.own) calls.aggregates[call].add(aside, this.valueOf(address, call), this.byOf(address, call), records.rings.timeAt(address));
    }
  }

  /** A window holds the times in (lowOf(t), t − delay]. */
  private lowOf(time: number): number {
    const to = time - this.delay;
    if (this.tumbling === null) return to - this.size;
    return Math.floor((to - this.tumbling.offset) / this.size) * this.size + this.tumbling.offset - 1;
  }

  private relow(at: number): void {
    const { data } = this.slab;
    const own = at + this.place;
    data[own + LOWEST] = data[own + LOW] < data[at + END] ? this.records.timeOf(at, data[own + LOW]) : NEVER;
  }

  /** Takes number n into the middle of the window. */
  private squeeze(cell: number, at: number, n: number, time: number): void {
    const { data } = this.slab;
    const own = at + this.place;
    const address = this.records.address(at, n);
    for (const call of this.looking) {
      const aggregate = this.calls.aggregates[call];
      if (aggregate.kind === 'invertible') aggregate.add(cell, this.valueOf(address, call), this.byOf(address, call), time);
      else {
        this.queues.clear(at + this.queueAt[call]);
        for (let i = data[own + LOW]; i < data[own + HIGH]; i++) this.wait(at, call, i, this.records.address(at, i));
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
      else this.wait(at, call, n, address);
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
  private wait(at: number, call: number, n: number, address: number): void {
    const { queues } = this;
    const aggregate = this.calls.aggregates[call];
    if (aggregate.kind !== 'ordered') return;
    const value = this.valueOf(address, call);
    const by = this.byOf(address, call);
    if (!aggregate.counts(value, by)) return;
    const queue = at + this.queueAt[call];
    while (!queues.isEmpty(queue) && aggregate.rowBeats(value, by, queues.backValue(queue), queues.backBy(queue))) queues.pop(queue);
    queues.push(queue, n, value, by);
  }

  /** what a call looks at, in the record at an address */
  private valueOf(address: number, call: number): Value {
    const column = this.calls.value[call];
    return column === ALWAYS ? true : this.records.rings.value(address, column);
  }

  private byOf(address: number, call: number): Value {
    const column = this.calls.by[call];
    return column === ALWAYS ? true : this.records.rings.value(address, column);
  }
}

function orderedOf(calls: BoundCalls, own: readonly number[]): number[] {
  return own.filter((call) => calls.aggregates[call].kind === 'ordered');
}
