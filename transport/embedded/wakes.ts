/** other processes are looked at this often */
const POLL_MS = 8;

/**
 * Tells those who wait for an append: of this thread at once; of this process' other threads at once through a shared
 * counter, when they were given the same `wake` buffer; of other processes by asking every few milliseconds.
 */
export class Wakes {
  readonly #counter: Int32Array | null;
  readonly #waiting = new Set<() => void>();
  #listening = false;

  constructor(wake: SharedArrayBuffer | undefined) {
    this.#counter = wake === undefined ? null : new Int32Array(wake, 0, 1);
  }

  /** Something was appended by this thread. */
  notify(): void {
    if (this.#counter !== null) {
      Atomics.add(this.#counter, 0, 1);
      Atomics.notify(this.#counter, 0);
    }
    this.#look();
  }

  /** Resolves once `changed` holds, or after `ms`; rejects with what `changed` throws. */
  wait(ms: number, changed: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (settle: () => void) => {
        clearInterval(poll);
        clearTimeout(timer);
        this.#waiting.delete(look);
        settle();
      };
      const look = () => {
        try {
          if (changed()) done(resolve);
        } catch (error) {
          done(() => reject(error));
        }
      };
      const poll = setInterval(look, POLL_MS);
      const timer = setTimeout(() => done(resolve), ms);
      this.#waiting.add(look);
      // first listen, then look: an append in between is heard
      this.#listen();
      look();
    });
  }

  #look(): void {
    for (const look of [...this.#waiting]) look();
  }

  /** Looks whenever a thread counts up, as long as someone waits. */
  #listen(): void {
    const counter = this.#counter;
    if (counter === null || this.#listening) return;
    for (;;) {
      const { async, value } = Atomics.waitAsync(counter, 0, Atomics.load(counter, 0));
      if (!async) continue;
      this.#listening = true;
      void value.then(() => {
        this.#listening = false;
        this.#look();
        if (this.#waiting.size > 0) this.#listen();
      });
      return;
    }
  }
}
