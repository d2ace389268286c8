import type { AnalyzeProgress } from '@millrace/analyzer/run-options.ts';
import type { Plan } from '@millrace/pipeline/plan.ts';
import type { RunProgress } from '@millrace/preprocessor/run-options.ts';
import { quoted } from '../files.ts';
import type { StageProgress } from '../stages.ts';
import type { Style } from './color.ts';
import { count, duration, rate, time } from './numbers.ts';
import { progressDocument } from './progress.ts';
import { renderTable } from './table.ts';

/** An output as a person looks for it. */
export interface WrittenOutput {
  readonly id: string;
  readonly kind: 'topic' | 'file' | 'console';
  /** the topic's name, or the file's path as typed here */
  readonly target: string;
  readonly records: number;
}

export interface RunSummary {
  readonly pipeline: string;
  readonly finished: boolean;
  readonly progress: StageProgress;
  /** null: the analyzer did not run beside the record stage */
  readonly analyze: AnalyzeProgress | null;
  readonly outputs: readonly WrittenOutput[];
  readonly deadLetterTopic: string;
  /** as a person would type it here */
  readonly dataDir: string;
  /** the profile that names the brokers; left out where topics are in the data directory */
  readonly brokersOf?: string;
  /** how this command is called here */
  readonly invocation: string;
  /** whether topics are still there to look at; not when they were held in memory */
  readonly keepsTopics: boolean;
  /** the last rows by output id, drawn as lines; an output that is not there shows none */
  readonly samples: ReadonlyMap<string, { readonly rows: number; readonly lines: readonly string[] }>;
}

/** The outputs of a plan in the order of the file, with what this run wrote to them; exchanges are not outputs. */
export function outputsOf(plan: Plan, out: RunProgress['out'], shown: (path: string) => string): WrittenOutput[] {
  return plan.stages
    .flatMap((stage) => stage.outputs)
    .filter((output) => output.kind !== 'exchange')
    .toSorted((a, b) => a.order - b.order)
    .map((output) => ({ id: output.id, kind: output.kind, target: output.kind === 'topic' ? output.topic : shown(output.path), records: out[output.id] ?? 0 }));
}

/** The sinks of a plan in the order of the file, with what this run wrote to them. */
export function sinksOf({ analyze }: Plan, out: AnalyzeProgress['out'], shown: (path: string) => string): WrittenOutput[] {
  return (analyze?.sinks ?? []).map((sink) => ({
    id: sink.id,
    kind: sink.type,
    target: sink.type === 'topic' ? sink.topic : sink.type === 'file' ? shown(sink.path) : '',
    records: out[sink.id] ?? 0,
  }));
}

/** What a run did, for people: numbers first, then where to look. */
export function renderSummary(summary: RunSummary, style: Style): string {
  const { progress } = summary;
  const seconds = progress.elapsedMs / 1000;
  const lines = [
    `${style.bold(summary.pipeline)} ${summary.finished ? style.green('finished') : style.yellow('stopped')} after ${duration(progress.elapsedMs)}: ` +
      `${style.bold(count(progress.recordsIn))} record${progress.recordsIn === 1 ? '' : 's'} in${summary.finished && progress.recordsIn === 0 ? ', nothing new' : ''}${seconds > 0 && progress.recordsIn > 0 ? `, ${rate(progress.recordsIn / seconds)}` : ''}` +
      `${progress.watermark !== null && Number.isFinite(progress.watermark) ? `, watermark ${time(progress.watermark)}` : ''}` +
      (summary.analyze === null
        ? ''
        : `; ${count(summary.analyze.rowsIn)} rows in ${count(summary.analyze.batches)} ${summary.analyze.batches === 1 ? 'batch' : 'batches'}`),
    '',
    ...renderTable(
      [{ title: 'output', max: 40 }, { title: 'records', align: 'right' }, { title: 'to' }],
      summary.outputs.map((output) => [output.id, count(output.records), `${output.kind} ${output.target}`.trimEnd()]),
      style,
      '  ',
    ),
  ];
  if (progress.dropped > 0)
    lines.push('', `  ${count(progress.dropped)} record${progress.dropped === 1 ? '' : 's'} dropped, as the file says (late: drop, on_error: drop)`);
  if (progress.deadLetters > 0) {
    const codes = Object.entries(progress.deadLettersByCode).toSorted((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
    lines.push(
      '',
      ...renderTable(
        [
          { title: 'dead letters', max: 40 },
          { title: 'records', align: 'right' },
        ],
        codes.map(([code, n]) => [code, count(n)]),
        style,
        '  ',
      ),
    );
  }
  for (const output of summary.outputs) {
    const sample = summary.samples.get(output.id);
    if (!sample || sample.rows === 0) continue;
    lines.push(
      '',
      `  ${style.bold(output.id)}${style.dim(`, last ${sample.rows === 1 ? 'row' : `${sample.rows} rows`} of ${output.target}`)}`,
      ...sample.lines.map((line) => `  ${line}`),
    );
  }
  lines.push('', ...hints(summary).map(([what, command]) => `  ${style.dim(what.padEnd(13))} ${command}`));
  return `${lines.join('\n')}\n`;
}

function hints(summary: RunSummary): [what: string, command: string][] {
  if (!summary.keepsTopics) return [['data', 'topics and state were in memory, and are gone']];
  const at = summary.brokersOf === undefined ? `--data-dir ${quoted(summary.dataDir)}` : `--profile ${quoted(summary.brokersOf)}`;
  const topic = summary.outputs.find((output) => output.kind === 'topic' && output.records > 0);
  return [
    ...(topic ? [['look at it', `${summary.invocation} topic cat ${quoted(topic.target)} --limit 5 --until end ${at}`] as [string, string]] : []),
    ...(summary.progress.deadLetters > 0
      ? [['dead letters', `${summary.invocation} topic cat ${quoted(summary.deadLetterTopic)} --headers --limit 5 --until end ${at}`] as [string, string]]
      : []),
    ['data', summary.dataDir],
  ];
}

/** The same for machines, the last line of `run --json`. */
export function summaryDocument(summary: RunSummary): Record<string, unknown> {
  const { progress } = summary;
  return {
    ...progressDocument('done', progress, summary.analyze),
    pipeline: summary.pipeline,
    finished: summary.finished,
    records_per_second: progress.elapsedMs > 0 ? Math.round((progress.recordsIn * 1000) / progress.elapsedMs) : null,
    outputs: summary.outputs.map(({ id, kind, target, records }) => ({
      id,
      type: kind,
      ...(kind === 'console' ? {} : { [kind === 'topic' ? 'topic' : 'path']: target }),
      records,
    })),
    dead_letter_topic: summary.deadLetterTopic,
    data_dir: summary.dataDir,
  };
}
