import type { RollingPlan } from '@millrace/pipeline/plan.ts';
import type { Value } from '@millrace/shared-schemas/types.ts';
import { ALWAYS, type BoundCalls } from './calls.ts';
import { Cells } from './cells.ts';
import { Queue } from './pane-run.ts';
import { upperBound } from './sorted.ts';

/**
 * The past of one key: its records' times and arguments in the order of time, then arrival. Index i is record `base + i` of
 * the key since it was first seen, less those that came out of order before it.
 */
export interface History {
  readonly id: number;
  readonly text: string;
  times: number[];
  /** the values of each different argument */
  readonly columns: Value[][];
  base: number;
  /** what is before it has been forgotten */
  head: number;
  /** the running window of the latest record: [low, high) */
  low: number;
  high: number;
  readonly cell: number;
  /** a queue for each aggregate that has an order, of record numbers */
  readonly queues: readonly (Queue | null)[];
  /** when it is looked at, to be forgotten */
  due: number;
  /** the least record number that is not saved as it stands; +Infinity for none */
  dirtyFrom: number;
  /** the header is not saved as it stands */
  dirty: boolean;
  /** blocks that are saved: [from, to) */
  savedFrom: number;
  savedTo: number;
}

/**
 * Running aggregates over each key's past. In order, a record enters the window once and leaves it once: what is exact is added and
 * taken out, what has an order waits in a monotonic queue. Out of order, its own window is gone through, and the running one mended.
 */
export class Histories {
  private readonly calls: BoundCalls;
  private readonly cells: Cells;
  private readonly aside: number;
  private readonly plan: Pick<RollingPlan, 'range' | 'delay'>;
  /** behind the watermark, nothing older than this can be read by a record that is not late */
  readonly keep: number;

  constructor(plan: Pick<RollingPlan, 'range' | 'delay' | 'allowedLateness'>, calls: BoundCalls) {
    this.calls = calls;
    this.plan = plan;
    this.cells = new Cells(calls.aggregates);
    this.aside = this.cells.take();
    this.keep = 2 * (plan.range.size + plan.delay) + plan.allowedLateness;
  }

  open(id: number, text: string, base: number, due: number): History {
    return {
      id,
      text,
      times: [],
      columns: this.calls.arguments.map(() => []),
      base,
      head: 0,
      low: 0,
      high: 0,
      cell: this.cells.take(),
      queues: this.calls.aggregates.map((aggregate) => (aggregate.kind === 'ordered' ? new Queue() : null)),
      due,
      dirtyFrom: Number.POSITIVE_INFINITY,
      dirty: false,
      savedFrom: 0,
      savedTo: 0,
    };
  }

  close(history: History): void {
    this.cells.release(history.cell);
  }

  /** Appends one record without touching the running window; for `settle` after a restore. */
  load(history: History, time: number, values: readonly Value[]): void {
    history.times.push(time);
    for (let c = 0; c < history.columns.length; c++) history.columns[c].push(values[c]);
  }

  /** Builds the running window of the latest record. */
  settle(history: History): void {
    const { times } = history;
    history.low = history.head;
    history.high = history.head;
    if (times.length > 0) this.advance(history, times[times.length - 1]);
  }

  /** Takes a record in. Gives −1 when it is the latest, so that its window is the running one, else its index. */
  insert(history: History, time: number, values: readonly Value[]): number {
    const { times, columns } = history;
    const size = times.length;
    if (size === history.head || time >= times[size - 1]) {
      this.load(history, time, values);
      this.changed(history, size);
      this.advance(history, time);
      return -1;
    }
    const at = upperBound(times, time, history.head);
    times.splice(at, 0, time);
    for (let c = 0; c < columns.length; c++) columns[c].splice(at, 0, values[c]);
    this.changed(history, at);
    this.mend(history, at, time);
    return at;
  }

  /** The result of a call for the record that `insert` took last, by what it gave. @throws FlawError */
  result(history: History, call: number): Value {
    const aggregate = this.calls.aggregates[call];
    if (aggregate.kind === 'invertible') return aggregate.result(history.cell);
    const front = (history.queues[call] as Queue).front();
    return front < 0 ? null : this.valueOf(history, call, front - history.base);
  }

  /** Goes through the window of a time; `resultAside` has the results then. */
  gather(history: History, time: number): void {
    const { times } = history;
    this.cells.clear(this.aside);
    const from = upperBound(times, this.lowOf(time), history.head);
    const to = upperBound(times, time - this.plan.delay, history.head);
    for (let i = from; i < to; i++) {
      for (let call = 0; call < this.calls.aggregates.length; call++) {
        this.calls.aggregates[call].add(this.aside, this.valueOf(history, call, i), this.byOf(history, call, i), times[i]);
      }
    }
  }

