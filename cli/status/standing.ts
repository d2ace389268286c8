import type { AnalyzeProgress } from '@millrace/analyzer/run-options.ts';
import type { RunProgress } from '@millrace/preprocessor/run-options.ts';
import type { Clock } from '@millrace/runtime/clock.ts';
import type { StageProgress } from '../stages.ts';

export type Stage = 'preprocess' | 'analyze';

/** What a probe says: whether, and why not. */
export interface Verdict {
  readonly ok: boolean;
  /** empty when it is */
  readonly reasons: readonly string[];
}

/** How a stage is, as far as it has said. */
export interface StageStanding {
  readonly state: StageProgress['state'] | 'failed';
  /** ms since its loop was last seen to turn */
  readonly silent: number;
}

export interface StandingOptions {
  /** those that this process runs */
  readonly stages: readonly Stage[];
  readonly clock: Clock;
  /** ms a stage may be silent while it runs before it counts as stuck */
  readonly patience: Readonly<Record<Stage, number>>;
}

/** What the stages of a run have last said of themselves, and what follows from it for those who look after the process. */
export class Standing {
  readonly stages: readonly Stage[];
  readonly #clock: Clock;
  readonly #patience: StandingOptions['patience'];
  readonly #heard: Record<Stage, number>;
  readonly #failed = new Map<Stage, string>();
  #stopping = false;
  records: RunProgress | null = null;
  analyze: AnalyzeProgress | null = null;

  constructor({ stages, clock, patience }: StandingOptions) {
    this.stages = stages;
    this.#clock = clock;
    this.#patience = patience;
    const now = clock.monotonic();
    this.#heard = { preprocess: now, analyze: now };
  }

  hearRecords(progress: RunProgress): void {
    this.records = progress;
    this.#heard.preprocess = this.#clock.monotonic() - progress.silentMs;
  }

  hearAnalyze(progress: AnalyzeProgress): void {
    this.analyze = progress;
    this.#heard.analyze = this.#clock.monotonic();
  }

  /** A stage has ended with an error of that code, and the run is about to. */
  fail(stage: Stage, code: string): void {
    this.#failed.set(stage, code);
  }

  /** The run was told to stop. */
  stop(): void {
    this.#stopping = true;
  }

  of(stage: Stage): StageStanding {
    const said = (stage === 'preprocess' ? this.records : this.analyze)?.state ?? 'recovering';
    const turns = said === 'running' || said === 'standing_by';
    const state = this.#failed.has(stage) ? 'failed' : turns && this.#stopping ? 'stopping' : said;
    return { state, silent: this.#clock.monotonic() - this.#heard[stage] };
  }

  /** Alive: nothing has failed, and what runs still turns. How long recovery and a stop take is no sign of death. */
  health(): Verdict {
    return verdict(this.stages, (stage) => {
      const { state, silent } = this.of(stage);
      if (state === 'failed') return `${stage} has failed: ${this.#failed.get(stage)}`;
      const watched = state === 'running' || state === 'paused' || state === 'standing_by';
      return watched && silent > this.#patience[stage] ? `${stage} has not turned for ${Math.round(silent / 1000)} s` : null;
    });
  }

  /** Recovered and at its place: everything that this process runs is running or stands by, or has done all it had to while another part runs on. */
  ready(): Verdict {
    const health = this.health();
    if (!health.ok) return health;
    const over = this.stages.every((stage) => this.of(stage).state === 'done');
    return verdict(this.stages, (stage) => {
      const { state } = this.of(stage);
      if (state === 'running' || state === 'standing_by' || (state === 'done' && !over)) return null;
      return state === 'paused' ? `${stage} is paused: more dead letters than dead_letter.budget allows` : `${stage} is ${state}`;
    });
  }
}

function verdict(stages: readonly Stage[], flaw: (stage: Stage) => string | null): Verdict {
  const reasons = stages.flatMap((stage) => flaw(stage) ?? []);
  return { ok: reasons.length === 0, reasons };
}
