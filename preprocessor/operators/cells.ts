import type { Aggregate } from '../aggregates/aggregate.ts';

/** Hands out the cells that a step's aggregates share: one number for one group in all of them. */
export class Cells {
  private readonly aggregates: readonly Aggregate[];
  private readonly free: number[] = [];
  private used = 0;
  private capacity = 0;

  constructor(aggregates: readonly Aggregate[]) {
    this.aggregates = aggregates;
  }

  /** An empty cell. */
  take(): number {
    const cell = this.free.pop() ?? this.used++;
    if (cell >= this.capacity) {
      this.capacity = Math.max(64, this.capacity * 2);
      for (const aggregate of this.aggregates) aggregate.reserve(this.capacity);
    }
    this.clear(cell);
    return cell;
  }

  release(cell: number): void {
    this.clear(cell);
    this.free.push(cell);
  }

  clear(cell: number): void {
    for (let i = 0; i < this.aggregates.length; i++) this.aggregates[i].clear(cell);
  }
}
