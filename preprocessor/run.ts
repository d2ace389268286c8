import type { Plan } from '@millrace/pipeline/plan.ts';
import type { Profile } from '@millrace/pipeline/profile.ts';
import type { Clock } from '@millrace/runtime/clock.ts';
import { MillraceError } from '@millrace/runtime/errors.ts';
import { probe } from '@millrace/runtime/probe.ts';
import type { Transport } from '@millrace/transport/log.ts';
import { DeadLetterBudget } from './budget.ts';
import { startCrew } from './crew.ts';
import type { HostStats } from './host.ts';
import type { RunRecord } from './lifecycle.ts';
import { Opened } from './open-pipeline.ts';

/** What a run has done so far, for people and machines to look at. Times are epoch ms; counts are of this run only. */
export interface RunProgress {
  readonly elapsedMs: number;
  readonly recordsIn: number;
  /** records written by output id; exchanges are not outputs */
  readonly out: Readonly<Record<string, number>>;
  readonly deadLetters: number;
  readonly deadLettersByCode: Readonly<Record<string, number>>;
  /** late records dropped because a step says `late: drop`, and records dropped by `on_error: drop` */
  readonly dropped: number;
  /** the least watermark over tasks; null before the first */
  readonly watermark: number | null;
  /** records (logs) or bytes (files) still to read, by source id */
  readonly lag: Readonly<Record<string, number>>;
  /** 0…1 of the work known when the run began; null when endless */
  readonly fraction: number | null;
  readonly state: 'recovering' | 'running' | 'paused' | 'stopping' | 'done';
}

export interface RunOptions {
  readonly plan: Plan;
  readonly profile: Profile;
  /** absolute; made when missing */
  readonly dataDir: string;
  readonly untilEnd: boolean;
  readonly clock: Clock;
  /** graceful stop: finish the batch, snapshot, close */
  readonly signal: AbortSignal;
  /** called a few times a second */
  readonly onProgress: (progress: RunProgress) => void;
  /** things a person should know (recovery, a source refused, a paused budget) */
  readonly onEvent: (event: { level: 'info' | 'warn' | 'error'; code: string; message: string }) => void;
  /** instead of the data directory's own; stays open */
  readonly transport?: Transport;
}

const PROGRESS_MS = 200;

/** Runs the record stage of a plan until its signal, its end (`untilEnd`) or an error (`MillraceError`, or a defect). */
export async function run(options: RunOptions): Promise<RunProgress> {
  const opened = new Opened(options);
  const totals = new Totals(options);
  try {
    const unfinished = opened.run.ends !== null && !opened.run.finished;
    if (unfinished) {
      options.onEvent({ level: 'info', code: 'run_resumed', message: `run ${opened.run.run} was interrupted: finishing it to the end it had first` });
      await oneRun(opened, opened.run, options, totals);
    }
    if (!options.signal.aborted) {
      const next: RunRecord = { run: opened.run.run + 1, ends: options.untilEnd ? opened.ends() : null, finished: false };
      opened.commitRun(next);
      await oneRun(opened, next, options, totals);
    }
    await opened.close(true);
    return totals.progress('done');
  } catch (error) {
    await opened.close(false);
    throw error;
  }
}

async function oneRun(opened: Opened, runRecord: RunRecord, options: RunOptions, totals: Totals): Promise<void> {
  totals.state = 'recovering';
  const crew = await startCrew(opened, runRecord, options);
  const budget = options.plan.deadLetter.budget;
  const watch = budget ? new DeadLetterBudget(budget) : null;
  probe('run.started');
  totals.state = 'running';
  const stop = (): void => crew.stop();
  options.signal.addEventListener('abort', stop);
  if (options.signal.aborted) stop();
  const overspent = (final: boolean): void => {
    if (!watch?.over(final)) return;
    const message = `more than ${(budget?.ratio as number) * 100} % of the records became dead letters`;
    if (runRecord.ends !== null) {
      crew.stop();
      throw new MillraceError('dead_letter_budget', message);
    }
    if (totals.state === 'running') options.onEvent({ level: 'error', code: 'dead_letter_budget', message: `${message}: paused` });
    totals.state = 'paused';
    crew.pause();
  };
  const tick = (): void => {
    const stats = crew.drainStats();
    totals.add(stats);
    const dead = Object.values(stats.dead).reduce((sum, count) => sum + count, 0);
    watch?.add(options.clock.monotonic(), stats.recordsIn, dead);
    options.onProgress(totals.progress());
  };
  let last = options.clock.monotonic();
  try {
    await crew.work(() => {
      const now = options.clock.monotonic();
      if (now - last < PROGRESS_MS) return;
      last = now;
      if (options.signal.aborted) totals.state = 'stopping';
      tick();
      overspent(false);
    });
    tick();
    if (runRecord.ends !== null && crew.ended) {
      overspent(true);
      opened.commitRun({ ...runRecord, finished: true });
      probe('run.finished');
    }
  } finally {
    options.signal.removeEventListener('abort', stop);
    await crew.close();
  }
}

/** Sums what the hosts report. */
class Totals {
  readonly #clock: Clock;
  readonly #started: number;
  readonly #out: Record<string, number> = {};
  readonly #dead: Record<string, number> = {};
  #recordsIn = 0;
  #dropped = 0;
  #watermark = Number.NEGATIVE_INFINITY;
  #lag: Record<string, number> = {};
  #greatestLag = 0;
  readonly #untilEnd: boolean;
  state: RunProgress['state'] = 'recovering';

  constructor(options: RunOptions) {
    this.#clock = options.clock;
    this.#started = options.clock.monotonic();
    this.#untilEnd = options.untilEnd;
    for (const stage of options.plan.stages) for (const output of stage.outputs) if (output.kind !== 'exchange') this.#out[output.id] = 0;
  }

  add(stats: HostStats): void {
    this.#recordsIn += stats.recordsIn;
    this.#dropped += stats.dropped;
    for (const [id, count] of Object.entries(stats.out)) this.#out[id] = (this.#out[id] ?? 0) + count;
    for (const [code, count] of Object.entries(stats.dead)) this.#dead[code] = (this.#dead[code] ?? 0) + count;
    if (Number.isFinite(stats.watermark)) this.#watermark = stats.watermark;
    this.#lag = stats.lag;
    this.#greatestLag = Math.max(this.#greatestLag, this.#left());
  }

  #left(): number {
    return Object.values(this.#lag).reduce((sum, left) => sum + left, 0);
  }

  progress(state = this.state): RunProgress {
    return {
      elapsedMs: this.#clock.monotonic() - this.#started,
      recordsIn: this.#recordsIn,
      out: { ...this.#out },
      deadLetters: Object.values(this.#dead).reduce((sum, count) => sum + count, 0),
      deadLettersByCode: { ...this.#dead },
      dropped: this.#dropped,
      watermark: Number.isFinite(this.#watermark) ? this.#watermark : null,
      lag: { ...this.#lag },
      fraction: this.#untilEnd && this.#greatestLag > 0 ? 1 - this.#left() / this.#greatestLag : null,
      state,
    };
  }
}
