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

/** The same with a monotonic clock that is one for all threads of the process; else each thread's begins with it. Slower to read. */
export const commonClock: Clock = { ...systemClock, monotonic: () => Number(process.hrtime.bigint()) / 1e6 };
