import type { BatchProgress } from '@millrace/analyzer/batch/progress.ts';
import type { AnalyzeProgress } from '@millrace/analyzer/run-options.ts';
import type { Clock } from '@millrace/runtime/clock.ts';
import type { Family, Metrics, Sample } from './prometheus.ts';
import type { Standing } from './standing.ts';

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const ROWS = [0, 1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000];

/** The parts of a batch that are timed apart; together they are its duration. */
const PHASES = { wal_commit: 'walCommit', add_batch: 'addBatch', commit_offsets: 'commitOffsets' } as const;

/** Metrics of the micro-batches. Gives what is to hear of every batch. */
export function addAnalyzeMetrics(metrics: Metrics, standing: Standing, clock: Clock): (batch: BatchProgress) => void {
  const heard = new Batches();
  for (const family of [...batchMetrics(standing, heard), ...modelMetrics(standing, heard), ...queryMetrics(standing, heard, clock)]) metrics.add(family);
  const duration = metrics.histogram('millrace_batch_duration_seconds', 'How long a batch took, from deciding on it to its commit.', SECONDS);
  const rows = metrics.histogram('millrace_batch_input_rows', 'Rows that a batch read.', ROWS);
  return (batch) => {
    heard.add(batch);
    duration(batch.batchDuration / 1000);
    rows(batch.numInputRows);
  };
}

/** What the reports of batches add up to. */
class Batches {
  last: BatchProgress | null = null;
  readonly phases: Record<string, number> = Object.fromEntries(Object.keys(PHASES).map((phase) => [phase, 0]));
  readonly updated = new Map<string, number>();
  readonly removed = new Map<string, number>();
  readonly boundaries = new Map<string, number>();
  readonly trainings = new Map<string, { trained: number; skipped: number; promoted: number }>();

  add(batch: BatchProgress): void {
    this.last = batch;
    for (const [phase, part] of Object.entries(PHASES)) this.phases[phase] = (this.phases[phase] as number) + batch.durationMs[part] / 1000;
    for (const { operatorName, numRowsUpdated, numRowsRemoved } of batch.stateOperators) {
      this.updated.set(operatorName, (this.updated.get(operatorName) ?? 0) + numRowsUpdated);
      this.removed.set(operatorName, (this.removed.get(operatorName) ?? 0) + numRowsRemoved);
    }
    for (const { model, boundary, trained, promoted } of batch.training ?? []) {
      const counts = this.trainings.get(model) ?? { trained: 0, skipped: 0, promoted: 0 };
      this.trainings.set(model, counts);
      counts[trained === null ? 'skipped' : 'trained']++;
      if (promoted !== null) counts.promoted++;
      if (boundary !== null) this.boundaries.set(model, boundary);
    }
  }
}

function batchMetrics(standing: Standing, heard: Batches): Family[] {
  const of = (value: (progress: AnalyzeProgress) => number) => (): Sample[] => (standing.analyze ? [[{}, value(standing.analyze)]] : []);
  return [
    {
      kind: 'counter',
      name: 'millrace_batches_total',
      help: 'Micro-batches that this process has committed.',
      labels: [],
      read: of(({ batches }) => batches),
    },
    {
      kind: 'gauge',
      name: 'millrace_batch_last_number',
      help: 'Number of the last batch that all sinks have, counted since the checkpoint began; -1 before the first.',
      labels: [],
      read: of(({ batch }) => batch),
    },
    {
      kind: 'gauge',
      name: 'millrace_batch_last_timestamp_seconds',
      help: 'When the last batch was decided, as a Unix time.',
      labels: [],
      read: () => (heard.last ? [[{}, Date.parse(heard.last.timestamp) / 1000]] : []),
    },
    {
      kind: 'counter',
      name: 'millrace_batch_phase_seconds_total',
      help: 'Time spent in each part of the batches: wal_commit writes the intent, add_batch reads, queries, saves and fills the sinks, commit_offsets marks the end.',
      labels: ['phase'],
      read: () => Object.entries(heard.phases).map(([phase, seconds]): Sample => [{ phase }, seconds]),
    },
  ];
}

