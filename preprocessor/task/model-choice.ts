import type { Decisions } from '../decisions.ts';
import type { Notice } from '../stats.ts';
import type { TaskCore } from './core.ts';

/** A model that steps of the task score with; `every`: ms between the training boundaries that it waits for, null: it waits for none. */
export interface ScoredModel {
  readonly model: string;
  readonly every: number | null;
}

/** How long a task waits for a decision before it says so, ms. */
const PATIENCE_MS = 5000;
/** How often it looks whether the decision can still come, ms. */
const LOOK_MS = 20;
const NONE: readonly (readonly [model: string, hash: string])[] = [];

const floorTo = (time: number, every: number): number => Math.floor(time / every) * every;

/**
 * Says which models a live task scores with. Without boundaries it is the one promoted last. With them it is a function of the watermark: a
 * task that has reached boundary B takes nothing more until B is decided, and then scores with what was promoted up to B.
 */
export class ModelChoice {
  readonly #core: TaskCore;
  readonly #models: readonly ScoredModel[];
  readonly #decisions: Decisions;
  readonly #endedAt: (model: string) => number;
  readonly #notices: Notice[];
  #now = 0;
  #count = -1;
  #news = true;
  #waitingSince = -1;
  #lookedAt = Number.NEGATIVE_INFINITY;
  readonly #ends = new Map<string, number>();
  #told = '';
  /** watermark at which there is a choice again: takes stop there */
  limit = Number.NEGATIVE_INFINITY;

  /**
   * `endedAt`: the least watermark of the tasks that have ended this run and speak for a model's training data, as the analyzer cannot come
   * further in this run; +Infinity when none has.
   */
  constructor(core: TaskCore, models: readonly ScoredModel[], decisions: Decisions, endedAt: (model: string) => number, notices: Notice[]) {
    this.#core = core;
    this.#models = models;
    this.#decisions = decisions;
    this.#endedAt = endedAt;
    this.#notices = notices;
  }

  /** Once a turn. `now`: monotonic ms. */
  look(now: number): void {
    this.#now = now;
    this.#decisions.look(now);
    if (this.#count === this.#decisions.count) return;
    this.#count = this.#decisions.count;
    this.#news = true;
  }

  /** The models to change to before the next record is taken at this watermark; null: wait. */
  before(watermark: number): typeof NONE | null {
    if (!this.#news && watermark < this.limit) return NONE;
    const changes: (readonly [string, string])[] = [];
    let limit = Number.POSITIVE_INFINITY;
    for (const { model, every } of this.#models) {
      let boundary = Number.POSITIVE_INFINITY;
      if (every !== null) {
        boundary = floorTo(watermark + 1, every);
        limit = Math.min(limit, boundary === Number.NEGATIVE_INFINITY ? -Number.MAX_VALUE : boundary + every - 1);
        // the boundary before the first watermark is not waited for, so nothing promoted there counts yet
        if (boundary <= floorTo(this.#core.born + 1, every)) boundary = Number.NEGATIVE_INFINITY;
        else if (!this.#decided(model, every, boundary)) {
          this.#wait(model, boundary);
          return null;
        }
      }
      const hash = this.#decisions.promoted(model, boundary);
      if (hash !== null && hash !== this.#core.models[model]) changes.push([model, hash]);
    }
    this.#news = false;
    this.#waitingSince = -1;
    this.limit = limit;
    return changes;
  }

  #decided(model: string, every: number, boundary: number): boolean {
    const decided = this.#decisions.decided(model);
    if (decided >= boundary) return true;
    if (this.#waitingSince >= 0 && this.#now - this.#lookedAt >= LOOK_MS) {
      this.#lookedAt = this.#now;
      this.#ends.set(model, this.#endedAt(model));
    }
    // what has ended holds the analyzer at its own event time until the run is over
    const possible = floorTo((this.#ends.get(model) ?? Number.POSITIVE_INFINITY) + 1, every);
    return possible < boundary && (decided >= possible || possible <= floorTo(this.#core.born + 1, every));
  }

  #wait(model: string, boundary: number): void {
    if (this.#waitingSince < 0) this.#waitingSince = this.#now;
    const message = `scores wait for the model ${model} of ${new Date(boundary).toISOString()}: the analyzer has not decided on it yet`;
    if (this.#now - this.#waitingSince < PATIENCE_MS || this.#told === message) return;
    this.#told = message;
    this.#notices.push({ level: 'warn', code: 'waiting_for_model', message });
  }
}
