/** other processes are looked at this often */
const POLL_MS = 8;

/**
 * Tells those who wait for an append: of this thread at once; of this process' other threads at once through a shared
 * counter, when they were given the same `wake` buffer; of other processes by asking every few milliseconds.
 */
export class Wakes {
  readonly #counter: Int32Array | null;
  readonly #waiting = new Set<() => void>();

  constructor(wake: SharedArrayBuffer | undefined) {
    this.#counter = wake === undefined ? null : new Int32Array(wake, 0, 1);
  }

  /** Something was appended by this thread. */
  notify(): void {
    if (this.#counter !== null) {
      Atomics.add(this.#counter, 0, 1);
      Atomics.notify(this.#counter, 0);
    }
    for (const look of [...this.#waiting]) look();
  }

  /** Resolves once `changed` holds, or after `ms`. */
  wait(ms: number, changed: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = () => {
        clearInterval(poll);
        clearTimeout(timer);
        this.#waiting.delete(look);
      };
      const look = () => {
        try {
          if (!changed()) return;
          done();
          resolve();
        } catch (error) {
          done();
          reject(error);
        }
      };
      const poll = setInterval(look, POLL_MS);
      const timer = setTimeout(() => {
        done();
        resolve();
      }, ms);
      this.#waiting.add(look);
      this.#listen(look);
      look();
    });
  }

  /** Looks again whenever another thread counts up, as long as someone waits. */
  #listen(look: () => void): void {
    const counter = this.#counter;
    if (counter === null) return;
    const again = () => {
      if (!this.#waiting.has(look)) return;
      const result = Atomics.waitAsync(counter, 0, Atomics.load(counter, 0), 1000);
      look();
      if (result.async) void result.value.then(again);
      else queueMicrotask(again);
    };
    again();
  }
}
