import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '@millrace/runtime/clock.ts';
import { threadFailure } from '@millrace/runtime/thread-failure.ts';
import type { FromThread, ThreadSetup, ToThread } from './messages.ts';
import { runShared } from './run.ts';

/** The life of one thread of a process that shares a pipeline: it takes part as a process of its own would. */
async function main(): Promise<void> {
  const port = parentPort as NonNullable<typeof parentPort>;
  const send = (message: FromThread): void => port.postMessage(message);
  const stop = new AbortController();
  port.on('message', (message: ToThread) => {
    if (message === 'stop') stop.abort();
  });
  try {
    const progress = await runShared({
      ...(workerData as ThreadSetup),
      clock: systemClock,
      signal: stop.signal,
      onProgress: (now) => send({ kind: 'progress', progress: now }),
      onEvent: (event) => send({ kind: 'event', event }),
    });
    send({ kind: 'done', progress });
  } catch (error) {
    send(threadFailure(error));
  } finally {
    port.close();
  }
}

await main();
