/** What is done bit by bit, with a `yield` between two: each a few microseconds. */
export type Slices = Generator<undefined, void, undefined>;

/**
 * The entries of a snapshot that is written while its operator goes on. They are written as they stood when it began: what changes before its turn is
 * written before it changes, by `touch`.
 */
export class Gradual<T> {
  private waiting: Set<T> | null = null;
  private save: (item: T) => void = () => {};

  /** `save` takes each of the items, which are its own from then on. */
  *write(items: Set<T>, save: (item: T) => void): Slices {
    if (this.waiting !== null) throw new Error('a snapshot is under way');
    this.waiting = items;
    this.save = save;
    for (const item of items) {
      items.delete(item);
      save(item);
      yield;
    }
    this.waiting = null;
  }

  /** An item is about to change. */
  touch(item: T): void {
    if (this.waiting?.delete(item)) this.save(item);
  }
}

/** Does all of it at once. */
export function finish(slices: Slices): void {
  while (slices.next().done !== true);
}
