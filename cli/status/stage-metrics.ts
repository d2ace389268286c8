import type { Plan } from '@millrace/pipeline/plan.ts';
import type { RunProgress } from '@millrace/preprocessor/run-options.ts';
import type { Clock } from '@millrace/runtime/clock.ts';
import { asRecords, type StageProgress } from '../stages.ts';
import type { Family, Sample } from './prometheus.ts';
import type { Stage, Standing } from './standing.ts';

const STATES = ['recovering', 'standing_by', 'running', 'paused', 'stopping', 'done', 'failed'] as const;

/** What both stages tell, each under its name in the label `stage`. */
export function stageMetrics(standing: Standing, plan: Plan, clock: Clock): Family[] {
  const inBytes = sourcesInBytes(plan);
  /** a line or more of each stage that has said something */
  const each = (lines: (progress: StageProgress, stage: Stage) => Iterable<Sample>) => (): Sample[] =>
    standing.stages.flatMap((stage) => {
      const progress = stage === 'preprocess' ? standing.records : standing.analyze && asRecords(standing.analyze);
      return progress === null ? [] : [...lines(progress, stage)];
    });
  const of = (stage: Stage, label: string, values: Readonly<Record<string, number>>): Sample[] =>
    Object.entries(values).map(([name, value]) => [{ stage, [label]: name }, value]);
  const lag = (bytes: boolean) =>
    each((progress, stage) => of(stage, 'source', progress.lag).filter(([{ source }]) => (stage === 'preprocess' && inBytes.has(source as string)) === bytes));
  const watermark = (value: (ms: number) => number) =>
    each((progress, stage) => (progress.watermark === null || !Number.isFinite(progress.watermark) ? [] : [[{ stage }, value(progress.watermark)]]));
  return [
    {
      kind: 'counter',
      name: 'millrace_records_in_total',
      help: 'Records read from the sources of the stage, those that became dead letters too.',
      labels: ['stage'],
      read: each((progress, stage) => [[{ stage }, progress.recordsIn]]),
    },
    {
      kind: 'counter',
      name: 'millrace_records_out_total',
      help: 'Records written, by the id of the output or sink. Exchanges inside the pipeline do not count.',
      labels: ['stage', 'output'],
      read: each((progress, stage) => of(stage, 'output', progress.out)),
    },
    {
      kind: 'counter',
      name: 'millrace_dead_letters_total',
      help: 'Records that could not be used and went to the dead-letter topic, by the code of the reason.',
      labels: ['stage', 'code'],
      read: each((progress, stage) => of(stage, 'code', progress.deadLettersByCode)),
    },
    {
      kind: 'counter',
      name: 'millrace_records_dropped_total',
      help: 'Records dropped because the pipeline says so: late: drop, or on_error: drop.',
      labels: ['stage'],
      read: each((progress, stage) => [[{ stage }, progress.dropped]]),
    },
    {
      kind: 'gauge',
      name: 'millrace_lag_records',
      help: 'Records there to be read that have not been, by source.',
      labels: ['stage', 'source'],
      read: lag(false),
    },
    {
      kind: 'gauge',
      name: 'millrace_lag_bytes',
      help: 'Bytes of input files that have not been read yet, by source.',
      labels: ['stage', 'source'],
      read: lag(true),
    },
    {
      kind: 'gauge',
      name: 'millrace_watermark_timestamp_seconds',
      help: 'Event time up to which the stage holds its input for complete, as a Unix time; of several the least.',
      labels: ['stage'],
      read: watermark((ms) => ms / 1000),
    },
    {
      kind: 'gauge',
      name: 'millrace_event_time_lag_seconds',
      help: 'How far that watermark is behind the clock of this machine.',
      labels: ['stage'],
      read: watermark((ms) => (clock.now() - ms) / 1000),
    },
    {
      kind: 'gauge',
      name: 'millrace_progress_ratio',
      help: 'Share of the work known when the run began that is done, 0 to 1. Only of a run with --until end.',
      labels: ['stage'],
      read: each((progress, stage) => (progress.fraction === null ? [] : [[{ stage }, progress.fraction]])),
    },
    ...(standing.stages.includes('preprocess') ? commits((value) => () => (standing.records === null ? [] : [[{}, value(standing.records.commits)]])) : []),
    ...(standing.stages.includes('preprocess') && plan.tables.length > 0 ? [tables(standing)] : []),
    {
      kind: 'gauge',
      name: 'millrace_stage_state',
      help: 'State of the stage: 1 at the one it is in, 0 at the others.',
      labels: ['stage', 'state'],
      read: () => standing.stages.flatMap((stage) => STATES.map((state): Sample => [{ stage, state }, standing.of(stage).state === state ? 1 : 0])),
    },
    {
      kind: 'gauge',
      name: 'millrace_stage_silence_seconds',
      help: 'Time since the loop of the stage was last seen to turn.',
      labels: ['stage'],
      read: () => standing.stages.map((stage): Sample => [{ stage }, standing.of(stage).silent / 1000]),
    },
  ];
}

/** Of the record stage only: the analyzer has its batches. */
function commits(of: (value: (commits: RunProgress['commits']) => number) => () => Sample[]): Family[] {
  return [
    {
      kind: 'counter',
      name: 'millrace_commits_total',
      help: 'Commits of the record stage: each makes a batch of records final, with its output and its place in the input.',
      labels: [],
      read: of(({ count }) => count),
    },
    {
      kind: 'counter',
      name: 'millrace_commit_seconds_total',
      help: 'Time that those commits took.',
      labels: [],
      read: of(({ ms }) => ms / 1000),
    },
    {
      kind: 'counter',
      name: 'millrace_snapshots_total',
      help: 'Commits that saved the state of a task too, so that a recovery replays nothing from before.',
      labels: [],
      read: of(({ snapshots }) => snapshots),
    },
  ];
}

function tables(standing: Standing): Family {
  return {
    kind: 'counter',
    name: 'millrace_table_versions_total',
    help: 'Versions of lookup tables that came while the pipeline ran, by what became of them: taken, or refused because they could not be read.',
    labels: ['outcome'],
    read: () => Object.entries(standing.records?.tables ?? {}).map(([outcome, count]): Sample => [{ outcome }, count]),
  };
}

/** Sources that know how far they are in bytes only: files, except those with a count of their rows. */
function sourcesInBytes({ sources }: Plan): ReadonlySet<string> {
  return new Set(sources.filter(({ type, format }) => type === 'file' && format !== 'parquet').map(({ id }) => id));
}
