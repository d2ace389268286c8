import { decisionOf, modelsTopic } from '@millrace/shared-schemas/model-decision.ts';
import type { BatchView, Log, Reader } from '@millrace/transport/log.ts';
import { readToEnd } from '@millrace/transport/read-to-end.ts';

const MAX_BYTES = 1 << 20;

interface Promotion {
  /** −Infinity for one by hand, which waits for no boundary */
  readonly boundary: number;
  readonly hash: string;
}

interface Told {
  /** in the order of the topic */
  readonly promotions: Promotion[];
  /** the last boundary decided */
  decided: number;
}

/** Follows what is decided about a pipeline's models. The topic may come into being later. */
export class Decisions {
  readonly #log: Log;
  readonly #topic: string;
  readonly #models = new Map<string, Told>();
  #reader: Reader | null = null;
  #version = -1;
  /** decisions read so far: another number means news */
  count = 0;

  constructor(log: Log, pipeline: string) {
    this.#log = log;
    this.#topic = modelsTopic(pipeline);
  }

  /** Reads what has come since the last look. */
  look(): void {
    const version = this.#log.version();
    if (version === this.#version) return;
    this.#version = version;
    if (this.#reader === null && this.#log.topic(this.#topic) === null) return;
    this.#reader ??= this.#log.reader(this.#topic, 0, { offset: 0 });
    for (let view = this.#reader.poll(MAX_BYTES); view; view = this.#reader.poll(MAX_BYTES)) {
      this.#takeAll(view);
      view.release();
    }
  }

  /** Before the first look: reads to where the topic ends now. */
  async catchUp(): Promise<void> {
    if (this.#log.topic(this.#topic) === null) return;
    this.#reader ??= this.#log.reader(this.#topic, 0, { offset: 0 });
    await readToEnd(this.#log, this.#topic, 0, this.#reader, (view) => this.#takeAll(view));
  }

  #takeAll(view: BatchView): void {
    for (let i = 0; i < view.count; i++) if ((view.valueEnd[i] as number) >= 0) this.#take(view.buffer.toString('utf8', view.valueStart[i], view.valueEnd[i]));
  }

  #take(text: string): void {
    const decision = decisionOf(text);
    // someone else wrote that: it promotes nothing
    if (decision === null) return;
    this.count++;
    const told = this.#models.get(decision.model) ?? { promotions: [], decided: Number.NEGATIVE_INFINITY };
    this.#models.set(decision.model, told);
    const boundary = decision.boundary ?? Number.NEGATIVE_INFINITY;
    if (decision.promoted !== null) told.promotions.push({ boundary, hash: decision.promoted });
    told.decided = Math.max(told.decided, boundary);
  }

  /** the last boundary of a model that was decided: all before it are too */
  decided(model: string): number {
    return this.#models.get(model)?.decided ?? Number.NEGATIVE_INFINITY;
  }

  /** hash of the model promoted last, of those promoted by hand or at boundaries up to `boundary`; null for none */
  promoted(model: string, boundary: number): string | null {
    return this.#models.get(model)?.promotions.findLast((promotion) => promotion.boundary <= boundary)?.hash ?? null;
  }

  close(): void {
    this.#reader?.close();
  }
}
