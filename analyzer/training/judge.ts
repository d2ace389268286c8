import { linearScore, type Model, type ModelMetrics } from '@millrace/shared-schemas/model.ts';
import { compromisedCards, evaluate, noneCompromised, type Outcome } from '../ml/evaluate.ts';
import { judgedRange, type Range, type Schedule, trainingRange } from './boundaries.ts';
import { type Example, type Examples, labelOf } from './examples.ts';

export interface Court {
  readonly schedule: Schedule;
  /** of the window judged on, and of the training range from which on cards count as compromised */
  readonly boundary: number;
  /** instead of the window that follows the boundary */
  readonly range?: Range;
  readonly examples: Examples;
  /** null: records have their own */
  readonly labels: ReadonlyMap<string, boolean> | null;
  readonly alertsPerDay: number;
}

/** Metrics of a model on the window that follows a boundary, without cards known to be compromised. */
export function judge(model: Pick<Model, 'intercept' | 'coefficients'>, court: Court): ModelMetrics {
  const { schedule, boundary, examples, labels, alertsPerDay } = court;
  const range = court.range ?? judgedRange(schedule, boundary);
  const { from } = trainingRange(schedule, boundary);
  const rows = [...examples.within({ from, to: range.to })];
  const outcomes = rows.flatMap((row) => {
    const positive = labelOf(row, labels);
    return positive === null ? [] : [{ row, time: row.time, card: row.card, positive }];
  });
  const compromised = outcomes.some(({ card }) => card !== null) ? compromisedCards(outcomes satisfies Outcome[], from, schedule.knownAfter) : noneCompromised;
  const score = ({ features }: Example): number | null => (Number.isFinite(features[0]) ? linearScore(model, features) : null);
  const judged = outcomes.filter(({ time }) => time >= range.from).map(({ row, ...outcome }) => ({ ...outcome, score: score(row) }));
  return evaluate({ ...range, k: alertsPerDay, rows: judged, compromised });
}
