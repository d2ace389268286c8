import type { Position } from '../log.ts';

/** places closer than this are not worth remembering */
const STEP = 64 * 1024;

/** Remembers, in steps, which record begins at which byte of a file, so that an earlier one is found again by a short read. */
export class PlaceIndex {
  readonly #offsets: number[] = [0];
  readonly #bytes: number[] = [0];

  add(offset: number, byte: number): void {
    const at = this.#at(this.#bytes, byte);
    if (byte - this.#bytes[at] < STEP) return;
    this.#offsets.splice(at + 1, 0, offset);
    this.#bytes.splice(at + 1, 0, byte);
  }

  /** the last place known at or before the record */
  before(offset: number): Position {
    const at = this.#at(this.#offsets, offset);
    return { offset: this.#offsets[at], byte: this.#bytes[at] };
  }

  /** index of the last number ≤ `wanted`; the first is 0 */
  #at(numbers: readonly number[], wanted: number): number {
    let low = 1;
    let high = numbers.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (numbers[middle] <= wanted) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
