import { MillraceError } from '@millrace/runtime/errors.ts';
import { type Model, modelHash, parseModel } from '@millrace/shared-schemas/model.ts';
import { modelKey } from '@millrace/shared-schemas/model-decision.ts';
import type { Ledger } from '@millrace/transport/log.ts';

/** The models of a pipeline that the tasks of a thread need, by content hash. */
export class ModelStore {
  readonly #pipeline: string;
  readonly #ledger: Ledger;
  readonly #models = new Map<string, Model>();

  constructor(pipeline: string, ledger: Ledger) {
    this.#pipeline = pipeline;
    this.#ledger = ledger;
  }

  /** `name`: for messages. @throws MillraceError model_missing, or model_invalid when it is not what the hash says */
  get(name: string, hash: string): Model {
    const known = this.#models.get(hash);
    if (known) return known;
    const shown = `model ${name} ${hash.slice(0, 12)}`;
    const bytes = this.#ledger.get(modelKey(this.#pipeline, hash));
    if (bytes === null) throw new MillraceError('model_missing', `${shown} was promoted and is not in the data directory`);
    const model = this.#parse(shown, Buffer.from(bytes).toString());
    if (modelHash(model) !== hash) throw new MillraceError('model_invalid', `${shown}: another model lies in its place`);
    this.#models.set(hash, model);
    return model;
  }

  #parse(shown: string, text: string): Model {
    try {
      return parseModel(text);
    } catch (cause) {
      throw new MillraceError('model_invalid', `${shown}: ${(cause as Error).message}`, { cause });
    }
  }
}
