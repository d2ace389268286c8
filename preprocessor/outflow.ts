import type { Commit } from '@millrace/transport/log.ts';
import type { Commits as Counts } from './stats.ts';
import type { Caution } from './suspect.ts';
import type { OpenTask } from './task/open-task.ts';

/** How what the tasks of a host make gets out: with commits, or at once. */
export interface Outflow {
  /** before the first turn */
  begin(): Promise<void>;
  /** After each turn. `pending`: bytes made and not on their way. True when something was done. @throws what has failed */
  turn(now: number, pending: number, stopping: boolean): Promise<boolean>;
  /** Waits at most `most` ms, by `wait`, for something to do. */
  rest(now: number, most: number, wait: (ms: number) => Promise<void>): Promise<void>;
  /** Lets everything out and saves all state. */
  finish(): Promise<void>;
  /** commits since the last call */
  drainCounts(): Counts;
}

/** What a host's tasks have done. */
export class Work {
  readonly tasks: readonly OpenTask[];
  /** did something since their last commit */
  readonly worked = new Set<OpenTask>();
  /** are to save their state */
  readonly due = new Set<OpenTask>();
  /** null: deaths are explained */
  caution: Caution | null;

  constructor(tasks: readonly OpenTask[], caution: Caution | null) {
    this.tasks = tasks;
    this.caution = caution;
  }

  /** a commit is to stand after every turn */
  get careful(): boolean {
    return this.caution !== null || this.tasks.some(({ wary }) => wary);
  }

  /** What a commit says of a suspect. `last`: no more is to come, so that what was taken is trusted. */
  suspicion(last = false): Commit['puts'] {
    const { caution, tasks } = this;
    if (caution === null) return [];
    if (caution.needed && !last) {
      const puts = caution.after();
      for (const task of tasks) if (caution.trusts(task.name)) task.careful = null;
      return puts;
    }
    this.caution = null;
    for (const task of tasks) task.careful = null;
    return caution.over();
  }
}
