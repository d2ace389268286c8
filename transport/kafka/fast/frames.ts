/** Memory below this is not worth keeping: a small answer has no more than it needs, as many of them may be held at once. */
const LEAST = 64 * 1024;
/** bytes kept for the next answers */
const KEPT = 48 * 1024 * 1024;

/** The memory of one answer, which comes back for another when nobody has it any more. Whoever never lets go of it leaves it to the garbage collector. */
export class Frame {
  readonly buffer: Buffer;
  readonly #over: (buffer: Buffer) => void;
  #holders = 1;

  constructor(buffer: Buffer, over: (buffer: Buffer) => void) {
    this.buffer = buffer;
    this.#over = over;
  }

  hold(): void {
    this.#holders++;
  }

  /** what is in it may be overwritten from now on, as far as this holder is concerned */
  drop(): void {
    if (--this.#holders === 0) this.#over(this.buffer);
  }
}

/** Memory for large answers, used again: fresh memory costs more than what is copied into it, as the system clears each page of it. */
export class Frames {
  /** the largest last */
  readonly #free: Buffer[] = [];
  #bytes = 0;

  /** With one holder, who asked for it. */
  take(bytes: number): Frame {
    if (bytes < LEAST) return new Frame(Buffer.allocUnsafe(bytes), () => {});
    const at = this.#free.findIndex(({ length }) => length >= bytes);
    const [kept] = at < 0 ? [] : this.#free.splice(at, 1);
    if (kept !== undefined) this.#bytes -= kept.length;
    return new Frame(kept ?? Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(bytes))), (buffer) => this.#back(buffer));
  }

  #back(buffer: Buffer): void {
    // rather the large ones: they serve all
    while (this.#bytes + buffer.length > KEPT) {
      const smallest = this.#free[0];
      if (smallest === undefined || smallest.length >= buffer.length) return;
      this.#free.shift();
      this.#bytes -= smallest.length;
    }
    const at = this.#free.findIndex(({ length }) => length > buffer.length);
    this.#free.splice(at < 0 ? this.#free.length : at, 0, buffer);
    this.#bytes += buffer.length;
  }
}
