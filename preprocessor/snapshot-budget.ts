/** Replaying what lies behind a snapshot should take no longer than this much work, ms … */
const REPLAY_BUDGET_MS = 2000;
/** … unless saving the state costs more than this share of the work between. */
const MOST_SHARE = 1 / 20;

/**
 * When one task's next snapshot is due, by the processor time of its work: a busy machine makes it neither earlier nor later. What
 * changed between two snapshots grows slower than the work, so the cost of the last one is a fair guess of the next.
 */
export class SnapshotBudget {
  #work = 0;
  #cost = 0;

  /** Adds work done since the last snapshot, ms; whether one is due. */
  worked(ms: number): boolean {
    this.#work += ms;
    return this.#work >= Math.max(REPLAY_BUDGET_MS, this.#cost / MOST_SHARE);
  }

  /** A snapshot begins: what is done from now on counts towards the next. */
  begun(): void {
    this.#work = 0;
  }

  /** It is written, which cost so much, ms. */
  saved(ms: number): void {
    this.#cost = ms;
  }
}
