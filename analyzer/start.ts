import { SHARE_ENV, Worker } from 'node:worker_threads';
import { errorOfThread } from '@millrace/runtime/thread-failure.ts';
import type { FromWorker, ToWorker, WorkerSetup } from './analyze-worker.ts';
import { analyze } from './run.ts';
import type { AnalyzeOptions, AnalyzeProgress } from './run-options.ts';
import { stdoutScreen } from './sinks/screen.ts';

/**
 * As `analyze`, but where logs are embedded on a thread of its own, so that a batch never holds up a record. Everything over a transport
 * that was handed in, or over memory, runs in this thread.
 */
export function startAnalyzer(options: AnalyzeOptions): Promise<AnalyzeProgress> {
  if (options.transport || options.profile.transport.type === 'memory') return analyze(options);
  return onThread(options);
}

async function onThread(options: AnalyzeOptions): Promise<AnalyzeProgress> {
  const { plan, profile, dataDir, wake, maxRecords, signal, untilEnd, onProgress, onBatch, onEvent, screen = stdoutScreen } = options;
  const setup: WorkerSetup = {
    plan,
    profile,
    dataDir,
    untilEnd: untilEnd !== null,
    json: screen.json,
    ...(wake === undefined ? {} : { wake }),
    ...(maxRecords === undefined ? {} : { maxRecords }),
  };
  // a native library reads the process' environment, not a thread's copy of it
  const worker = new Worker(new URL('./analyze-worker.ts', import.meta.url), { workerData: setup, env: SHARE_ENV });
  const tell = (message: ToWorker): void => worker.postMessage(message);
  const stop = (): void => tell('stop');
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    return await new Promise<AnalyzeProgress>((resolve, reject) => {
      // a record stage that fails ends this one as well, with its error
      untilEnd?.then(
        () => tell('ended'),
        (error: unknown) => {
          stop();
          reject(error);
        },
      );
      worker.on('error', reject);
      worker.on('exit', () => reject(new Error("the analyzer's thread ended without a word")));
      worker.on('message', (message: FromWorker) => {
        switch (message.kind) {
          case 'progress':
            onProgress(message.progress);
            break;
          case 'batch':
            onBatch(message.batch);
            break;
          case 'event':
            onEvent(message.event);
            break;
          case 'show':
            screen.write(message.text);
            break;
          case 'done':
            resolve(message.progress);
            break;
          case 'failed':
            reject(errorOfThread(message));
        }
      });
    });
  } finally {
    signal.removeEventListener('abort', stop);
    // what it holds of the data directory is given back first
    await new Promise<void>((resolve) => {
      if (worker.threadId === -1) resolve();
      else worker.once('exit', () => resolve());
    });
  }
}
