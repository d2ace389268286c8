import { setImmediate as macrotask } from 'node:timers/promises';
import type { Clock } from '@millrace/runtime/clock.ts';
import { probe } from '@millrace/runtime/probe.ts';
import type { Commit, Transport } from '@millrace/transport/log.ts';
import { AtOnce } from './at-once.ts';
import { ByCommit } from './by-commit.ts';
import type { Pace } from './commits.ts';
import type { Ends } from './ends.ts';
import { type Outflow, Work } from './outflow.ts';
import { emptyStats, type HostStats } from './stats.ts';
import type { Caution } from './suspect.ts';
import type { TaskCore } from './task/core.ts';
import type { OpenTask } from './task/open-task.ts';

/** After a stop: how long exchanges may take to drain, and how long quiet means drained, ms. */
const DRAIN_MS = 5000;
const QUIET_MS = 50;
const POLL_MS = 10;

export interface HostControl {
  /** finish the batch, drain, snapshot, return */
  stopping: boolean;
  /** finish the turn, snapshot, return: another goes on at once with what is in the exchanges */
  leaving: boolean;
  /** take no more from sources until told otherwise */
  paused: boolean;
}

/**
 * Runs some of a pipeline's tasks in this thread: each turn every task takes what is ready, and all they did since the last commit becomes one
 * when that is due. Ends when every task has ended its run, or when told to stop.
 */
export class Host {
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #work: Work;
  readonly #outflow: Outflow;
  readonly #snapshotEvery: number;
  readonly #release: () => void;
  readonly control: HostControl = { stopping: false, leaving: false, paused: false };

  /** `ends`: where the topics that the tasks write end; null where that need not be known */
  constructor(
    transport: Transport,
    clock: Clock,
    tasks: readonly OpenTask[],
    fence: Commit['fence'],
    pace: Pace,
    ends: Ends | null,
    snapshotEvery: number,
    caution: Caution | null,
    release: () => void,
  ) {
    const { immediate } = transport;
    const work = new Work(tasks, caution);
    this.#transport = transport;
    this.#clock = clock;
    this.#work = work;
    this.#outflow =
      immediate && ends ? new AtOnce(work, transport, immediate, clock, fence, pace, ends) : new ByCommit(work, transport, clock, fence, pace, ends);
    this.#snapshotEvery = snapshotEvery;
    this.#release = release;
    if (caution)
      for (const task of tasks)
        task.careful = (record, taking) => {
          transport.note(caution.before(task.name, record, taking), fence);
          probe('batch.committed');
        };
  }

  get ended(): boolean {
    return this.#work.tasks.every((task) => task.ended);
  }

  async run(onTurn: () => void): Promise<void> {
    let stoppedAt = -1;
    let quietSince = -1;
    await this.#outflow.begin();
    for (;;) {
      const now = this.#clock.monotonic();
      const seen = this.#transport.log.version();
      const worked = await this.#turn(now);
      onTurn();
      if (this.ended) break;
      const { stopping, leaving } = this.control;
      // what had left is made again before anything else, a stop too
      if ((stopping || leaving) && !this.#work.tasks.some(({ catchingUp }) => catchingUp)) {
        if (leaving) break;
        if (stoppedAt < 0) stoppedAt = now;
        if (worked) quietSince = -1;
        else if (quietSince < 0) quietSince = now;
        if (now - stoppedAt > DRAIN_MS || (quietSince >= 0 && now - quietSince > QUIET_MS)) break;
      }
      if (worked) await macrotask();
      else await this.#outflow.rest(now, POLL_MS, (ms) => this.#transport.log.wait(ms, seen));
    }
    await this.#outflow.finish();
  }

  async #turn(now: number): Promise<boolean> {
    const { stopping, paused } = this.control;
    const { tasks, worked, due } = this.#work;
    let working = false;
    let pending = 0;
    for (const task of tasks) {
      const before = this.#clock.cpu();
      const did = task.turn(now, stopping || paused);
      pending += task.pendingBytes;
      if (!did) continue;
      working = true;
      worked.add(task);
      const spent = task.budget.worked(this.#clock.cpu() - before);
      if (spent || now - task.snapshotAt >= this.#snapshotEvery) due.add(task);
    }
    return (await this.#outflow.turn(now, pending, stopping)) || working;
  }

  /** what each task knows of itself, in the order of the tasks */
  get cores(): readonly TaskCore[] {
    return this.#work.tasks.map(({ core }) => core);
  }

  drainStats(): HostStats {
    const stats = { ...emptyStats(), commits: this.#outflow.drainCounts() };
    for (const task of this.#work.tasks) task.addStats(stats);
    return stats;
  }

  close(): void {
    for (const task of this.#work.tasks) task.close();
    this.#release();
  }
}
