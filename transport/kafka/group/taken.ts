/** That another process took a slot without a word of the group. */
export interface Taken {
  /** of the group, when it was noticed */
  readonly generation: number;
  /** monotonic ms */
  readonly at: number;
}

/** What was taken and the group still gives to this process is nobody's: who took it has died, or let go of it. ms until it is opened again */
const TAKEN_MS = 10_000;

/** Whether it counts as the other's: it is not opened again before the group has spoken anew, or for a while. `taken`: null where it was not; `now`: monotonic ms */
export function isTaken(taken: Taken | null, generation: number, now: number): boolean {
  return taken !== null && taken.generation === generation && now - taken.at < TAKEN_MS;
}
