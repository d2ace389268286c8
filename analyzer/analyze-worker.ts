import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '@millrace/runtime/clock.ts';
import { type ThreadFailure, threadFailure } from '@millrace/runtime/thread-failure.ts';
import type { BatchProgress } from './batch/progress.ts';
import { analyze } from './run.ts';
import type { AnalyzeOptions, AnalyzeProgress } from './run-options.ts';

/** What the analyzer's thread gets to start with. */
export interface WorkerSetup extends Omit<AnalyzeOptions, 'clock' | 'signal' | 'untilEnd' | 'onProgress' | 'onBatch' | 'onEvent' | 'screen' | 'transport'> {
  readonly untilEnd: boolean;
  /** of the screen, which is in the other thread */
  readonly json: boolean;
}

/** `ended`: the record stage has */
export type ToWorker = 'stop' | 'ended';
export type FromWorker =
  | { readonly kind: 'progress'; readonly progress: AnalyzeProgress }
  | { readonly kind: 'batch'; readonly batch: BatchProgress }
  | { readonly kind: 'event'; readonly event: Parameters<AnalyzeOptions['onEvent']>[0] }
  | { readonly kind: 'show'; readonly text: string }
  | { readonly kind: 'done'; readonly progress: AnalyzeProgress }
  | ThreadFailure;

/** The life of the analyzer's thread: run, and say how it went. */
async function main(): Promise<void> {
  const { untilEnd, json, ...setup } = workerData as WorkerSetup;
  const port = parentPort as NonNullable<typeof parentPort>;
  const send = (message: FromWorker): void => port.postMessage(message);
  const stop = new AbortController();
  let ended = (): void => {};
  const recordStage = new Promise<void>((resolve) => {
    ended = resolve;
  });
  port.on('message', (message: ToWorker) => {
    if (message === 'stop') stop.abort();
    else ended();
  });
  try {
    const progress = await analyze({
      ...setup,
      clock: systemClock,
      signal: stop.signal,
      untilEnd: untilEnd ? recordStage : null,
      onProgress: (progress) => send({ kind: 'progress', progress }),
      onBatch: (batch) => send({ kind: 'batch', batch }),
      onEvent: (event) => send({ kind: 'event', event }),
      screen: { json, write: (text) => send({ kind: 'show', text }) },
    });
    send({ kind: 'done', progress });
  } catch (error) {
    send(threadFailure(error));
  } finally {
    port.close();
  }
}

await main();
