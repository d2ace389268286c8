import type { BatchProgress } from '@millrace/analyzer/batch/progress.ts';
import type { AnalyzedPlan, AnalyzeOptions, AnalyzeProgress } from '@millrace/analyzer/run-options.ts';
import type { Plan } from '@millrace/pipeline/plan.ts';
import type { Profile } from '@millrace/pipeline/profile.ts';
import type { RunProgress } from '@millrace/preprocessor/run-options.ts';
import type { Clock } from '@millrace/runtime/clock.ts';
import { Outage } from './outage.ts';

export interface StagesOptions {
  readonly plan: Plan;
  readonly profile: Profile;
  readonly dataDir: string;
  readonly untilEnd: boolean;
  /** null: both that the plan has */
  readonly only: 'preprocess' | 'analyze' | null;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onRecords: (progress: RunProgress) => void;
  readonly onAnalyze: (progress: AnalyzeProgress) => void;
  readonly onBatch: (batch: BatchProgress) => void;
  /** a stage has ended with an error, and the other is being stopped */
  readonly onFailure?: (stage: 'preprocess' | 'analyze', error: unknown) => void;
  /** where console sinks show their rows */
  readonly screen: NonNullable<AnalyzeOptions['screen']>;
  readonly onEvent: (event: { level: 'info' | 'warn' | 'error'; code: string; message: string }) => void;
  /** for one who reads the topics meanwhile in this process: woken at each append */
  readonly wake?: SharedArrayBuffer;
  /** epoch ms at which generated records begin to come; default: when they are first read */
  readonly begun?: number;
}

/** How the stages that ran ended; null: it did not run. */
export interface StagesProgress {
  readonly records: RunProgress | null;
  readonly analyze: AnalyzeProgress | null;
}

/** The stages that a run of the plan has. */
export function stagesOf(plan: Plan, only: StagesOptions['only']): readonly ('preprocess' | 'analyze')[] {
  const all = plan.analyze === null ? (['preprocess'] as const) : (['preprocess', 'analyze'] as const);
  return all.filter((stage) => only === null || stage === only);
}

/**
 * Runs the stages of a pipeline side by side in this process. To the end of the input the record stage ends first, and the
 * analyzer once it has all of it. When one fails the other is stopped as by a signal, and the failure is thrown.
 */
export async function runStages(options: StagesOptions): Promise<StagesProgress> {
  const { plan, profile, dataDir, untilEnd, only, clock, onEvent } = options;
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const analyzes = stagesOf(plan, only).includes('analyze');
  const [{ run }, { startAnalyzer }] = await Promise.all([
    import('@millrace/preprocessor/run.ts'),
    analyzes ? import('@millrace/analyzer/start.ts') : { startAnalyzer: null },
  ]);
  const memory = profile.transport.type === 'memory' ? (await import('@millrace/transport/memory.ts')).openMemory() : null;
  const shared = { profile, dataDir, clock, signal, onEvent, wake: options.wake ?? new SharedArrayBuffer(8), ...(memory ? { transport: memory } : {}) };
  const outage = new Outage(onEvent, signal);
  const begun = options.begun === undefined ? {} : { begun: options.begun };
  const startRecords = (working: () => void): Promise<RunProgress> =>
    run({
      ...shared,
      plan,
      untilEnd,
      ...begun,
      onProgress(progress) {
        working();
        options.onRecords(progress);
      },
    });
  const records = only === 'analyze' ? null : outage.outlive(startRecords);
  const startAnalyze =
    startAnalyzer &&
    ((working: () => void): Promise<AnalyzeProgress> =>
      startAnalyzer({
        ...shared,
        plan: plan as AnalyzedPlan,
        untilEnd: untilEnd ? ended(records) : null,
        onProgress(progress) {
          working();
          options.onAnalyze(progress);
        },
        onBatch: options.onBatch,
        screen: options.screen,
      }));
  const analyze = startAnalyze && outage.outlive(startAnalyze);
  const stages = [records, analyze] as const;
  records?.catch((error: unknown) => options.onFailure?.('preprocess', error));
  analyze?.catch((error: unknown) => options.onFailure?.('analyze', error));
  try {
    const [ofRecords, ofAnalyze] = await Promise.all(stages);
    return { records: ofRecords, analyze: ofAnalyze };
  } catch (error) {
    stop.abort();
    await Promise.allSettled(stages);
    throw error;
  } finally {
    await memory?.close();
  }
}

/** Resolves when the record stage has ended well, at once without one; of its failure others hear by the signal. */
async function ended(records: Promise<unknown> | null): Promise<void> {
  await records?.catch(() => new Promise(() => undefined));
}

/** What either stage has done, in the terms of the record stage. */
export interface StageProgress extends Omit<RunProgress, 'state'> {
  readonly state: RunProgress['state'] | AnalyzeProgress['state'];
}

/** The analyzer's progress in the terms of the record stage's, for where only one is shown. */
export function asRecords(analyze: AnalyzeProgress): StageProgress {
  const { elapsedMs, rowsIn, out, deadLetters, deadLettersByCode, dropped, lag, state } = analyze;
  const watermarks = Object.values(analyze.watermarks).filter((watermark) => watermark !== null);
  const watermark = watermarks.length === 0 ? null : Math.min(...watermarks);
  return {
    elapsedMs,
    recordsIn: rowsIn,
    out,
    deadLetters,
    deadLettersByCode,
    dropped,
    lag,
    state,
    watermark,
    fraction: null,
    silentMs: 0,
    commits: { count: 0, snapshots: 0, ms: 0 },
    tables: { taken: 0, refused: 0 },
  };
}
