import type { BoundCalls } from '@millrace/pipeline/aggregates/calls.ts';
import { Cells } from '@millrace/pipeline/aggregates/cells.ts';
import type { RollingPlan } from '@millrace/pipeline/plan.ts';
import type { Value } from '@millrace/shared-schemas/types.ts';
import { END, HEAD, HISTORY_WIDTH, HistoryRecords, LATEST } from './history-records.ts';
import { RunningWindow } from './rolling-window.ts';

/** records of a key between two looks at what may be forgotten, less one; with 1 that is a power of two, as a remainder of doubles is slow */
const TIDY_MASK = 15;

/**
 * Each key's past, and what a few windows of it come to: of the latest record running, of one that comes out of order gone
 * through. A history is a number: its cell.
 */
export class Histories {
  /** a record that is further behind the watermark than this is read by no record that is not late */
  readonly keep: number;
  private readonly slack: number;
  private readonly calls: BoundCalls;
  private readonly cells: Cells;
  private readonly stride: number;
  private readonly records: HistoryRecords;
  private readonly windows: readonly RunningWindow[];
  /** for windows out of turn */
  private readonly aside: number;

  /** Windows over one history; `calls` are all of theirs, first those of the first. */
  constructor(plans: readonly Pick<RollingPlan, 'range' | 'delay' | 'allowedLateness' | 'calls'>[], calls: BoundCalls) {
    this.calls = calls;
    let first = 0;
    const owned = plans.map((plan) => plan.calls.map(() => first++));
    const width = owned.reduce((sum, own) => sum + RunningWindow.width(calls, own), HISTORY_WIDTH);
    this.cells = new Cells(calls.aggregates, width);
    this.stride = this.cells.slab.stride;
    this.records = new HistoryRecords(this.cells.slab, calls.arguments.length);
    let place = HISTORY_WIDTH;
    this.windows = plans.map((plan, i) => {
      const window = new RunningWindow(plan, this.records, calls, owned[i], place);
      place += RunningWindow.width(calls, owned[i]);
      return window;
    });
    this.aside = this.cells.take();
    this.keep = Math.max(...plans.map((plan) => 2 * (plan.range.size + plan.delay) + plan.allowedLateness));
    this.slack = Math.floor(this.keep / 8);
  }

  /** A history whose first record is number `first`. */
  open(first: number): number {
    const cell = this.cells.take();
    const at = cell * this.stride;
    this.records.open(at, first);
    for (const window of this.windows) window.open(at, first);
    return cell;
  }

  close(cell: number): void {
    const at = cell * this.stride;
    for (const window of this.windows) window.close(at);
    this.records.close(at);
    this.cells.release(cell);
  }

  first(cell: number): number {
    return this.cells.slab.data[cell * this.stride + HEAD];
  }

  end(cell: number): number {
    return this.cells.slab.data[cell * this.stride + END];
  }

  /** the time of the last record; there is one */
  latest(cell: number): number {
    return this.cells.slab.data[cell * this.stride + LATEST];
  }

  time(cell: number, n: number): number {
    return this.records.timeOf(cell * this.stride, n);
  }

  argument(cell: number, n: number, column: number): Value {
    return this.records.rings.value(this.records.address(cell * this.stride, n), column);
  }

  /** Appends a record that is not before the last, without touching the running windows; `settle` follows. */
  load(cell: number, time: number, values: readonly Value[]): void {
    this.records.append(cell * this.stride, time, values);
  }

  /** Builds the running windows of the last record. */
  settle(cell: number): void {
    if (this.end(cell) === this.first(cell)) return;
    for (const window of this.windows) window.settle(cell, cell * this.stride, this.latest(cell));
  }

  /** Takes a record in and gives its number. `isLast` tells whether its windows are the running ones. */
  insert(cell: number, time: number, values: readonly Value[]): number {
    const { data } = this.cells.slab;
    const at = cell * this.stride;
    const end = data[at + END];
    if (end === data[at + HEAD] || time >= data[at + LATEST]) {
      this.records.append(at, time, values);
      for (let i = 0; i < this.windows.length; i++) this.windows[i].advance(cell, at, time);
      return end;
    }
    const n = this.records.squeeze(at, time, values);
    for (const window of this.windows) window.mend(cell, at, n, time);
    return n;
  }

  isLast(cell: number, n: number): boolean {
    return n === this.end(cell) - 1;
  }

  /** The result of a call over its running window. @throws FlawError */
  result(cell: number, window: number, call: number): Value {
    return this.windows[window].result(cell, cell * this.stride, call);
  }

  /** Goes through the windows of a time; `resultAside` has the results then. */
  gather(cell: number, time: number): void {
    this.cells.clear(this.aside);
    for (const window of this.windows) window.gather(this.aside, cell * this.stride, time);
  }

  resultAside(call: number): Value {
    return this.calls.aggregates[call].result(this.aside);
  }

  /**
   * Now and then, forgets what no record that is not late can read any more; says whether it did. When that is follows from what
   * is saved, so that a recovery forgets as the uncrashed run would have.
   */
  tidy(cell: number, watermark: number): boolean {
    return ((this.cells.slab.data[cell * this.stride + END] | 0) & TIDY_MASK) === 0 && this.forget(cell, watermark, this.slack);
  }

  /** Forgets what no record that is not late can read any more, if the oldest is `slack` beyond that; says whether it did. */
  forget(cell: number, watermark: number, slack: number): boolean {
    const at = cell * this.stride;
    const bound = watermark - this.keep;
    if (!(this.records.oldest(at) <= bound - slack)) return false;
    const head = this.records.firstBehind(at, bound);
    for (const window of this.windows) window.forget(cell, at, head);
    this.records.forget(at, head);
    return true;
  }
}
