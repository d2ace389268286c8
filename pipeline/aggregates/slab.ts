/**
 * Rows of numbers in one array, all of a row side by side: what a step keeps of one group is in one or two lines of
 * the processor's cache, which is what a step with many groups waits for.
 */
export class Slab {
  data = new Float64Array(0);
  readonly stride: number;

  constructor(stride: number) {
    this.stride = stride;
  }

  /** makes room for rows 0 … rows − 1 */
  reserve(rows: number): void {
    if (rows * this.stride <= this.data.length) return;
    const larger = new Float64Array(rows * this.stride);
    larger.set(this.data);
    this.data = larger;
  }
}
