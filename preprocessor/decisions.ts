import { decisionOf, type ModelDecision, modelKey, modelsTopic } from '@millrace/shared-schemas/model-decision.ts';
import type { BatchView, Reader, Transport } from '@millrace/transport/log.ts';
import { readToEnd } from '@millrace/transport/read-to-end.ts';

const MAX_BYTES = 1 << 20;
/** how long a decision waits for its model, which stands in the ledger before it but may come after it from a broker, ms */
const PATIENCE_MS = 10_000;

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
  readonly #transport: Transport;
  readonly #pipeline: string;
  readonly #topic: string;
  /** read, and not taken in yet */
  readonly #waiting: ModelDecision[] = [];
  #waitingSince = -1;
  readonly #models = new Map<string, Told>();
  #reader: Reader | null = null;
  #version = -1;
  /** decisions taken in so far: another number means news */
  count = 0;

  constructor(transport: Transport, pipeline: string) {
    this.#transport = transport;
    this.#pipeline = pipeline;
    this.#topic = modelsTopic(pipeline);
  }

  /** Reads what has come since the last look. `now`: monotonic ms. */
  look(now: number): void {
    const { log } = this.#transport;
    const version = log.version();
    if (version !== this.#version) {
      this.#version = version;
      if (this.#reader === null && log.topic(this.#topic) === null) return;
      this.#reader ??= log.reader(this.#topic, 0, { offset: 0 });
      for (let view = this.#reader.poll(MAX_BYTES); view; view = this.#reader.poll(MAX_BYTES)) {
        this.#read(view);
        view.release();
      }
    }
    if (this.#waiting.length > 0) this.#takeReady(now);
  }

  /** Before the first look: reads to where the topic ends now. */
  async catchUp(): Promise<void> {
    const { log } = this.#transport;
    if (log.topic(this.#topic) === null) return;
    this.#reader ??= log.reader(this.#topic, 0, { offset: 0 });
    await readToEnd(log, this.#topic, 0, this.#reader, (view) => this.#read(view));
  }

  #read(view: BatchView): void {
    for (let i = 0; i < view.count; i++) {
      if ((view.valueEnd[i] as number) < 0) continue;
      const decision = decisionOf(view.buffer.toString('utf8', view.valueStart[i], view.valueEnd[i]));
      // null: someone else wrote that, and it promotes nothing
      if (decision !== null) this.#waiting.push(decision);
    }
  }

  #takeReady(now: number): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (!this.#hasModel(next)) {
        if (this.#waitingSince < 0) this.#waitingSince = now;
        if (now - this.#waitingSince < PATIENCE_MS) return;
      }
      this.#waitingSince = -1;
      this.#waiting.shift();
      this.#take(next);
    }
  }

  /** Where log and ledger are one medium, a model that is not there does not come any more. */
  #hasModel({ promoted }: ModelDecision): boolean {
    const { kind, ledger } = this.#transport;
    return kind !== 'kafka' || promoted === null || ledger.get(modelKey(this.#pipeline, promoted)) !== null;
  }

  #take(decision: ModelDecision): void {
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
