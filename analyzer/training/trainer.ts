import { featureFingerprint, linearScore, type Model, type ModelMetrics, modelHash } from '@millrace/shared-schemas/model.ts';
import type { ModelDecision } from '@millrace/shared-schemas/model-decision.ts';
import type { Row } from '@millrace/shared-schemas/types.ts';
import { DatasetBuilder } from '../ml/dataset.ts';
import type { Fit } from '../ml/fit.ts';
import type { StateWriter } from '../queries/query.ts';
import { firstTraining, judgedNow, lastComplete, lastOfEnd, type Schedule, trainingRange } from './boundaries.ts';
import { type Example, labelOf } from './examples.ts';
import { judge } from './judge.ts';
import { KeptRows } from './kept-rows.ts';
import { type LearningRows, learningRows, scheduleOf, type TrainedPlan } from './learning-rows.ts';
import { type Promotes, promotes } from './promotes.ts';
import { alertThreshold } from './threshold.ts';

export interface TrainerHost {
  readonly fit: Fit;
  /** the text of a model of this pipeline, by its hash */
  model(hash: string): Model;
}

/** What the end of a batch brought. */
export interface Trained {
  readonly decisions: readonly ModelDecision[];
  /** models made or judged, by hash: to be stored before the decisions are told */
  readonly models: ReadonlyMap<string, Model>;
}

/**
 * Trains, judges and promotes one model. What it does at a boundary depends on the rows and labels of the batches so far and on the model in
 * force, never on how they were cut into batches but for rows that came late.
 */
export class Trainer {
  readonly #plan: TrainedPlan;
  readonly #schedule: Schedule;
  readonly #rows: LearningRows;
  readonly #promotes: Promotes;
  readonly #host: TrainerHost;
  readonly #kept: KeptRows;

  constructor(plan: TrainedPlan, host: TrainerHost) {
    this.#plan = plan;
    this.#schedule = scheduleOf(plan);
    this.#rows = learningRows(plan);
    this.#promotes = promotes(plan.promoteIf);
    this.#host = host;
    this.#kept = new KeptRows(plan);
  }

  example(row: Row, time: number): void {
    this.#kept.add(this.#rows.example(row, time));
  }

  label(row: Row, time: number): void {
    const label = this.#rows.label(row, time);
    if (label !== null) this.#kept.labels.add(label);
  }

  /** Whether the end of a batch of this completeness (null: nobody says) would decide a boundary. */
  due(completeness: number | null, ending: boolean): boolean {
    return this.#due(completeness, ending) > this.#kept.decided;
  }

  #due(completeness: number | null, ending: boolean): number {
    const behind = this.#kept.last === Number.NEGATIVE_INFINITY ? this.#kept.last : lastOfEnd(this.#schedule, this.#kept.last);
    const complete = completeness === null ? this.#kept.last - 1 : completeness;
    const passed = Number.isFinite(complete) ? lastComplete(this.#schedule, complete) : complete > 0 ? behind : complete;
    return ending ? Math.max(behind, passed) : passed;
  }

