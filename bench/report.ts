/** Preloaded into measured processes: when they end, it leaves what they cost in the file that BENCH_REPORT names. */
import { writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

/** What a process cost, all its threads together. */
export interface Report {
  /** user and system time */
  readonly cpuMs: number;
  /** resident memory at its highest */
  readonly peakMb: number;
}

const file = process.env.BENCH_REPORT;
if (file !== undefined && isMainThread) {
  process.on('exit', () => {
    const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
    writeFileSync(file, JSON.stringify({ cpuMs: (userCPUTime + systemCPUTime) / 1000, peakMb: maxRSS / 1024 } satisfies Report));
  });
}
