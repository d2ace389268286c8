import { setImmediate as macrotask } from 'node:timers/promises';
import type { Clock } from '@millrace/runtime/clock.ts';
import { probe } from '@millrace/runtime/probe.ts';
import type { Commit, Transport } from '@millrace/transport/log.ts';
import { addCommits, emptyStats, type HostStats } from './stats.ts';
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
 * Runs some of a pipeline's tasks in this thread: each turn every task takes what is ready, then all they did becomes one
 * commit. Ends when every task has ended its run, or when told to stop.
 */
export class Host {
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #tasks: readonly OpenTask[];
  readonly #fence: Commit['fence'];
  readonly #snapshotEvery: number;
  readonly #release: () => void;
  #caution: Caution | null;
  readonly control: HostControl = { stopping: false, paused: false };
  #commits = emptyStats().commits;

  constructor(
    transport: Transport,
    clock: Clock,
    tasks: readonly OpenTask[],
    fence: Commit['fence'],
    snapshotEvery: number,
    caution: Caution | null,
    release: () => void,
  ) {
    this.#transport = transport;
    this.#clock = clock;
    this.#tasks = tasks;
    this.#fence = fence;
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
      else await this.#transport.log.wait(POLL_MS, seen);
    }
    await this.#snapshotAll();
  }

  async #turn(now: number): Promise<boolean> {
    const { stopping, paused } = this.control;
    const worked: OpenTask[] = [];
    const due: OpenTask[] = [];
    for (const task of this.#tasks) {
      const before = this.#clock.cpu();
      if (!task.turn(now, stopping || paused)) continue;
      worked.push(task);
      const spent = task.budget.worked(this.#clock.cpu() - before);
      if (spent || now - task.snapshotAt >= this.#snapshotEvery) due.push(task);
    }
    if (worked.length === 0) return false;
    for (const task of worked) if (task.unsettled) await task.settle();
    const saving = this.#clock.cpu();
    // in the order of the tasks, whichever are due: so that the order of rows in an exchange does not depend on it
    const commits = worked.map((task) => {
      if (!due.includes(task)) return task.commit();
      probe('snapshot.before');
      return task.snapshot(now);
    });
    if (this.#caution?.needed) this.#watch(commits, this.#caution);
    else if (this.#caution) this.#trust(commits);
    probe('batch.processed');
    await this.#commit(commits);
    if (due.length > 0) {
      const cost = this.#clock.cpu() - saving;
      for (const task of due) task.budget.saved(cost / due.length);
    }
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
    const now = this.#clock.monotonic();
    const commits = this.#tasks.filter((task) => task.unsaved).map((task) => task.snapshot(now));
    if (this.#caution) this.#trust(commits);
    if (commits.length > 0) await this.#commit(commits);
  }

  async #commit(commits: readonly Commit[]): Promise<void> {
    const snapshots = commits.some((commit) => commit.deleteRanges !== undefined);
    const begun = this.#clock.monotonic();
    await this.#transport.commit({
      appenders: [...new Set(commits.flatMap((commit) => commit.appenders))],
      puts: commits.flatMap((commit) => commit.puts),
      deleteRanges: commits.flatMap((commit) => commit.deleteRanges ?? []),
      truncate: commits.flatMap((commit) => commit.truncate ?? []),
      ...(this.#fence ? { fence: this.#fence } : {}),
    });
    addCommits(this.#commits, { count: 1, snapshots: snapshots ? 1 : 0, ms: this.#clock.monotonic() - begun });
    probe('batch.committed');
    if (snapshots) probe('snapshot.after');
  }

  drainStats(): HostStats {
    const stats = { ...emptyStats(), commits: this.#commits };
    this.#commits = emptyStats().commits;
    for (const task of this.#tasks) task.addStats(stats);
    return stats;
  }

  close(): void {
    for (const task of this.#tasks) task.close();
    this.#release();
  }
}
