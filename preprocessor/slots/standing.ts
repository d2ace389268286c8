import type { Clock } from '@millrace/runtime/clock.ts';
import type { RunOptions } from '../run-options.ts';

/** ms without a slot, or without a word of slot 0, after which it is said: both pass quickly where slots only move */
const NO_SLOT = 3_000;
const NO_WORD = 10_000;

/** Where a process stands among those that share the slots. */
export interface Place {
  /** as the group says */
  readonly assigned: readonly number[];
  readonly members: number;
  /** slots here, those being opened and given up included */
  readonly kept: readonly number[];
  /** those at work that stay */
  readonly working: readonly number[];
}

/** Tells a person which slots are here, at each change, once it is settled. */
export class Standing {
  readonly #slots: number;
  readonly #clock: Clock;
  readonly #onEvent: RunOptions['onEvent'];
  #said = '';
  /** what it is waited for, and since when */
  #waiting = '';
  #since = 0;

  constructor(slots: number, clock: Clock, onEvent: RunOptions['onEvent']) {
    this.#slots = slots;
    this.#clock = clock;
    this.#onEvent = onEvent;
  }

  /** whether it has been said that there is no slot for this process */
  get by(): boolean {
    return this.#said.startsWith('No slot');
  }

  tell({ assigned, members, kept, working }: Place): void {
    const sorted = (slots: readonly number[]): string => slots.toSorted((a, b) => a - b).join(', ');
    const here = sorted(working);
    if (here !== '' && here === sorted(kept) && here === sorted(assigned)) {
      this.#waiting = '';
      const all = working.length === this.#slots;
      this.#say('slots', all ? `Working on all ${this.#slots} slots.` : `Working on slot${working.length === 1 ? '' : 's'} ${here} of ${this.#slots}.`);
    } else if (kept.length === 0 && assigned.length === 0) {
      if (this.#waited('slot', NO_SLOT))
        this.#say('standing_by', `No slot of ${this.#slots} is left for this process: standing by to take over`, `, one of ${members}.`);
    } else if (here === '') {
      if (this.#waited('word', NO_WORD)) this.#say('standing_by', 'Waiting for the process that has slot 0 to begin.');
    } else this.#waiting = '';
  }

  #waited(what: string, ms: number): boolean {
    const now = this.#clock.monotonic();
    if (this.#waiting !== what) this.#since = now;
    this.#waiting = what;
    return now - this.#since >= ms;
  }

  /** `more` is no news by itself. */
  #say(code: string, message: string, more = ''): void {
    if (message === this.#said) return;
    this.#said = message;
    this.#onEvent({ level: 'info', code, message: `${message}${more}` });
  }
}