  resultAside(call: number): Value {
    return this.calls.aggregates[call].result(this.aside);
  }

  /** Forgets what no record that is not late can read any more. */
  forget(history: History, watermark: number): void {
    const { times } = history;
    const bound = watermark - this.keep;
    if (history.head === times.length || times[history.head] > bound) return;
    const head = upperBound(times, bound, history.head);
    while (history.low < head && history.low < history.high) this.leave(history, history.low++);
    history.low = Math.max(history.low, head);
    history.high = Math.max(history.high, history.low);
    history.head = head;
    history.dirty = true;
    if (head > 32 && head * 2 > times.length) this.compact(history);
  }

  /** Gives back the room of what was forgotten. */
  private compact(history: History): void {
    const { head } = history;
    history.times = history.times.slice(head);
    for (let c = 0; c < history.columns.length; c++) history.columns[c] = history.columns[c].slice(head);
    history.base += head;
    history.low -= head;
    history.high -= head;
    history.head = 0;
  }

  /** A window holds the times in (lowOf(t), t − delay]. */
  private lowOf(time: number): number {
    const { range, delay } = this.plan;
    const to = time - delay;
    if (range.kind === 'range') return to - range.size;
    return Math.floor((to - range.offset) / range.size) * range.size + range.offset - 1;
  }

  private advance(history: History, time: number): void {
    const { times } = history;
    const to = time - this.plan.delay;
    const from = this.lowOf(time);
    while (history.high < times.length && times[history.high] <= to) this.enter(history, history.high++);
    while (history.low < history.high && times[history.low] <= from) this.leave(history, history.low++);
  }

  /** A record has come in at an index behind which there are later ones. */
  private mend(history: History, at: number, time: number): void {
    const latest = history.times[history.times.length - 1];
    if (time > latest - this.plan.delay) return;
    history.high++;
    for (const queue of history.queues) queue?.raise(history.base + at, 1);
    if (time <= this.lowOf(latest)) {
      history.low++;
      return;
    }
    for (let call = 0; call < this.calls.aggregates.length; call++) {
      const aggregate = this.calls.aggregates[call];
      if (aggregate.kind === 'invertible') aggregate.add(history.cell, this.valueOf(history, call, at), this.byOf(history, call, at), time);
      else {
        (history.queues[call] as Queue).clear();
        for (let i = history.low; i < history.high; i++) this.wait(history, call, i);
      }
    }
  }

  private enter(history: History, index: number): void {
    for (let call = 0; call < this.calls.aggregates.length; call++) {
      const aggregate = this.calls.aggregates[call];
      if (aggregate.kind === 'invertible') aggregate.add(history.cell, this.valueOf(history, call, index), this.byOf(history, call, index), history.times[index]);
      else this.wait(history, call, index);
    }
  }

  private leave(history: History, index: number): void {
    for (let call = 0; call < this.calls.aggregates.length; call++) {
      const aggregate = this.calls.aggregates[call];
      if (aggregate.kind === 'invertible') aggregate.remove(history.cell, this.valueOf(history, call, index), this.byOf(history, call, index));
      else {
        const queue = history.queues[call] as Queue;
        if (queue.front() === history.base + index) queue.shift();
      }
    }
  }

  /** Puts a record at the end of an aggregate's queue, in the place of all that it beats. */
  private wait(history: History, call: number, index: number): void {
    const aggregate = this.calls.aggregates[call];
    if (aggregate.kind !== 'ordered') return;
    const value = this.valueOf(history, call, index);
    const by = this.byOf(history, call, index);
    if (!aggregate.counts(value, by)) return;
    const queue = history.queues[call] as Queue;
    while (queue.size > 0) {
      const older = queue.back() - history.base;
      if (!aggregate.rowBeats(value, by, this.valueOf(history, call, older), this.byOf(history, call, older))) break;
      queue.pop();
    }
    queue.push(history.base + index);
  }

  private valueOf(history: History, call: number, index: number): Value {
    const column = this.calls.value[call];
    return column === ALWAYS ? true : history.columns[column][index];
  }

  private byOf(history: History, call: number, index: number): Value {
    const column = this.calls.by[call];
    return column === ALWAYS ? true : history.columns[column][index];
  }

  private changed(history: History, index: number): void {
    history.dirtyFrom = Math.min(history.dirtyFrom, history.base + index);
  }
}
