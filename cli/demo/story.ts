import type { BatchProgress } from '@millrace/analyzer/batch/progress.ts';
import type { AnalyzeProgress } from '@millrace/analyzer/run-options.ts';
import type { RunProgress } from '@millrace/preprocessor/run-options.ts';
import type { Model } from '@millrace/shared-schemas/model.ts';
import type { ModelDecision } from '@millrace/shared-schemas/model-decision.ts';
import { Latencies } from './latencies.ts';

/** A record of the topic of alerts. Times are epoch ms. */
export interface Alert {
  readonly tx: number;
  readonly time: number;
  readonly card: number;
  readonly terminal: number;
  readonly amount: number;
  readonly score: number;
  /** the truth, which the pipeline learns `knownAfter` later; so does who looks on */
  readonly fraud: boolean;
}

/** A model that was trained, and what became of it. */
export interface Trained {
  readonly hash: string;
  readonly model: Model;
  readonly promoted: boolean;
}

/** What is fixed before the demo begins. Times are epoch ms, spans ms. */
export interface Setting {
  readonly seed: number;
  /** of event time: where history begins, where the live part does, where all ends */
  readonly from: number;
  readonly live: number;
  readonly to: number;
  /** event time runs so much faster than life */
  readonly speed: number;
  /** how long after a payment one hears whether it was fraud */
  readonly knownAfter: number;
  readonly alertsPerDay: number;
}

const DAY = 86_400_000;

/** What has happened so far, as far as the view and the closing table want to know. */
export class Story {
  readonly setting: Setting;
  records: RunProgress | null = null;
  analyze: AnalyzeProgress | null = null;
  batch: BatchProgress | null = null;
  /** groups that left because their window was over */
  windowsClosed = 0;
  /** in the order they came */
  readonly alerts: Alert[] = [];
  /** those whose truth is known, in that order */
  readonly known: Alert[] = [];
  frauds = 0;
  /** in the order of their boundaries */
  readonly models: Trained[] = [];
  /** rows of the bridge that were seen */
  bridged = 0;
  readonly toBridge = new Latencies();
  readonly toAlert = new Latencies();
  /** ms after the start, null before */
  firstAlert: number | null = null;
  /** the last thing that was said */
  message = '';
  #pending: Alert[] = [];
  #alertsByDay = new Map<number, number>();

  constructor(setting: Setting) {
    this.setting = setting;
  }

  /** ms after the run's beginning at which a record of this event time is due */
  due(time: number): number {
    return Math.max(0, (time - this.setting.live) / this.setting.speed);
  }

  addBatch(batch: BatchProgress): void {
    this.batch = batch;
    for (const { numRowsRemoved } of batch.stateOperators) this.windowsClosed += numRowsRemoved;
  }

  addAlert(alert: Alert, elapsed: number): void {
    this.firstAlert ??= elapsed;
    this.alerts.push(alert);
    this.#pending.push(alert);
    const day = Math.floor(alert.time / DAY);
    this.#alertsByDay.set(day, (this.#alertsByDay.get(day) ?? 0) + 1);
  }

  /** Takes in what event time brings to light; gives the alerts whose truth is new, by their time. */
  learn(): Alert[] {
    const until = this.now - this.setting.knownAfter;
    const fresh = this.#pending.filter(({ time }) => time <= until).sort((a, b) => a.time - b.time || a.tx - b.tx);
    if (fresh.length === 0) return fresh;
    this.#pending = this.#pending.filter(({ time }) => time > until);
    this.known.push(...fresh);
    this.frauds += fresh.filter(({ fraud }) => fraud).length;
    return fresh;
  }

  /** A decision and the model it names, where it was trained. */
  addDecision({ trained, promoted }: ModelDecision, model: Model | null): void {
    if (trained !== null && model !== null) this.models.push({ hash: trained, model, promoted: promoted === trained });
  }

  /** A model's metrics came in. */
  judge(hash: string, model: Model): void {
    const at = this.models.findIndex((one) => one.hash === hash);
    if (at >= 0) this.models[at] = { ...(this.models[at] as Trained), model };
  }

  /** the newest model whose next window is judged */
  get judged(): Trained | null {
    return this.models.findLast(({ model }) => model.metrics !== null) ?? null;
  }

  /** event time: the record stage's watermark; where history begins before there is one, where all ends when it is +∞ */
  get now(): number {
    const { from, to } = this.setting;
    return Math.max(from, Math.min(to, this.records?.watermark ?? from));
  }

  /** alerts of the day that event time is in */
  get alertsToday(): number {
    return this.#alertsByDay.get(Math.floor(this.now / DAY)) ?? 0;
  }

  /** days (UTC) that had alerts, with how many */
  get alertsByDay(): ReadonlyMap<number, number> {
    return this.#alertsByDay;
  }

  /** records of the bridge that the analyzer has not read */
  get behind(): number {
    return Object.values(this.analyze?.lag ?? {}).reduce((sum, n) => sum + n, 0);
  }

  get deadLetters(): number {
    return (this.records?.deadLetters ?? 0) + (this.analyze?.deadLetters ?? 0);
  }
}
