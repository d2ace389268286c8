/** Kafka's requests and answers in a stream of bytes: each is a length (int32) and so many bytes. */
export class Frames {
  #held: Buffer[] = [];
  #length = 0;

  /** The frames that `chunk` completes, each with its length in front. */
  *take(chunk: Buffer): Generator<Buffer> {
    this.#held.push(chunk);
    this.#length += chunk.length;
    while (this.#length >= 4) {
      if ((this.#held[0] as Buffer).length < 4) this.#held = [Buffer.concat(this.#held)];
      const size = 4 + (this.#held[0] as Buffer).readInt32BE(0);
      if (this.#length < size) return;
      const whole = this.#held.length === 1 ? (this.#held[0] as Buffer) : Buffer.concat(this.#held);
      this.#held = [whole.subarray(size)];
      this.#length -= size;
      yield whole.subarray(0, size);
    }
  }
}

const PRODUCE = 0;

/** of a request */
export const isProduce = (frame: Buffer): boolean => frame.readInt16BE(4) === PRODUCE;
/** what an answer has in common with its request */
export const correlationOf = {
  request: (frame: Buffer): number => frame.readInt32BE(8),
  answer: (frame: Buffer): number => frame.readInt32BE(4),
};
