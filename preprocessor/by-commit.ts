import type { Clock } from '@millrace/runtime/clock.ts';
import { probe } from '@millrace/runtime/probe.ts';
import type { Commit, Transport } from '@millrace/transport/log.ts';
import { Commits, type Pace } from './commits.ts';
import type { Ends } from './ends.ts';
import { finish } from './operators/gradual.ts';
import type { Outflow, Work } from './outflow.ts';

/** Lets out what tasks make with commits: records, journal and progress together, when a commit is due. */
export class ByCommit implements Outflow {
  readonly #work: Work;
  readonly #clock: Clock;
  readonly #commits: Commits;
  readonly #ends: Ends | null;

  constructor(work: Work, transport: Transport, clock: Clock, fence: Commit['fence'], pace: Pace, ends: Ends | null) {
    this.#work = work;
    this.#clock = clock;
    this.#commits = new Commits(transport, clock, fence, pace);
    this.#ends = ends;
  }

  async begin(): Promise<void> {}

  async turn(now: number, pending: number, stopping: boolean): Promise<boolean> {
    if (!this.#commits.due(now, pending) && !stopping && !this.#work.careful) return false;
    const { tasks, worked, due } = this.#work;
    for (const task of tasks) if (task.speak()) worked.add(task);
    if (worked.size === 0) return false;
    await this.#commits.settled();
    for (const task of worked) if (task.unsettled) await task.settle();
    const saving = this.#clock.cpu();
    const saves = tasks.filter((task) => due.has(task) && worked.has(task) && !task.catchingUp);
    if (saves.length > 0) await this.#ends?.look();
    // in the order of the tasks, whichever are due: so that the order of rows in an exchange does not depend on it
    const commits = tasks
      .filter((task) => worked.has(task))
      .map((task) => {
        if (!saves.includes(task)) return task.commit();
        probe('snapshot.before');
        return this.#snapshot(task, now);
      });
    if (this.#work.caution) commits.push({ appenders: [], puts: this.#work.suspicion() });
    probe('batch.processed');
    await this.#commits.begin(commits);
    const cost = this.#clock.cpu() - saving;
    for (const task of saves) {
      task.budget.saved(cost / saves.length);
      due.delete(task);
    }
    worked.clear();
    return true;
  }

  #snapshot(task: Work['tasks'][number], now: number): Commit {
    const cut = task.snapshot(now);
    finish(cut.slices);
    const commit = cut.commit();
    // what is let out with it lies behind the ends that were asked for before it
    return this.#ends ? { ...commit, puts: [...commit.puts, task.ends(this.#ends.of(task.topics))] } : commit;
  }

  rest(now: number, most: number, wait: (ms: number) => Promise<void>): Promise<void> {
    return wait(this.#work.worked.size > 0 ? Math.min(most, this.#commits.wait(now)) : most);
  }

  async finish(): Promise<void> {
    await this.#commits.settled();
    const now = this.#clock.monotonic();
    const saved = this.#work.tasks.filter((task) => !task.catchingUp && (task.unsaved || this.#work.worked.has(task)));
    for (const task of saved) if (task.unsettled) await task.settle();
    if (saved.length > 0) await this.#ends?.look();
    const commits = saved.map((task) => this.#snapshot(task, now));
    if (this.#work.caution) commits.push({ appenders: [], puts: this.#work.suspicion(true) });
    if (commits.length > 0) await this.#commits.begin(commits);
    await this.#commits.settled();
  }

  drainCounts(): ReturnType<Outflow['drainCounts']> {
    return this.#commits.drainCounts();
  }
}