  /** The rows of the batch are in. `current`: hash of the model in force. */
  async finish(completeness: number | null, ending: boolean, current: string | null): Promise<Trained> {
    const last = this.#due(completeness, ending);
    const decisions: ModelDecision[] = [];
    const models = new Map<string, Model>();
    if (!(last > this.#kept.decided)) return { decisions, models };
    const { every, window, knownAfter } = this.#schedule;
    const begin = Math.max(firstTraining(this.#schedule, this.#kept.first), this.#kept.decided + every);
    let inForce = current;
    // behind this boundary there is no row left to learn from
    const end = Math.min(last, this.#kept.last + window + knownAfter + every);
    for (let boundary = begin; boundary <= end; boundary += every) {
      const decision = await this.#decide(boundary, inForce, models);
      decisions.push(decision);
      inForce = decision.promoted ?? inForce;
    }
    if (decisions.at(-1)?.boundary !== last)
      decisions.push({ model: this.#plan.id, boundary: last, trained: null, promoted: null, reason: 'no whole window of rows with known labels yet' });
    this.#kept.decide(this.#schedule, last);
    return { decisions, models };
  }

  async #decide(boundary: number, current: string | null, models: Map<string, Model>): Promise<ModelDecision> {
    const labels = this.#plan.label.source === null ? null : this.#kept.labelsAt(boundary);
    const { model, reason } = await this.#train(boundary, current, labels);
    const trained = model === null ? null : modelHash(model);
    if (model !== null && trained !== null) {
      models.set(trained, model);
      this.#kept.waiting.set(boundary, trained);
    }
    const told = { model: this.#plan.id, boundary, trained };
    const judged = this.#judge(boundary, current, labels, models);
    if (trained !== null && current === null) return { ...told, promoted: trained, reason: 'the first model' };
    if (this.#plan.promoteIf === null) return { ...told, promoted: trained, reason: trained === null ? reason : 'trained' };
    if (judged === null) return { ...told, promoted: null, reason: trained === null ? reason : 'to be judged on its next window' };
    return { ...told, promoted: judged.better ? judged.hash : null, reason: judged.reason };
  }

  async #train(boundary: number, current: string | null, labels: ReadonlyMap<string, boolean> | null): Promise<{ model: Model | null; reason: string }> {
    const { id, features, train } = this.#plan;
    const range = trainingRange(this.#schedule, boundary);
    const rows = [...this.#kept.examples.within(range)];
    const dataset = new DatasetBuilder(features, Math.max(16, rows.length));
    for (const row of rows) {
      const label = labelOf(row, labels);
      if (label !== null) dataset.add(row.features, label);
    }
    const { l2, l1, classWeight, standardize } = train;
    const fitted = await this.#host.fit(dataset.build(), { l2, l1, classWeight, standardize }, rows.length * features.length);
    if (!fitted.ok) return { model: null, reason: `${fitted.reason}: ${fitted.message}` };
    const { intercept, coefficients, scaler, iterations, converged, engine, positives } = fitted;
    const score = (row: Example): number | null => (Number.isFinite(row.features[0]) ? linearScore({ intercept, coefficients }, row.features) : null);
    // an alert needs no label, so the newest rows say best how many there will be
    const recent = [...this.#kept.examples.within({ from: boundary - this.#schedule.window, to: boundary })];
    const scored = recent.map((row) => ({ time: row.time, card: row.card, score: score(row) }));
    const model: Model = {
      format: 1,
      type: 'logistic_regression',
      name: id,
      features,
      schema: featureFingerprint(train.columns),
      intercept,
      coefficients,
      scaler,
      threshold: alertThreshold(scored, this.#plan.evaluate.alertsPerDay),
      training: { ...range, rows: fitted.rows, positives, l2, l1, class_weight: classWeight, standardize, iterations, converged, engine },
      metrics: null,
      parent: current,
      boundary,
    };
    return { model, reason: 'trained' };
  }

  /** The model whose next window is known now, its metrics kept with it, against the one in force on the same rows. */
  #judge(
    boundary: number,
    current: string | null,
    labels: ReadonlyMap<string, boolean> | null,
    models: Map<string, Model>,
  ): { hash: string; better: boolean; reason: string } | null {
    const from = judgedNow(this.#schedule, boundary);
    const hash = from === null ? undefined : this.#kept.waiting.get(from);
    if (from === null || hash === undefined) return null;
    this.#kept.waiting.delete(from);
    const find = (name: string): Model => models.get(name) ?? this.#host.model(name);
    const metrics = (model: Model): ModelMetrics =>
      judge(model, { schedule: this.#schedule, boundary: from, examples: this.#kept.examples, labels, alertsPerDay: this.#plan.evaluate.alertsPerDay });
    const candidate = find(hash);
    const own = metrics(candidate);
    models.set(hash, { ...candidate, metrics: own });
    if (hash === current) return { hash, better: false, reason: 'in force already' };
    const better = this.#promotes(own, current === null ? null : metrics(find(current)));
    return { hash, better, reason: better ? 'promote_if holds on the next window' : 'promote_if does not hold on the next window' };
  }

  /** how many rows are kept */
  get kept(): number {
    return this.#kept.examples.size;
  }

  snapshot(writer: StateWriter): void {
    this.#kept.snapshot(writer);
  }

  restore(entries: Iterable<readonly [key: string, value: Uint8Array]>): void {
    this.#kept.restore(entries);
  }
}
