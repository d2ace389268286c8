import type { ScoreQueryPlan } from '@millrace/pipeline/analyze/plan.ts';
import { featureReader } from '@millrace/shared-schemas/features.ts';
import { linearScore, type Model } from '@millrace/shared-schemas/model.ts';
import { slotSetter } from '@millrace/shared-schemas/row.ts';
import type { Row } from '@millrace/shared-schemas/types.ts';
import type { Query, QueryHost } from './query.ts';

/** Adds the probability by the model in force for the batch, in place. */
export class ScoreQuery implements Query {
  readonly #next: (row: Row) => void;
  readonly #read;
  readonly #set;
  readonly #features: Float64Array;
  readonly #model: () => Model | null;

  /** `model`: the one in force for this batch */
  constructor(plan: ScoreQueryPlan, host: QueryHost, model: () => Model | null) {
    this.#next = host.next;
    this.#read = featureReader(plan.features);
    this.#set = slotSetter(plan.slot);
    this.#features = new Float64Array(plan.features.length);
    this.#model = model;
  }

  process(row: Row): void {
    const model = this.#model();
    const score = model !== null && this.#read(row, this.#features) ? linearScore(model, this.#features) : null;
    this.#set(row, score);
    this.#next(row);
  }
}
