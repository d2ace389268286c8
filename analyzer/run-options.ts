import type { AnalyzePlan } from '@millrace/pipeline/analyze/plan.ts';
import type { Plan } from '@millrace/pipeline/plan.ts';
import type { Profile } from '@millrace/pipeline/profile.ts';
import type { Clock } from '@millrace/runtime/clock.ts';
import type { Transport } from '@millrace/transport/log.ts';
import type { BatchProgress } from './batch/progress.ts';
import type { Screen } from './sinks/screen.ts';

/** A plan that has the analyzer's half. */
export interface AnalyzedPlan extends Plan {
  readonly analyze: AnalyzePlan;
}

/** What a run of the analyzer has done so far. Times are epoch ms; counts are of what this process did. */
export interface AnalyzeProgress {
  readonly elapsedMs: number;
  /** number of the last batch that all sinks have, −1 before the first */
  readonly batch: number;
  readonly batches: number;
  readonly rowsIn: number;
  /** rows by sink id */
  readonly out: Readonly<Record<string, number>>;
  readonly deadLetters: number;
  readonly deadLettersByCode: Readonly<Record<string, number>>;
  /** records dropped by `on_error: drop` */
  readonly dropped: number;
  /** rows behind a query's watermark, by query id */
  readonly late: Readonly<Record<string, number>>;
  /** of the queries that have one; null before the first */
  readonly watermarks: Readonly<Record<string, number | null>>;
  /** records still to read, by source id */
  readonly lag: Readonly<Record<string, number>>;
  /** hash of the model in force, by name */
  readonly models: Readonly<Record<string, string | null>>;
  /** `standing_by`: another process has the analyzer, and this one waits for it to go */
  readonly state: 'recovering' | 'standing_by' | 'running' | 'stopping' | 'done';
}

export interface AnalyzeOptions {
  readonly plan: AnalyzedPlan;
  readonly profile: Profile;
  /** absolute; made when missing */
  readonly dataDir: string;
  readonly clock: Clock;
  /** graceful stop: finish the batch, close */
  readonly signal: AbortSignal;
  /**
   * A run to the end of the input: resolves when the record stage has ended, or at once; from then on the ends of its topics are final.
   * Another's topic ends where it ended at the start. null: a run without end, or as the trigger says.
   */
  readonly untilEnd: Promise<void> | null;
  /** called once recovered, behind every batch, when a trigger finds nothing to do, and now and then while it stands by */
  readonly onProgress: (progress: AnalyzeProgress) => void;
  /** called behind every batch, as Structured Streaming reports one */
  readonly onBatch: (progress: BatchProgress) => void;
  /** things a person should know */
  readonly onEvent: (event: { level: 'info' | 'warn' | 'error'; code: string; message: string }) => void;
  /** where console sinks show their rows; default: tables on standard output */
  readonly screen?: Screen;
  /** instead of the data directory's own; stays open */
  readonly transport?: Transport;
  /** shared by everyone in this process who opens the data directory, so that an append wakes them at once */
  readonly wake?: SharedArrayBuffer;
  /** instead of the trigger's `max_records` */
  readonly maxRecords?: number;
}
