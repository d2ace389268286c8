import { MillraceError } from '@millrace/runtime/errors.ts';
import { DeadLetterBudget } from './budget.ts';
import type { RunOptions } from './run-options.ts';
import type { HostStats } from './stats.ts';
import type { Totals } from './totals.ts';

const PROGRESS_MS = 200;

/** Hears what those at work report: sums it up, tells it on, and watches the share of dead letters. */
export class Watch {
  readonly #options: RunOptions;
  readonly #totals: Totals;
  readonly #budget: DeadLetterBudget | null;
  /** to the end of the input: too many dead letters fail the run; else they pause it */
  readonly #ends: boolean;
  /** tasks notice the same things, each for itself */
  readonly #said = new Set<string>();
  #last: number;

  constructor(options: RunOptions, totals: Totals, ends: boolean) {
    const { budget } = options.plan.deadLetter;
    this.#options = options;
    this.#totals = totals;
    this.#budget = budget && new DeadLetterBudget(budget);
    this.#ends = ends;
    this.#last = options.clock.monotonic();
  }

  /** whether it is time for a tick */
  due(): boolean {
    const now = this.#options.clock.monotonic();
    if (now - this.#last < PROGRESS_MS) return false;
    this.#last = now;
    return true;
  }

  tick(stats: HostStats): void {
    const { clock, onEvent, onProgress, signal } = this.#options;
    if (signal.aborted) this.#totals.state = 'stopping';
    this.#totals.add(stats);
    for (const notice of stats.notices) {
      if (!this.#said.has(notice.message)) onEvent(notice);
      this.#said.add(notice.message);
    }
    const dead = Object.values(stats.dead).reduce((sum, count) => sum + count, 0);
    this.#budget?.add(clock.monotonic(), stats.recordsIn, dead);
    onProgress(this.#totals.progress());
  }

  /** Whether to take no more, as too many records become dead letters. @throws MillraceError dead_letter_budget where the run has an end */
  overspent(final: boolean): boolean {
    if (!this.#budget?.over(final)) return false;
    const message = `more than ${(this.#options.plan.deadLetter.budget?.ratio as number) * 100} % of the records became dead letters`;
    if (this.#ends) throw new MillraceError('dead_letter_budget', message);
    if (this.#totals.state === 'running') this.#options.onEvent({ level: 'error', code: 'dead_letter_budget', message: `${message}: paused` });
    this.#totals.state = 'paused';
    return true;
  }
}
