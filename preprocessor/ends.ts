import { MillraceError } from '@millrace/runtime/errors.ts';
import type { Ended, Log } from '@millrace/transport/log.ts';

/** Where the topics that a host writes end, as far as it was told: all that is its own and acknowledged lies below. */
export class Ends {
  readonly #log: Log;
  readonly #ends = new Map<string, number[]>();

  private constructor(log: Log) {
    this.#log = log;
  }

  static async look(log: Log, topics: Iterable<string>): Promise<Ends> {
    const ends = new Ends(log);
    for (const topic of topics) ends.#ends.set(topic, []);
    await ends.look();
    return ends;
  }

  get all(): ReadonlyMap<string, readonly number[]> {
    return this.#ends;
  }

  /** Asks the log anew, for what others have appended. */
  async look(): Promise<void> {
    const told = await Promise.all([...this.#ends.keys()].map(async (topic) => [topic, await this.#log.ends(topic)] as const));
    for (const [topic, ends] of told) for (const [partition, end] of ends.entries()) this.#raise(topic, partition, end);
  }

  took(ended: readonly Ended[]): void {
    for (const { topic, partition, end } of ended) this.#raise(topic, partition, end);
  }

  #raise(topic: string, partition: number, end: number): void {
    const ends = this.#ends.get(topic) as number[];
    ends[partition] = Math.max(ends[partition] ?? 0, end);
  }

  /** as plain data, of some topics */
  of(topics: Iterable<string>): Record<string, readonly number[]> {
    return Object.fromEntries([...topics].map((topic) => [topic, [...(this.#ends.get(topic) as number[])]]));
  }

  /** @throws MillraceError records_gone when a partition ends before a place that was seen earlier */
  check(topic: string, before: readonly number[]): void {
    for (const [partition, seen] of before.entries()) {
      const end = this.#ends.get(topic)?.[partition] ?? 0;
      if (end >= seen) continue;
      throw new MillraceError(
        'records_gone',
        `${topic}/${partition} ends at offset ${end} and has held records up to ${seen - 1} at least: ${seen - end} acknowledged records that this pipeline relies on are lost`,
      );
    }
  }
}
