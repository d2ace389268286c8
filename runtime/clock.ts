/** Wall time, as an argument. Nothing else in millrace reads the machine's clock. */
export interface Clock {
  /** epoch ms */
  now(): number;
  /** ms of a clock that never jumps, for intervals */
  monotonic(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};
