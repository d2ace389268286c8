import { setImmediate as macrotask } from 'node:timers/promises';

/** the longest a timer is set for, ms */
const LONGEST = 60_000;

/** Waiting that ends early when it is told to stop, or when what it waits beside has ended. */
export class Pause {
  readonly #signal: AbortSignal;
  readonly #ended: Promise<void>;
  #over = false;

  constructor(signal: AbortSignal, beside: Promise<void> | null) {
    this.#signal = signal;
    const aborted = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    this.#ended = (beside === null ? aborted : Promise.race([aborted, beside])).finally(() => {
      this.#over = true;
    });
    // whoever waits hears of a failure
    this.#ended.catch(() => {});
  }

  get over(): boolean {
    return this.#over || this.#signal.aborted;
  }

  /** Rejects when what it waits beside has failed. */
  untilEnded(): Promise<void> {
    return this.#ended;
  }

  async wait(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const rung = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, Math.min(ms, LONGEST));
    });
    try {
      await Promise.race([rung, this.#ended]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Lets timers and signals have their turn. */
  async breathe(): Promise<void> {
    await macrotask();
  }
}
