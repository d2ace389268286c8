import { MillraceError } from '@millrace/runtime/errors.ts';
import type { Model, ModelMetrics } from '@millrace/shared-schemas/model.ts';
import { judgedRange, lastOfEnd, type Range, type Schedule, trainingRange } from './boundaries.ts';
import { judge } from './judge.ts';
import { type KeptRows, keptSince } from './kept-rows.ts';
import { scheduleOf, type TrainedPlan } from './learning-rows.ts';

export interface Question<M extends { readonly model: Model }> {
  readonly plan: TrainedPlan;
  readonly kept: KeptRows;
  /** those trained so far, ascending by boundary */
  readonly models: readonly M[];
  /** the one that is meant; null: the newest that can be judged */
  readonly chosen: M | null;
  /** what to judge on; null: the window that follows the model's boundary */
  readonly range: Range | null;
}

export interface Verdict<M> {
  readonly found: M;
  readonly metrics: ModelMetrics;
  /** the rows are gone, and these are the metrics that were found when the labels of the window had become known */
  readonly recorded: boolean;
  /** false: labels of the window may still come, and a row without one counts as negative */
  readonly labelsComplete: boolean;
  /** rows of the window are among those it learnt from */
  readonly seenInTraining: boolean;
}

/**
 * Judges a model on rows that the pipeline has kept, with labels as they are known now, and without the cards that were known to be
 * compromised (`docs/decisions/0008-evaluation.md`; the training range they are counted from is that of a boundary where the window begins).
 * Where the rows are gone the metrics stored with the model stand in, if they are of that window.
 * Throws model_unknown, window_incomplete and rows_forgotten.
 */
export function verdict<M extends { readonly model: Model }>(question: Question<M>): Verdict<M> {
  const { plan, kept } = question;
  const schedule = scheduleOf(plan);
  const found = question.chosen ?? choose(question);
  const { model } = found;
  const range = question.range ?? windowOf(model, schedule);
  if (range.to > kept.decided) throw incomplete(range, kept.decided);
  const gone = forgotten(schedule, kept, range);
  const recorded = gone === null ? null : metricsOf(model, range);
  if (gone !== null && recorded === null) throw gone;
  const metrics = recorded ?? judgeNow(question, model, range);
  return {
    found,
    metrics,
    recorded: recorded !== null,
    labelsComplete: plan.label.source === null || kept.decided >= range.to + schedule.knownAfter,
    seenInTraining: model.training.from < range.to && range.from < model.training.to,
  };
}

function judgeNow({ plan, kept }: Pick<Question<never>, 'plan' | 'kept'>, model: Model, range: Range): ModelMetrics {
  return judge(model, {
    schedule: scheduleOf(plan),
    boundary: range.from,
    range,
    examples: kept.examples,
    labels: plan.label.source === null ? null : kept.labelsAt(Number.POSITIVE_INFINITY),
    alertsPerDay: plan.evaluate.alertsPerDay,
  });
}

/** The newest model whose window lies wholly in the rows seen; of a given range, the newest there was when it began. */
function choose<M extends { readonly model: Model }>({ plan, kept, models, range }: Question<M>): M {
  const schedule = scheduleOf(plan);
  const trained = models.filter(({ model }) => model.boundary !== null);
  const [first] = trained;
  if (first === undefined)
    throw new MillraceError('model_unknown', `No model ${plan.id} was trained here yet.`, { hint: 'Run the pipeline past a training boundary.' });
  if (range !== null) {
    const found = trained.findLast(({ model }) => (model.boundary as number) <= range.from);
    if (found !== undefined) return found;
    throw new MillraceError('model_unknown', `There was no model ${plan.id} at ${time(range.from)} yet.`, {
      hint: `The first is of ${time(first.model.boundary as number)}: judge from there on, or name a model by its hash.`,
    });
  }
  // time may have gone on without rows
  const covered = Math.min(kept.decided, lastOfEnd(schedule, kept.last));
  const found = trained.findLast(({ model }) => windowOf(model, schedule).to <= covered);
  if (found === undefined) throw incomplete(windowOf(first.model, schedule), covered);
  return found;
}

function windowOf({ boundary, training }: Model, schedule: Schedule): Range {
  return judgedRange(schedule, boundary ?? training.to + schedule.knownAfter);
}

function metricsOf({ metrics }: Model, range: Range): ModelMetrics | null {
  return metrics !== null && metrics.from === range.from && metrics.to === range.to ? metrics : null;
}

function incomplete({ from, to }: Range, complete: number): MillraceError {
  return new MillraceError('window_incomplete', `Rows are there up to ${time(complete)}, and the window ${time(from)} to ${time(to)} ends after that.`);
}

/** Why no model can be judged on a range that is over; null: its rows are kept. */
function forgotten(schedule: Schedule, { first, decided }: KeptRows, range: Range): MillraceError | null {
  const needed = trainingRange(schedule, range.from).from;
  const since = keptSince(schedule, decided);
  if (needed >= since || first >= since) return null;
  const { window, knownAfter } = schedule;
  return new MillraceError('rows_forgotten', `To judge on ${time(range.from)} takes rows from ${time(needed)} on; those before ${time(since)} are gone.`, {
    hint: `Judge on a window from ${time(since + window + knownAfter)} on with --from. What was found at the time is in millrace model list.`,
  });
}

/** as it can be typed again */
function time(ms: number): string {
  if (!Number.isFinite(ms)) return 'no time yet';
  return new Date(ms).toISOString().replace(/T00:00:00\.000Z$/, '');
}
