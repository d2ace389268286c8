import type { ScorePlan } from '@millrace/pipeline/plan.ts';
import { featureReader } from '@millrace/shared-schemas/features.ts';
import { linearScore } from '@millrace/shared-schemas/model.ts';
import { slotSetter } from '@millrace/shared-schemas/row.ts';
import type { Row } from '@millrace/shared-schemas/types.ts';
import type { ModelInForce, Operator, OperatorContext } from './operator.ts';

/** Adds the probability by the model in force, and whether it reaches the model's threshold. Which model that is, is the task's choice. */
export function createScore(node: ScorePlan, { next, model }: OperatorContext): Operator {
  return new ScoreOperator(node, model(node.model), next);
}

class ScoreOperator implements Operator {
  readonly #next: (row: Row) => void;
  readonly #inForce: ModelInForce;
  readonly #read: (row: Row, into: Float64Array) => boolean;
  readonly #write: (row: Row, value: number | null) => void;
  readonly #alarm: ((row: Row, value: boolean) => void) | null;
  readonly #features: Float64Array;

  constructor({ features, slot, alarmSlot }: ScorePlan, inForce: ModelInForce, next: (row: Row) => void) {
    this.#next = next;
    this.#inForce = inForce;
    this.#read = featureReader(features);
    this.#write = slotSetter(slot);
    this.#alarm = alarmSlot === null ? null : slotSetter(alarmSlot);
    this.#features = new Float64Array(features.length);
  }

  process(row: Row): void {
    const { model } = this.#inForce;
    const features = this.#features;
    const score = model !== null && this.#read(row, features) ? linearScore(model, features) : null;
    this.#write(row, score);
    if (this.#alarm !== null) this.#alarm(row, score !== null && model !== null && model.threshold !== null && score >= model.threshold);
    this.#next(row);
  }
}
