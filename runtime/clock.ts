/** Wall time, as an argument. Nothing else in millrace reads the machine's clock. */
export interface Clock {
  /** epoch ms */
  now(): number;
  /** ms of a clock that never jumps, for intervals */
  monotonic(): number;
  /** ms of processor time that this thread has used */
  cpu(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  cpu: () => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  },
};
