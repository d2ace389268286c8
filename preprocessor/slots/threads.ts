import { Worker } from 'node:worker_threads';
import { sumOfCounts } from '@millrace/runtime/counts.ts';
import { errorOfThread } from '@millrace/runtime/thread-failure.ts';
import type { RunOptions, RunProgress } from '../run-options.ts';
import type { FromThread, ThreadSetup, ToThread } from './messages.ts';

/** Takes part in a pipeline with as many threads as the profile says: each is a member of the group, and has slots, client and copy of the ledger to itself. */
export async function runThreads(options: RunOptions): Promise<RunProgress> {
  const { plan, profile, dataDir, untilEnd, maxRecords, begun, signal, onEvent, onProgress } = options;
  const workerData: ThreadSetup = {
    plan,
    profile,
    dataDir,
    untilEnd,
    ...(maxRecords === undefined ? {} : { maxRecords }),
    ...(begun === undefined ? {} : { begun }),
  };
  const last: RunProgress[] = [];
  /** threads notice the same things, each for itself */
  const said = new Set<string>();
  const workers = Array.from({ length: profile.parallelism }, () => new Worker(new URL('./thread.ts', import.meta.url), { workerData }));
  const stop = (): void => {
    for (const worker of workers) worker.postMessage('stop' satisfies ToThread);
  };
  const work = (worker: Worker, thread: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const fail = (error: Error): void => {
        // what the others have done is saved before this is thrown
        stop();
        reject(error);
      };
      let over = false;
      worker.on('error', fail);
      worker.on('exit', (code) => (over ? resolve() : fail(new Error(`thread ${thread} ended by itself (${code})`))));
      worker.on('message', (message: FromThread) => {
        if (message.kind === 'event') {
          if (message.event.code === 'slots' || !said.has(message.event.message)) onEvent(message.event);
          said.add(message.event.message);
        } else if (message.kind === 'failed') {
          over = true;
          fail(errorOfThread(message));
        } else {
          last[thread] = message.progress;
          over = message.kind === 'done';
          onProgress(merged(last.filter((progress) => progress !== undefined)));
        }
      });
    });
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  try {
    const threads = workers.map(work);
    const results = await Promise.allSettled(threads);
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
    return merged(last);
  } finally {
    signal.removeEventListener('abort', stop);
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

const ORDER: readonly RunProgress['state'][] = ['stopping', 'paused', 'running', 'recovering', 'done'];

/** What several have done, as if one had. */
export function merged(parts: readonly RunProgress[]): RunProgress {
  const sum = (of: (part: RunProgress) => number): number => parts.reduce((total, part) => total + of(part), 0);
  const sums = (of: (part: RunProgress) => Readonly<Record<string, number>>): Record<string, number> => sumOfCounts(parts.map(of));
  const one = (of: (...values: number[]) => number, values: readonly (number | null)[]): number | null => {
    const known = values.filter((value) => value !== null);
    return known.length === 0 ? null : of(...known);
  };
  const watermarks = (of: readonly RunProgress[]): (number | null)[] => of.map(({ watermark }) => watermark);
  const atWork = parts.filter(({ state }) => state !== 'done');
  return {
    elapsedMs: Math.max(...parts.map(({ elapsedMs }) => elapsedMs)),
    recordsIn: sum(({ recordsIn }) => recordsIn),
    out: sums(({ out }) => out),
    deadLetters: sum(({ deadLetters }) => deadLetters),
    deadLettersByCode: sums(({ deadLettersByCode }) => deadLettersByCode),
    dropped: sum(({ dropped }) => dropped),
    watermark: atWork.length > 0 ? one(Math.min, watermarks(atWork)) : one(Math.max, watermarks(parts)),
    lag: sums(({ lag }) => lag),
    fraction: one(
      Math.min,
      parts.map(({ fraction }) => fraction),
    ),
    state: ORDER.find((state) => parts.some((part) => part.state === state)) ?? 'recovering',
    silentMs: Math.max(...parts.map(({ silentMs }) => silentMs)),
    commits: {
      count: sum(({ commits }) => commits.count),
      snapshots: sum(({ commits }) => commits.snapshots),
      ms: sum(({ commits }) => commits.ms),
    },
    tables: { taken: sum(({ tables }) => tables.taken), refused: sum(({ tables }) => tables.refused) },
  };
}
