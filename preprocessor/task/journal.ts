/**
 * A task's life, entry by entry. Whatever a task does, it does by applying one of these: live a policy makes them, in recovery
 * the journal gives them back. Everything the input logs do not decide is in here.
 *
 * - take: the next `count` records of input `input` (marks and heartbeats included)
 * - holds: source input `input` holds a record, so it holds the watermark back before that record's turn comes
 * - idle: source input `input` has stood at its log's end for `idle_after`
 * - begin: run `run` begins; inputs that had ended go on
 * - ended: input `input` has reached its end in run `run`
 * - end: all inputs have; everything open fires
 * - table: from here on lookups see version `version` of `table`
 * - model: from here on scores are by the version of model `model` with content hash `hash`
 * - hear: the watermark that the next record of input `input` brings counts before the record, so that a model can be chosen between them
 * - skip: the next record of input `input` killed its process three times: it becomes a dead letter unprocessed
 */
export type Entry =
  | readonly ['take', input: number, count: number]
  | readonly ['holds', input: number]
  | readonly ['idle', input: number]
  | readonly ['begin', run: number]
  | readonly ['ended', input: number]
  | readonly ['end']
  | readonly ['table', table: string, version: string]
  | readonly ['model', model: string, hash: string]
  | readonly ['hear', input: number]
  | readonly ['skip', input: number];

/** Collects entries, takes of one input in a row as one. */
export class Journal {
  #entries: Entry[] = [];
  #input = -1;
  #count = 0;
  #length = 0;
  readonly #several: boolean;
  #chosen = false;

  /** `several`: the task has several inputs, so that which of them it takes from is a choice */
  constructor(several: boolean) {
    this.#several = several;
  }

  take(input: number, count: number): void {
    if (input !== this.#input) {
      this.#flushTake();
      this.#input = input;
    }
    this.#count += count;
    this.#length += count;
    if (this.#several) this.#chosen = true;
  }

  add(entry: Entry): void {
    this.#flushTake();
    this.#entries.push(entry);
    this.#length++;
    this.#chosen = true;
  }

  #flushTake(): void {
    if (this.#count > 0) this.#entries.push(['take', this.#input, this.#count]);
    this.#input = -1;
    this.#count = 0;
  }

  /** something since the last drain was a choice: what comes of it may not leave before the journal is durable */
  get chosen(): boolean {
    return this.#chosen;
  }

  /** records taken and entries added, ever: it grows with all that the task does */
  get length(): number {
    return this.#length;
  }

  /** the entries since the last drain, as bytes */
  drain(): Uint8Array {
    this.#flushTake();
    const bytes = Buffer.from(JSON.stringify(this.#entries));
    this.#entries = [];
    this.#chosen = false;
    return bytes;
  }
}

export function decodeEntries(bytes: Uint8Array): Entry[] {
  return JSON.parse(Buffer.from(bytes).toString()) as Entry[];
}
