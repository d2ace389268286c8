/** bytes read at once while no large answer is on its way */
const LANDING = 16 * 1024;
/** the length of an answer, and which request it belongs to */
const HEAD = 8;
const CORRELATION = 4;

/**
 * Cuts the bytes of a connection into answers. A large one is read straight into the memory that it ends up in: a connection that reads fresh memory has the
 * garbage collector look through the whole heap several times a second.
 */
export class Answers {
  readonly #place: (correlation: number, bytes: number) => Buffer;
  readonly #whole: (correlation: number, body: Buffer) => void;
  readonly #landing = Buffer.allocUnsafeSlow(LANDING);
  /** bytes of an unfinished head at the landing's beginning */
  #begun = 0;
  #body: Buffer | undefined;
  #filled = 0;
  #correlation = 0;

  /** `place` gives memory of just as many bytes for the body of an answer, or throws when nobody waits for it; `whole` gets it filled. */
  constructor(place: (correlation: number, bytes: number) => Buffer, whole: (correlation: number, body: Buffer) => void) {
    this.#place = place;
    this.#whole = whole;
  }

  /** Where the next bytes go. */
  get room(): Buffer {
    return this.#body?.subarray(this.#filled) ?? this.#landing.subarray(this.#begun);
  }

  /** So many came into `room`. @throws RangeError for what is no answer, and what `place` throws */
  arrived(bytes: number): void {
    if (this.#body !== undefined) {
      this.#filled += bytes;
      this.#finish();
      return;
    }
    const landing = this.#landing;
    const end = this.#begun + bytes;
    let at = 0;
    while (end - at >= HEAD) {
      const length = landing.readInt32BE(at) - CORRELATION;
      if (length < 0) throw new RangeError(`an answer of ${length + CORRELATION} bytes`);
      this.#correlation = landing.readInt32BE(at + CORRELATION);
      this.#body = this.#place(this.#correlation, length);
      at += HEAD;
      this.#filled = landing.copy(this.#body, 0, at, Math.min(end, at + length));
      at += this.#filled;
      this.#finish();
    }
    this.#begun = landing.copy(landing, 0, at, end);
  }

  #finish(): void {
    const body = this.#body as Buffer;
    if (this.#filled < body.length) return;
    this.#body = undefined;
    this.#whole(this.#correlation, body);
  }
}
