import { setImmediate as macrotask } from 'node:timers/promises';
import type { Clock } from '@millrace/runtime/clock.ts';
import { probe } from '@millrace/runtime/probe.ts';
import type { Commit, Transport } from '@millrace/transport/log.ts';
import { Commits, type Pace } from './commits.ts';
import { emptyStats, type HostStats } from './stats.ts';
import type { Caution } from './suspect.ts';
import type { OpenTask } from './task/open-task.ts';

/** After a stop: how long exchanges may take to drain, and how long quiet means drained, ms. */
const DRAIN_MS = 5000;
const QUIET_MS = 50;
const POLL_MS = 10;

export interface HostControl {
  /** finish the batch, drain, snapshot, return */
  stopping: boolean;
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
  readonly #tasks: readonly OpenTask[];
  readonly #commits: Commits;
  readonly #snapshotEvery: number;
  readonly #release: () => void;
  #caution: Caution | null;
  readonly control: HostControl = { stopping: false, paused: false };
  /** did something since their last commit; and are to save their state in the next */
  readonly #worked = new Set<OpenTask>();
  readonly #due = new Set<OpenTask>();

  constructor(
    transport: Transport,
    clock: Clock,
    tasks: readonly OpenTask[],
    fence: Commit['fence'],
    pace: Pace,
    snapshotEvery: number,
    caution: Caution | null,
    release: () => void,
  ) {
    this.#transport = transport;
    this.#clock = clock;
    this.#tasks = tasks;
    this.#commits = new Commits(transport, clock, fence, pace);
    this.#snapshotEvery = snapshotEvery;
    this.#caution = caution;
    this.#release = release;
    if (caution)
      for (const task of tasks)
        task.careful = (record, taking) => {
          transport.note(caution.before(task.name, record, taking), fence);
          probe('batch.committed');
        };
  }

  get ended(): boolean {
    return this.#tasks.every((task) => task.ended);
  }

  async run(onTurn: () => void): Promise<void> {
    let stoppedAt = -1;
    let quietSince = -1;
    for (;;) {
      const now = this.#clock.monotonic();
      const seen = this.#transport.log.version();
      const worked = await this.#turn(now);
      onTurn();
      if (this.ended) break;
      if (this.control.stopping) {
        if (stoppedAt < 0) stoppedAt = now;
        if (worked) quietSince = -1;
        else if (quietSince < 0) quietSince = now;
        if (now - stoppedAt > DRAIN_MS || (quietSince >= 0 && now - quietSince > QUIET_MS)) break;
      }
      if (worked) await macrotask();
      else await this.#transport.log.wait(this.#worked.size > 0 ? Math.min(POLL_MS, this.#commits.wait(now)) : POLL_MS, seen);
    }
    await this.#snapshotAll();
  }

  async #turn(now: number): Promise<boolean> {
    const { stopping, paused } = this.control;
    let working = false;
    let pending = 0;
    for (const task of this.#tasks) {
      const before = this.#clock.cpu();
      const worked = task.turn(now, stopping || paused);
      pending += task.pendingBytes;
      if (!worked) continue;
      working = true;
      this.#worked.add(task);
      const spent = task.budget.worked(this.#clock.cpu() - before);
      if (spent || now - task.snapshotAt >= this.#snapshotEvery) this.#due.add(task);
    }
    const held = !this.#commits.due(now, pending) && !stopping && this.#caution === null && !this.#tasks.some(({ wary }) => wary);
    if (held) return working;
    return (await this.#commitTurns(now)) || working;
  }

  /** Commits what was done since the last time; false when that is nothing. */
  async #commitTurns(now: number): Promise<boolean> {
    for (const task of this.#tasks) if (task.speak()) this.#worked.add(task);
    if (this.#worked.size === 0) return false;
    await this.#commits.settled();
    for (const task of this.#worked) if (task.unsettled) await task.settle();
    const saving = this.#clock.cpu();
    const due = this.#due.size;
    // in the order of the tasks, whichever are due: so that the order of rows in an exchange does not depend on it
    const commits = this.#tasks
      .filter((task) => this.#worked.has(task))
      .map((task) => {
        if (!this.#due.has(task)) return task.commit();
        probe('snapshot.before');
        return task.snapshot(now);
      });
    if (this.#caution?.needed) this.#watch(commits, this.#caution);
    else if (this.#caution) this.#trust(commits);
    probe('batch.processed');
    await this.#commits.begin(commits);
    if (due > 0) {
      const cost = this.#clock.cpu() - saving;
      for (const task of this.#due) task.budget.saved(cost / due);
    }
    this.#worked.clear();
    this.#due.clear();
    return true;
  }

  #watch(commits: Commit[], caution: Caution): void {
    commits.push({ appenders: [], puts: caution.after() });
    for (const task of this.#tasks) if (caution.trusts(task.name)) task.careful = null;
  }

  #trust(commits: Commit[]): void {
    commits.push({ appenders: [], puts: this.#caution?.over() ?? [] });
    this.#caution = null;
    for (const task of this.#tasks) task.careful = null;
  }

  async #snapshotAll(): Promise<void> {
    await this.#commits.settled();
    const now = this.#clock.monotonic();
    const saved = this.#tasks.filter((task) => task.unsaved || this.#worked.has(task));
    for (const task of saved) if (task.unsettled) await task.settle();
    const commits = saved.map((task) => task.snapshot(now));
    if (this.#caution) this.#trust(commits);
    if (commits.length > 0) await this.#commits.begin(commits);
    await this.#commits.settled();
  }

  drainStats(): HostStats {
    const stats = { ...emptyStats(), commits: this.#commits.drainCounts() };
    for (const task of this.#tasks) task.addStats(stats);
    return stats;
  }

  close(): void {
    for (const task of this.#tasks) task.close();
    this.#release();
  }
}
