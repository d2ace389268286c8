import type { BatchProgress } from '@millrace/analyzer/batch/progress.ts';
import type { AnalyzeProgress } from '@millrace/analyzer/run-options.ts';
import type { Plan } from '@millrace/pipeline/plan.ts';
import type { HttpProfile } from '@millrace/pipeline/profile.ts';
import type { RunProgress } from '@millrace/preprocessor/run-options.ts';
import type { Clock } from '@millrace/runtime/clock.ts';
import { failureOf } from '../output/failure.ts';
import { addAnalyzeMetrics } from './analyze-metrics.ts';
import { buildInfo } from './build-info.ts';
import { Metrics } from './prometheus.ts';
import { type Answer, serve } from './server.ts';
import { stageMetrics } from './stage-metrics.ts';
import { type Stage, Standing, type Verdict } from './standing.ts';

/** A record stage turns many times a second, but may wait for a broker, which gives up before this; the analyzer may train for minutes inside a batch. ms */
const RECORDS_PATIENCE = 120_000;
const ANALYZE_PATIENCE = 30 * 60_000;

export interface StatusOptions {
  readonly at: HttpProfile;
  readonly plan: Plan;
  /** those that this process runs */
  readonly stages: readonly Stage[];
  readonly version: string;
  readonly clock: Clock;
  /** the run is told to stop */
  readonly signal: AbortSignal;
}

/** The status of a run, as its server tells it. The run says what it does; that is kept, and read when somebody asks. */
export interface Status {
  readonly url: string;
  records(progress: RunProgress): void;
  analyze(progress: AnalyzeProgress): void;
  batch(batch: BatchProgress): void;
  failed(stage: Stage, error: unknown): void;
  close(): Promise<void>;
}

/** Listens and answers `/metrics`, `/health` and `/ready` until closed. Throws `MillraceError` address_exposed or address_unusable. */
export async function startStatus({ at, plan, stages, version, clock, signal }: StatusOptions): Promise<Status> {
  const patience = { preprocess: RECORDS_PATIENCE, analyze: ANALYZE_PATIENCE + 2 * (plan.analyze?.trigger.every ?? 0) };
  const standing = new Standing({ stages, clock, patience });
  const { metrics, batch } = runMetrics(standing, plan, version, clock);
  const stop = (): void => standing.stop();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const probe = (verdict: () => Verdict) => (): Answer => probed(plan.name, standing, verdict());
  const server = await serve(at, {
    '/metrics': async () => ({ status: 200, type: metrics.contentType, body: await metrics.text() }),
    '/health': probe(() => standing.health()),
    '/ready': probe(() => standing.ready()),
  });
  return {
    url: server.url,
    records: (progress) => standing.hearRecords(progress),
    analyze: (progress) => standing.hearAnalyze(progress),
    batch,
    failed: (stage, error) => standing.fail(stage, failureOf(error).code),
    async close() {
      signal.removeEventListener('abort', stop);
      await server.close();
    },
  };
}

/** Every metric of a run: those of the stages it has, and of the process. `batch` is to hear of each batch of the analyzer. */
export function runMetrics(standing: Standing, plan: Plan, version: string, clock: Clock): { metrics: Metrics; batch: (batch: BatchProgress) => void } {
  const metrics = new Metrics({ pipeline: plan.name });
  metrics.add(buildInfo(version));
  for (const family of stageMetrics(standing, plan, clock)) metrics.add(family);
  const batch = standing.stages.includes('analyze') ? addAnalyzeMetrics(metrics, standing, clock) : () => undefined;
  metrics.addProcess();
  return { metrics, batch };
}

/** For a person and for a machine: 200 or 503, why, and how each stage is. */
function probed(pipeline: string, standing: Standing, { ok, reasons }: Verdict): Answer {
  const stages = Object.fromEntries(
    standing.stages.map((stage) => {
      const { state, silent } = standing.of(stage);
      return [stage, { state, silent_seconds: Math.round(silent) / 1000 }];
    }),
  );
  const document = { status: ok ? 'ok' : 'unavailable', pipeline, reasons, stages };
  return { status: ok ? 200 : 503, type: 'application/json; charset=utf-8', body: `${JSON.stringify(document)}\n` };
}
