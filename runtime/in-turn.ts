/** Does things in the order they were given in, though some have to wait for what they need. */
export class InTurn {
  readonly #waiting: (() => Promise<void>)[] = [];

  /** Calls `then` with the value: now, when it is there and nothing waits; else `settle` does. */
  take<T>(value: T | Promise<T>, then: (value: T) => void): void {
    if (value instanceof Promise) {
      // `settle` tells
      value.catch(() => {});
      this.#waiting.push(async () => then(await value));
    } else if (this.#waiting.length > 0) this.#waiting.push(async () => then(value));
    else then(value);
  }

  /** something waits for `settle` */
  get waits(): boolean {
    return this.#waiting.length > 0;
  }

  /** Resolves when all is done; rejects with the first error, and what is behind it is not done. */
  async settle(): Promise<void> {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      await next();
      this.#waiting.shift();
    }
  }
}
