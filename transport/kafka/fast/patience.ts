import { setTimeout as sleep } from 'node:timers/promises';
import { MillraceError } from '@millrace/runtime/errors.ts';
import { Transient } from './codes.ts';

const FIRST_WAIT = 5;
const LONGEST_WAIT = 250;
/** ms for which a topic may be unknown: brokers learn of a new one a little after it was made */
const UNKNOWN_FOR = 2_000;

/** ms before try number `tries` + 1. */
export function waitBefore(tries: number): number {
  return Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** Math.min(tries, 10));
}

/** What a transient failure ends as, when its time is over. */
function exhausted(failure: Transient, ms: number): MillraceError {
  const about = failure.message.replace(/\.$/, '');
  return new MillraceError(failure.code, failure.code === 'unknown_topic' ? `${about}.` : `${about}; tried again for ${ms} ms.`, { cause: failure });
}

/** How long failures may go on: begins with the first of a row. */
export class Patience {
  readonly #ms: number;
  readonly #unknownFor: number;
  readonly #ended: (error: MillraceError) => void;
  #timer: NodeJS.Timeout | undefined;
  #unknown: NodeJS.Timeout | undefined;
  #last: Transient | undefined;

  constructor(ms: number, ended: (error: MillraceError) => void, unknownFor = UNKNOWN_FOR) {
    this.#ms = ms;
    this.#unknownFor = Math.min(ms, unknownFor);
    this.#ended = ended;
  }

  failed(failure: Transient): void {
    this.#last = failure;
    this.#timer ??= setTimeout(() => this.#end(this.#ms), this.#ms);
    if (failure.code !== 'unknown_topic') {
      clearTimeout(this.#unknown);
      this.#unknown = undefined;
    } else this.#unknown ??= setTimeout(() => this.#end(this.#unknownFor), this.#unknownFor);
  }

  succeeded(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    clearTimeout(this.#unknown);
    this.#timer = undefined;
    this.#unknown = undefined;
    this.#last = undefined;
  }

  #end(ms: number): void {
    const last = this.#last;
    this.succeeded();
    if (last !== undefined) this.#ended(exhausted(last, ms));
  }
}

/**
 * Tries until it succeeds, fails for good, or `ms` have passed since the first failure. `attempt` gets how many failed before. `unknownFor`: ms for which a topic may be
 * unknown.
 */
export async function persist<T>(ms: number, attempt: (failed: number) => Promise<T>, unknownFor?: number): Promise<T> {
  let over: MillraceError | undefined;
  const ended = (error: MillraceError): void => {
    over = error;
  };
  const patience = new Patience(ms, ended, unknownFor);
  try {
    for (let failed = 0; ; failed++) {
      try {
        return await attempt(failed);
      } catch (error) {
        if (!(error instanceof Transient)) throw error;
        if (over !== undefined) throw over;
        patience.failed(error);
        await sleep(waitBefore(failed));
        if (over !== undefined) throw over;
      }
    }
  } finally {
    patience.succeeded();
  }
}
