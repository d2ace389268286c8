import type { Aggregate } from './aggregate.ts';
import { Slab } from './slab.ts';

/** Hands out the cells that a step's aggregates share: one row of one slab for one group in all of them. */
export class Cells {
  readonly slab: Slab;
  private readonly aggregates: readonly Aggregate[];
  private readonly free: number[] = [];
  private used = 0;
  private capacity = 0;

  /** `head`: how many numbers the owner keeps in front of a row; `take` does not clear them */
  constructor(aggregates: readonly Aggregate[], head = 0) {
    this.aggregates = aggregates;
    this.slab = new Slab(aggregates.reduce((sum, { width }) => sum + width, head));
    let offset = head;
    for (const aggregate of aggregates) {
      aggregate.attach(this.slab, offset);
      offset += aggregate.width;
    }
  }

  /** An empty cell. */
  take(): number {
    const cell = this.free.pop() ?? this.used++;
    if (cell >= this.capacity) {
      this.capacity = Math.max(64, this.capacity * 2);
      this.slab.reserve(this.capacity);
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
