import { insertSorted } from './sorted.ts';

/**
 * When things may be forgotten: coarsely, so that a million keys are a few timers. Dues are rounded up to whole granules;
 * what is due at one time comes back together.
 */
export class Expiry<T> {
  private readonly granule: number;
  private readonly due = new Map<number, T[]>();
  private readonly times: number[] = [];

  /** `horizon`: how long things are kept, ms; they may stay an eighth longer */
  constructor(horizon: number) {
    this.granule = Math.max(1, Math.ceil(horizon / 8));
  }

  /** Puts it on the list and gives the time it is due. */
  add(item: T, after: number): number {
    const at = Math.ceil(after / this.granule) * this.granule;
    this.put(item, at);
    return at;
  }

  /** The same with a due that `add` gave before. */
  put(item: T, at: number): void {
    const items = this.due.get(at);
    if (items !== undefined) items.push(item);
    else {
      this.due.set(at, [item]);
      insertSorted(this.times, at);
    }
  }

  next(): number {
    return this.times.length > 0 ? this.times[0] : Number.POSITIVE_INFINITY;
  }

  take(at: number): readonly T[] {
    const items = this.due.get(at);
    if (items === undefined) return [];
    this.due.delete(at);
    this.times.splice(this.times.indexOf(at), 1);
    return items;
  }
}
