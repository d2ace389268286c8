/** Counts what arrives, and wakes those who wait for it. */
export class Arrivals {
  version = 0;
  readonly #waiting = new Set<() => void>();

  /** Something arrived: cheap enough to be called often. */
  readonly notify = (): void => {
    this.version++;
    for (const wake of [...this.#waiting]) wake();
  };

  /** Resolves once something has arrived since `since`, or after `ms`. */
  wait(ms: number, since = this.version): Promise<void> {
    return new Promise((resolve) => {
      // a timer of 0 ms would take one at least
      if (since !== this.version) {
        setImmediate(resolve);
        return;
      }
      const wake = () => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      this.#waiting.add(wake);
    });
  }
}
