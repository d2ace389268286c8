/** What a person wants to know of many latencies, ms. */
export interface LatencySummary {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** how many were counted */
  readonly records: number;
}

/**
 * Latencies of records from the moment each was due. Those of the time before the reader had caught up with what was there at the start say
 * how much that was, not how long a record takes: counting begins with the first record that is seen within `caughtUp` ms.
 */
export class Latencies {
  readonly #caughtUp: number;
  #values = new Float64Array(1024);
  #count = 0;

  constructor(caughtUp = 1000) {
    this.#caughtUp = caughtUp;
  }

  add(ms: number): void {
    if (this.#count === 0 && ms > this.#caughtUp) return;
    if (this.#count === this.#values.length) {
      const larger = new Float64Array(this.#count * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#count++] = ms;
  }

  /** of the last one; null before the first that counts */
  get latest(): number | null {
    return this.#count === 0 ? null : (this.#values[this.#count - 1] as number);
  }

  /** null before the first that counts */
  summary(): LatencySummary | null {
    if (this.#count === 0) return null;
    const sorted = this.#values.slice(0, this.#count).sort();
    const at = (p: number): number => sorted[Math.max(0, Math.ceil(p * this.#count) - 1)] as number;
    return { p50: at(0.5), p99: at(0.99), max: at(1), records: this.#count };
  }
}
