import type { LabelPlan, ModelPlan, TrainPlan } from '@millrace/pipeline/analyze/plan.ts';
import { featureReader } from '@millrace/shared-schemas/features.ts';
import { keyWriter } from '@millrace/shared-schemas/keys.ts';
import { featureFingerprint } from '@millrace/shared-schemas/model.ts';
import { slotGetter } from '@millrace/shared-schemas/row.ts';
import type { Column, Row } from '@millrace/shared-schemas/types.ts';
import type { Schedule } from './boundaries.ts';
import type { Example } from './examples.ts';

/** A model that this pipeline trains. */
export interface TrainedPlan extends ModelPlan {
  readonly train: TrainPlan;
  readonly label: LabelPlan;
}

export function isTrained(plan: ModelPlan): plan is TrainedPlan {
  return plan.train !== null && plan.label !== null;
}

/** Ids of the sources and queries whose rows the models of a plan learn from. */
export function listenedBy(models: readonly ModelPlan[]): string[] {
  return models.filter(isTrained).flatMap(({ train, label }) => (label.source === null ? [train.from] : [train.from, label.source]));
}

export function scheduleOf({ train, label }: TrainedPlan): Schedule {
  return { every: train.every, window: train.window, knownAfter: label.knownAfter };
}

/** What a kept row holds: rows kept under another one cannot be read. */
export function keptFormat({ train, label, evaluate }: TrainedPlan): string {
  const own = label.source === null ? [label.field] : label.on.map(([here]) => here);
  const theirs = label.source === null ? [] : [label.field, ...label.on.map(([, there]) => there)];
  const names = [train.from, label.source, train.columns.length, own.length];
  return `${featureFingerprint([...train.columns, ...own, ...theirs, ...(evaluate.card ? [evaluate.card] : [])])} ${names.join(' ')}`;
}

/** Makes examples of the rows of `train.from`, and labels of those of the label's source. */
export interface LearningRows {
  example(row: Row, time: number): Example;
  /** null: the row has no key or no label, and says nothing */
  label(row: Row, time: number): Example | null;
}

const NONE = new Float64Array(0);

export function learningRows(plan: TrainedPlan): LearningRows {
  const { train, label, evaluate } = plan;
  const read = featureReader(train.columns);
  const card = evaluate.card === null ? null : keyWriter([evaluate.card]);
  const own = label.source === null ? truth(label.field) : null;
  const key = label.source === null ? null : keyWriter(label.on.map(([here]) => here));
  const theirs = label.source === null ? null : keyWriter(label.on.map(([, there]) => there));
  const said = truth(label.field);
  return {
    example(row, time) {
      const features = new Float64Array(train.columns.length);
      if (!read(row, features)) features.fill(Number.NaN);
      return { time, card: card?.text(row) ?? null, key: key?.text(row) ?? null, label: own === null ? null : own(row), features };
    },
    label(row, time) {
      const positive = said(row);
      const name = theirs?.text(row) ?? null;
      return positive === null || name === null ? null : { time, card: null, key: name, label: positive, features: NONE };
    },
  };
}

/** a label as a boolean: TRUE, or a number that is not 0 */
function truth(column: Column): (row: Row) => boolean | null {
  const get = slotGetter(column.slot);
  return (row) => {
    const value = get(row);
    return value === null ? null : value === true || (value !== false && Number(value) !== 0);
  };
}
