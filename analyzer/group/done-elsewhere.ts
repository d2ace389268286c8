import type { Clock } from '@millrace/runtime/clock.ts';
import type { Parts } from '@millrace/transport/parts.ts';
import { CheckpointReader } from '../batch/checkpoint.ts';
import type { AnalyzeOptions } from '../run-options.ts';

/** ms between two looks */
const LOOK_MS = 500;

/** Ends of a source's partitions. */
type Ends = readonly number[];

/** Sees that another process has come to the end of the input, as far as this one is asked to: then there is nothing left to stand by for. */
export class DoneElsewhere {
  readonly #sources: AnalyzeOptions['plan']['analyze']['sources'];
  readonly #planHash: string;
  readonly #clock: Clock;
  readonly #log: Parts['log'];
  readonly #checkpoint: CheckpointReader;
  /** of the topics of others, where this process found them to end */
  readonly #foreign = new Map<string, Ends>();
  #recordStage: 'works' | 'ended' | { readonly error: unknown } = 'works';
  /** by source, once the record stage has ended */
  #ends: ReadonlyMap<string, Ends> | null = null;
  #lookAt = Number.NEGATIVE_INFINITY;

  constructor({ plan, clock, untilEnd }: AnalyzeOptions, { log, ledger }: Parts) {
    this.#sources = plan.analyze.sources;
    this.#planHash = plan.analyze.hash;
    this.#clock = clock;
    this.#log = log;
    this.#checkpoint = new CheckpointReader(ledger, plan.name);
    untilEnd?.then(
      () => {
        this.#recordStage = 'ended';
      },
      (error: unknown) => {
        this.#recordStage = { error };
      },
    );
  }

  /** number of the last batch that anyone has committed, −1 before the first */
  get committed(): number {
    return this.#checkpoint.committed();
  }

  /** To be asked time and again; it looks now and then, or `now`. @throws what the record stage has failed with */
  async seen(now: boolean): Promise<boolean> {
    if (!now && this.#clock.monotonic() - this.#lookAt < LOOK_MS) return false;
    this.#lookAt = this.#clock.monotonic();
    for (const { id, output, topic } of this.#sources) if (output === null && !this.#foreign.has(id)) await this.#found(this.#foreign, id, topic);
    if (this.#recordStage === 'works') return false;
    if (this.#recordStage !== 'ended') throw this.#recordStage.error;
    this.#ends ??= await this.#wanted();
    const run = this.#checkpoint.run();
    if (this.#ends === null || !run?.finished || this.#checkpoint.metadata()?.planHash !== this.#planHash) return false;
    return [...this.#ends].every(([id, ends]) => ends.every((end, p) => (run.ends[id]?.[p] ?? 0) >= end));
  }

  /** null: some topic is not known here yet */
  async #wanted(): Promise<ReadonlyMap<string, Ends> | null> {
    const all = new Map(this.#foreign);
    for (const { id, topic } of this.#sources) if (!all.has(id)) await this.#found(all, id, topic);
    return all.size === this.#sources.length ? all : null;
  }

  async #found(ends: Map<string, Ends>, id: string, topic: string): Promise<void> {
    const { partitions = 0 } = this.#log.topic(topic) ?? {};
    if (partitions > 0) ends.set(id, await Promise.all(Array.from({ length: partitions }, (_, p) => this.#log.endOffset(topic, p))));
  }
}