function modelMetrics(standing: Standing, heard: Batches): Family[] {
  return [
    {
      kind: 'gauge',
      name: 'millrace_model_info',
      help: 'The model in force: always 1, its hash in the label.',
      labels: ['model', 'hash'],
      read: () => Object.entries(standing.analyze?.models ?? {}).flatMap(([model, hash]): Sample[] => (hash === null ? [] : [[{ model, hash }, 1]])),
    },
    {
      kind: 'counter',
      name: 'millrace_model_trainings_total',
      help: 'Boundaries of event time at which the model was to be trained: trained, or skipped for want of rows to learn from.',
      labels: ['model', 'result'],
      read: () =>
        [...heard.trainings].flatMap(([model, { trained, skipped }]): Sample[] => [
          [{ model, result: 'trained' }, trained],
          [{ model, result: 'skipped' }, skipped],
        ]),
    },
    {
      kind: 'counter',
      name: 'millrace_model_promotions_total',
      help: 'Times that a newly trained model was put in force.',
      labels: ['model'],
      read: () => [...heard.trainings].map(([model, { promoted }]): Sample => [{ model }, promoted]),
    },
    {
      kind: 'gauge',
      name: 'millrace_model_boundary_timestamp_seconds',
      help: 'The last boundary decided on, in event time, as a Unix time.',
      labels: ['model'],
      read: () => [...heard.boundaries].map(([model, ms]): Sample => [{ model }, ms / 1000]),
    },
  ];
}

function queryMetrics(standing: Standing, heard: Batches, clock: Clock): Family[] {
  const watermarks = (value: (ms: number) => number) => (): Sample[] =>
    Object.entries(standing.analyze?.watermarks ?? {}).flatMap(([query, ms]): Sample[] =>
      ms === null || !Number.isFinite(ms) ? [] : [[{ query }, value(ms)]],
    );
  const state = (value: (report: BatchProgress['stateOperators'][number]) => number) => (): Sample[] =>
    (heard.last?.stateOperators ?? []).map((report): Sample => [{ query: report.operatorName }, value(report)]);
  const counted = (counts: ReadonlyMap<string, number>) => (): Sample[] => [...counts].map(([query, count]): Sample => [{ query }, count]);
  return [
    {
      kind: 'gauge',
      name: 'millrace_query_watermark_timestamp_seconds',
      help: 'Watermark of the query, as a Unix time: what is older is late.',
      labels: ['query'],
      read: watermarks((ms) => ms / 1000),
    },
    {
      kind: 'gauge',
      name: 'millrace_query_event_time_lag_seconds',
      help: "How far the query's watermark is behind the clock of this machine.",
      labels: ['query'],
      read: watermarks((ms) => (clock.now() - ms) / 1000),
    },
    {
      kind: 'counter',
      name: 'millrace_query_late_rows_total',
      help: "Rows that came behind the query's watermark and were left out.",
      labels: ['query'],
      read: () => Object.entries(standing.analyze?.late ?? {}).map(([query, late]): Sample => [{ query }, late]),
    },
    {
      kind: 'gauge',
      name: 'millrace_state_rows',
      help: 'Rows that the query keeps, such as open windows, as of the last batch.',
      labels: ['query'],
      read: state(({ numRowsTotal }) => numRowsTotal),
    },
    {
      kind: 'gauge',
      name: 'millrace_state_bytes',
      help: 'Memory that those rows take, as of the last batch.',
      labels: ['query'],
      read: state(({ memoryUsedBytes }) => memoryUsedBytes),
    },
    {
      kind: 'counter',
      name: 'millrace_state_rows_updated_total',
      help: 'Rows of the state of the query that a batch has made or changed.',
      labels: ['query'],
      read: counted(heard.updated),
    },
    {
      kind: 'counter',
      name: 'millrace_state_rows_removed_total',
      help: 'Rows of the state of the query that were closed and forgotten.',
      labels: ['query'],
      read: counted(heard.removed),
    },
  ];
}
