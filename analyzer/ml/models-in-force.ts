import { type Model, parseModel } from '@millrace/shared-schemas/model.ts';
import { decisionOf, modelKey, modelsTopic } from '@millrace/shared-schemas/model-decision.ts';
import type { BatchView, Reader, Transport } from '@millrace/transport/log.ts';
import { readToEnd } from '@millrace/transport/read-to-end.ts';

const MAX_BYTES = 1 << 20;

/** Follows the decisions on a pipeline's models, its own and those taken by hand, and holds the models they name. */
export class ModelsInForce {
  readonly #pipeline: string;
  readonly #transport: Pick<Transport, 'log' | 'ledger'>;
  readonly #reader: Reader;
  readonly #promoted: Record<string, string | null> = {};
  readonly #models = new Map<string, Model | null>();
  /** as the batch in hand was planned */
  inBatch: Readonly<Record<string, string | null>> = {};

  /** The topic of decisions exists. */
  constructor(pipeline: string, transport: Pick<Transport, 'log' | 'ledger'>) {
    this.#pipeline = pipeline;
    this.#transport = transport;
    const topic = modelsTopic(pipeline);
    this.#reader = transport.log.reader(topic, 0, { offset: 0 });
  }

  /** Before the first batch: reads to where the topic ends now. */
  catchUp(): Promise<void> {
    return readToEnd(this.#transport.log, modelsTopic(this.#pipeline), 0, this.#reader, (view) => this.#take(view));
  }

  /** hash of the model that was promoted last, by name, by now */
  newest(): Record<string, string | null> {
    for (let view = this.#reader.poll(MAX_BYTES); view; view = this.#reader.poll(MAX_BYTES)) this.#take(view);
    return { ...this.#promoted };
  }

  #take(view: BatchView): void {
    for (let i = 0; i < view.count; i++) {
      if ((view.valueEnd[i] as number) < 0) continue;
      const decision = decisionOf(view.buffer.toString('utf8', view.valueStart[i], view.valueEnd[i]));
      if (decision !== null && decision.promoted !== null) this.#promoted[decision.model] = decision.promoted;
    }
  }

  /** the model in force in this batch */
  model(name: string): Model | null {
    const hash = this.inBatch[name] ?? null;
    return hash === null ? null : this.byHash(hash);
  }

  byHash(hash: string): Model | null {
    let model = this.#models.get(hash);
    if (model === undefined) {
      const bytes = this.#transport.ledger.get(modelKey(this.#pipeline, hash));
      model = bytes === null ? null : parseModel(Buffer.from(bytes).toString());
      if (model !== null) this.#models.set(hash, model);
    }
    return model;
  }

  close(): void {
    this.#reader.close();
  }
}
