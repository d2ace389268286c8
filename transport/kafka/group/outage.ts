import type { Clock } from '@millrace/runtime/clock.ts';
import { type ErrorCode, MillraceError } from '@millrace/runtime/errors.ts';
import type { Transient } from '../fast/codes.ts';
import { waitBefore } from '../fast/patience.ts';
import type { GroupEvent } from './messages.ts';

/** ms of failures before a person hears of them: a coordinator that moves is no news */
const SILENT = 3_000;

const HINTS: { readonly [code in ErrorCode]?: { readonly hint: string } } = {
  plan_changed: { hint: 'Stop the processes that run the old file first, or give all of them the same one.' },
};

/** Failures in a row of whoever must go on: how long to wait, and what to say. */
export class Outage {
  readonly #clock: Clock;
  readonly #group: string;
  readonly #tell: (event: GroupEvent) => void;
  #since: number | null = null;
  #failures = 0;
  #said = false;

  constructor(clock: Clock, group: string, tell: (event: GroupEvent) => void) {
    this.#clock = clock;
    this.#group = group;
    this.#tell = tell;
  }

  /** Gives ms to wait. `patience`: ms after which it is given up; null: never. @throws what the failure means then */
  failed(failure: Transient, patience: number | null): number {
    const now = this.#clock.monotonic();
    this.#since ??= now;
    const about = failure.message.replace(/\.$/, '');
    if (patience !== null && now - this.#since >= patience)
      throw new MillraceError(failure.code, `${about}; tried again for ${patience} ms.`, { cause: failure, ...HINTS[failure.code] });
    if (patience === null && !this.#said && now - this.#since >= SILENT) {
      this.#said = true;
      this.#tell({
        level: 'warn',
        code: 'group_waiting',
        message: `${about}. Consumer group ${this.#group} cannot be reached; going on with what this process has, and waiting.`,
      });
    }
    return waitBefore(this.#failures++);
  }

  over(): void {
    if (this.#said) this.#tell({ level: 'info', code: 'group_back', message: `Consumer group ${this.#group} can be reached again.` });
    this.#since = null;
    this.#failures = 0;
    this.#said = false;
  }
}
