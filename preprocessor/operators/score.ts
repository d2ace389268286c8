import type { ScorePlan } from '@millrace/pipeline/plan.ts';
import { featureReader } from '@millrace/shared-schemas/features.ts';
import { linearScore, type Model } from '@millrace/shared-schemas/model.ts';
import { slotSetter } from '@millrace/shared-schemas/row.ts';
import type { Row } from '@millrace/shared-schemas/types.ts';
import type { Operator, OperatorContext } from './operator.ts';

/** Opens a score step, with no model yet. */
export function createScore(node: ScorePlan, { next }: OperatorContext): ScoreOperator {
  return new ScoreOperator(node, next);
}

/** Adds the probability by the model in force. Which model that is, the task says: it is a choice, and the task's to keep. */
class ScoreOperator implements Operator {
  private readonly next: (row: Row) => void;
  private readonly read: (row: Row, into: Float64Array) => boolean;
  private readonly write: (row: Row, value: number | null) => void;
  private readonly features: Float64Array;
  private model: Model | null = null;

  constructor({ features, slot }: ScorePlan, next: (row: Row) => void) {
    this.next = next;
    this.read = featureReader(features);
    this.write = slotSetter(slot);
    this.features = new Float64Array(features.length);
  }

  /** Takes effect with the next row; its features are those of the step, in order. */
  setModel(model: Model | null): void {
    this.model = model;
  }

  process(row: Row): void {
    const { model, features } = this;
    this.write(row, model !== null && this.read(row, features) ? linearScore(model, features) : null);
    this.next(row);
  }
}
