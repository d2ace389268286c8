import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '@millrace/runtime/clock.ts';
import { type ThreadFailure, threadFailure } from '@millrace/runtime/thread-failure.ts';
import { openEmbedded } from '@millrace/transport/embedded/open.ts';
import { assembleHost } from './assemble.ts';
import type { HostSetup } from './setup.ts';
import type { HostStats } from './stats.ts';

/** What a thread gets to start with: its tasks, and the counter that wakes the others. */
export interface WorkerSetup {
  readonly setup: HostSetup;
  readonly tasks: readonly (readonly [stage: number, task: number])[];
  readonly wake: SharedArrayBuffer;
}

export type ToWorker = 'stop' | 'pause';
export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'stats'; readonly stats: HostStats }
  | { readonly kind: 'done'; readonly ended: boolean }
  | ThreadFailure;

const STATS_MS = 200;

/** The life of one thread: open the data directory, recover its tasks, work, say how it went. */
async function main(): Promise<void> {
  const { setup, tasks, wake } = workerData as WorkerSetup;
  const port = parentPort as NonNullable<typeof parentPort>;
  const send = (message: FromWorker): void => port.postMessage(message);
  const transport = openEmbedded(setup.dataDir, { wake });
  try {
    const host = await assembleHost(setup, transport, systemClock, tasks);
    port.on('message', (message: ToWorker) => {
      if (message === 'stop') host.control.stopping = true;
      else host.control.paused = true;
    });
    send({ kind: 'ready' });
    let last = 0;
    await host.run(() => {
      const now = systemClock.monotonic();
      if (now - last < STATS_MS) return;
      last = now;
      send({ kind: 'stats', stats: host.drainStats() });
    });
    send({ kind: 'stats', stats: host.drainStats() });
    send({ kind: 'done', ended: host.ended });
    host.close();
  } catch (error) {
    send(threadFailure(error));
  } finally {
    await transport.close();
    port.close();
  }
}

await main();
