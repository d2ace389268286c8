import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Clock } from '@millrace/runtime/clock.ts';
import { errorOfThread } from '@millrace/runtime/thread-failure.ts';
import { assembleHost } from './assemble.ts';
import type { Host } from './host.ts';
import type { RunRecord } from './lifecycle.ts';
import type { Opened } from './open-pipeline.ts';
import type { RunOptions } from './run-options.ts';
import { type HostStats, MergedStats } from './stats.ts';
import type { FromWorker, ToWorker, WorkerSetup } from './worker.ts';

/** Everything that works on one run: one host in this thread, or one in each of several threads. */
export interface Crew {
  /** resolves when all tasks have ended their run, or have stopped; rejects with the first error of any */
  work(onTurn: () => void): Promise<void>;
  stop(): void;
  pause(): void;
  drainStats(): HostStats;
  readonly ended: boolean;
  close(): Promise<void>;
}

const TICK_MS = 100;

/** Opens and recovers all tasks. */
export async function startCrew(opened: Opened, run: RunRecord, options: RunOptions): Promise<Crew> {
  const setup = opened.setup(run);
  const tasks = opened.tasks();
  // where a death is to be explained, one step at a time must be under way
  const alone = opened.transport.kind !== 'embedded' || setup.careful !== null;
  const threads = alone ? 1 : Math.min(options.profile.parallelism, tasks.length);
  if (threads <= 1) return new Inline(await assembleHost(setup, opened.transport, options.clock, tasks));
  const share = (thread: number): typeof tasks => tasks.filter((_, i) => i % threads === thread);
  const setups = Array.from({ length: threads }, (_, i) => ({ setup, tasks: share(i), wake: opened.wake }));
  return Threads.start(setups, options.clock);
}

class Inline implements Crew {
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
  }

  work(onTurn: () => void): Promise<void> {
    return this.#host.run(onTurn);
  }

  stop(): void {
    this.#host.control.stopping = true;
  }

  pause(): void {
    this.#host.control.paused = true;
  }

  drainStats(): HostStats {
    return this.#host.drainStats();
  }

  get ended(): boolean {
    return this.#host.ended;
  }

  async close(): Promise<void> {
    this.#host.close();
  }
}

class Threads implements Crew {
  readonly #workers: readonly Worker[];
  readonly #done: Promise<unknown>;
  readonly #stats = new MergedStats();
  readonly #clock: Clock;
  #ended = 0;
  #finished = false;

  private constructor(workers: readonly Worker[], clock: Clock, ready: () => void) {
    this.#workers = workers;
    this.#clock = clock;
    let recovering = workers.length;
    this.#done = Promise.all(
      workers.map(
        (worker, thread) =>
          new Promise<void>((resolve, reject) => {
            worker.on('error', reject);
            worker.on('exit', () => resolve());
            worker.on('message', (message: FromWorker) => {
              if (message.kind === 'ready' && --recovering === 0) ready();
              if (message.kind === 'stats') this.#stats.add(thread, message.stats, clock.monotonic());
              if (message.kind === 'done' && message.ended) this.#ended++;
              if (message.kind === 'failed') reject(errorOfThread(message));
            });
          }),
      ),
    ).finally(() => {
      this.#finished = true;
    });
    this.#done.catch(() => {});
  }

  static async start(setups: readonly WorkerSetup[], clock: Clock): Promise<Threads> {
    let ready = (): void => {};
    const recovered = new Promise<void>((resolve) => {
      ready = resolve;
    });
    const entry = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);
    const threads = new Threads(
      setups.map((workerData) => new Worker(entry, { workerData })),
      clock,
      ready,
    );
    await Promise.race([recovered, threads.#done]);
    return threads;
  }

  async work(onTurn: () => void): Promise<void> {
    while (!this.#finished) {
      await Promise.race([this.#done, sleep(TICK_MS)]);
      onTurn();
    }
    await this.#done;
  }

  #tell(message: ToWorker): void {
    for (const worker of this.#workers) worker.postMessage(message);
  }

  stop(): void {
    this.#tell('stop');
  }

  pause(): void {
    this.#tell('pause');
  }

  drainStats(): HostStats {
    return this.#stats.drain(this.#clock.monotonic());
  }

  get ended(): boolean {
    return this.#ended === this.#workers.length;
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}
