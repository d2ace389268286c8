import type { Aggregate } from '@millrace/pipeline/aggregates/aggregate.ts';
import type { Cells } from '@millrace/pipeline/aggregates/cells.ts';
import { Queue } from './queue.ts';
import { lowerBound } from './sorted.ts';

/** Panes of one key, ascending by start; `cells` beside them. */
export interface Panes {
  readonly starts: number[];
  readonly cells: number[];
}

/**
 * The aggregates over a run of panes that moves forward, each pane entering and leaving once: those that are exact keep a
 * running cell, the others a queue of the panes that may yet be the answer (the monotonic queue of sliding minima).
 * All of it follows from the panes, so nothing here is saved.
 */
export class PaneRun {
  /** panes that start in [from, to) are in */
  from = 0;
  to = 0;
  private readonly aggregates: readonly Aggregate[];
  private readonly cells: Cells;
  private readonly cell: number;
  private readonly queues: Queue[];

  constructor(aggregates: readonly Aggregate[], cells: Cells) {
    this.aggregates = aggregates;
    this.cells = cells;
    this.cell = cells.take();
    this.queues = aggregates.map(() => new Queue());
  }

  release(): void {
    this.cells.release(this.cell);
  }

  reset(): void {
    this.cells.clear(this.cell);
    for (const queue of this.queues) queue.clear();
    this.to = this.from;
  }

  /** Moves on to the panes in [from, to); starts afresh when that is not a move forward. */
  move(panes: Panes, from: number, to: number): void {
    if (from < this.from || to < this.to || from >= this.to) {
      this.reset();
      this.from = from;
      this.to = from;
    } else this.dropBefore(panes, from);
    const { starts, cells } = panes;
    for (let i = lowerBound(starts, this.to); i < starts.length && starts[i] < to; i++) this.enter(cells[i]);
    this.to = to;
  }

  /** Lets go of the panes that start before a time, while they are still there. */
  dropBefore(panes: Panes, from: number): void {
    const { starts, cells } = panes;
    const before = Math.min(from, this.to);
    for (let i = lowerBound(starts, this.from); i < starts.length && starts[i] < before; i++) this.leave(cells[i]);
    if (from > this.from) this.from = from;
    if (this.to < this.from) this.to = this.from;
  }

  /** The cell that holds an aggregate's answer; −1 when no row is in it. */
  cellOf(call: number): number {
    return this.aggregates[call].kind === 'invertible' ? this.cell : this.queues[call].front();
  }

  private enter(cell: number): void {
    for (let i = 0; i < this.aggregates.length; i++) {
      const aggregate = this.aggregates[i];
      if (aggregate.kind === 'invertible') aggregate.merge(this.cell, cell);
      else if (!aggregate.isEmpty(cell)) {
        const queue = this.queues[i];
        while (queue.size > 0 && aggregate.beats(cell, queue.back())) queue.pop();
        queue.push(cell);
      }
    }
  }

  private leave(cell: number): void {
    for (let i = 0; i < this.aggregates.length; i++) {
      const aggregate = this.aggregates[i];
      if (aggregate.kind === 'invertible') aggregate.unmerge(this.cell, cell);
      else if (this.queues[i].front() === cell) this.queues[i].shift();
    }
  }
}
