import { MillraceError } from '@millrace/runtime/errors.ts';

type Tell = (event: { level: 'info' | 'warn'; code: string; message: string }) => void;

/**
 * Lets the stages of a run outlive their brokers. A stage that had begun its work and lost them is opened again, as after a crash, until they are
 * back; of an outage one line is said, whichever stage notices it first. One that never came to work fails: there it is the profile that is wrong.
 */
export class Outage {
  readonly #onEvent: Tell;
  readonly #signal: AbortSignal;
  #said = false;

  constructor(onEvent: Tell, signal: AbortSignal) {
    this.#onEvent = onEvent;
    this.#signal = signal;
  }

  /** What a stage comes to. `start` is called again after an outage, and calls `working` whenever the stage gets on. */
  async outlive<T>(start: (working: () => void) => Promise<T>): Promise<T> {
    let begun = false;
    const working = (): void => {
      begun = true;
      if (this.#said) this.#onEvent({ level: 'info', code: 'brokers_back', message: 'The brokers are back; what was not committed is done again.' });
      this.#said = false;
    };
    for (;;) {
      try {
        return await start(working);
      } catch (error) {
        if (!begun || this.#signal.aborted || !(error instanceof MillraceError) || error.code !== 'broker_unreachable') throw error;
        if (!this.#said) this.#onEvent({ level: 'warn', code: error.code, message: `${error.message} Waiting for them; what was committed stands.` });
        this.#said = true;
      }
    }
  }
}
