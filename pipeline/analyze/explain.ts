import { relative } from 'node:path';
import type { Plan } from '../plan.ts';
import { batchTimingOf } from '../timing.ts';
import { formatDuration } from '../units.ts';
import type { AggregateQueryPlan, AnalyzePlan, AnalyzeSourcePlan, ModelPlan, QueryPlan, SinkPlan } from './plan.ts';

/** What `analyze` will do, as plain data. Durations are texts with units. */
export interface ExplainedAnalyze {
  readonly trigger: string;
  readonly sources: readonly {
    readonly id: string;
    readonly reads: string;
    readonly event_time: string;
    readonly completeness: string;
    readonly timing: string | null;
  }[];
  readonly queries: readonly {
    readonly id: string;
    readonly type: string;
    readonly from: string;
    readonly key: readonly string[] | null;
    readonly mode: string | null;
    readonly watermark: string | null;
    /** what it keeps, and for how long; null when it keeps nothing */
    readonly state: string | null;
    readonly timing: string | null;
  }[];
  readonly sinks: readonly { readonly id: string; readonly from: string; readonly writes: string; readonly mode: string; readonly timing: string | null }[];
}

export interface ExplainedModel {
  readonly id: string;
  readonly features: readonly string[];
  readonly label: string | null;
  readonly training: string | null;
  readonly promotion: string;
  readonly swap: string;
}

export function explainAnalyze(plan: Plan): ExplainedAnalyze | null {
  const { analyze } = plan;
  if (analyze === null) return null;
  const timing = batchTimingOf(plan);
  const why = (id: string): string | null => timing.get(id) ?? null;
  return {
    trigger: triggerText(analyze),
    sources: analyze.sources.map((source) => ({ id: source.id, ...sourceTexts(source), timing: why(source.id) })),
    queries: analyze.queries.map((query) => ({
      id: query.id,
      type: query.type,
      from: query.from,
      key: query.type === 'aggregate' ? query.groupBy.map(({ name }) => name) : null,
      mode: query.type === 'aggregate' ? query.mode : null,
      watermark: query.type === 'aggregate' ? watermarkText(query) : null,
      state: stateText(query),
      timing: why(query.id),
    })),
    sinks: analyze.sinks.map((sink) => ({ id: sink.id, from: sink.from, writes: sinkText(sink, plan.file), mode: sink.mode, timing: why(sink.id) })),
  };
}

function triggerText({ trigger: { kind, every, maxRecords } }: AnalyzePlan): string {
  const most = maxRecords === null ? '' : `, at most ${maxRecords} records each`;
  if (kind === 'once') return 'once: one batch of all there is, then the run ends';
  if (kind === 'available_now') return `available_now: batches of all there is, then the run ends${most}`;
  return `${every === 0 ? 'a batch when the last one ends' : `a batch every ${formatDuration(every)}`}${most}`;
}

function sourceTexts({ topic, output, format, eventTime, columns }: AnalyzeSourcePlan): { reads: string; event_time: string; completeness: string } {
  const column = eventTime === null ? undefined : columns.find(({ slot }) => slot === eventTime.slot)?.name;
  if (output !== null)
    return { reads: `bridge ${output}, topic ${topic} (${format})`, event_time: 'as the record stage has it', completeness: "the record stage's watermarks" };
  return {
    reads: `topic ${topic} (${format})`,
    event_time: column ?? "the log's timestamp",
    completeness: 'its own event times: nobody says when it is complete',
  };
}

function watermarkText({ watermark }: AggregateQueryPlan): string | null {
  if (watermark === null) return null;
  return watermark.kind === 'bridge' ? "the bridge's" : `${formatDuration(watermark.delay)} behind the highest event time of earlier batches`;
}

function stateText(query: QueryPlan): string | null {
  if (query.type !== 'aggregate') return null;
  const { window, mode, watermark, groupBy } = query;
  const of = groupBy.length === 0 ? 'all rows' : `each ${groupBy.map(({ name }) => name).join(', ')}`;
  if (window === null) return `the aggregates of ${of}, for good`;
  const size =
    window.slide === window.size ? `tumbling ${formatDuration(window.size)}` : `sliding ${formatDuration(window.size)} every ${formatDuration(window.slide)}`;
  const until = mode === 'complete' || watermark === null ? 'for good' : 'until the watermark passes its end';
  return `the aggregates of ${of} and window (${size}), ${until}`;
}

function sinkText(sink: SinkPlan, file: string): string {
  if (sink.type === 'console') return `console, ${sink.limit} rows a batch`;
  if (sink.type === 'topic') return `topic ${sink.topic} (${sink.format})${sink.key === null ? '' : ` by ${sink.key.map(({ name }) => name).join(', ')}`}`;
  const path = relative(file.replace(/[^/\\]*$/, ''), sink.path) || sink.path;
  const directory = sink.format === 'parquet' || sink.partitionBy.length > 0;
  const by = sink.partitionBy.length === 0 ? '' : ` by ${sink.partitionBy.map(({ name }) => name).join(', ')}`;
  return `${directory ? 'directory' : 'file'} ${path} (${sink.format})${by}`;
}

export function explainModel({ id, features, swap, label, train, promoteIf }: ModelPlan): ExplainedModel {
  const known = label === null || label.knownAfter === 0 ? '' : `, known after ${formatDuration(label.knownAfter)}`;
  const from = label === null || label.source === null ? '' : ` of ${label.source} by ${label.on.map(([{ name }]) => name).join(', ')}`;
  return {
    id,
    features,
    label: label === null ? null : `${label.field.name}${from}${known}`,
    training:
      train === null || label === null
        ? null
        : `at each multiple of ${formatDuration(train.every)} of event time, on ${formatDuration(train.window)} of ${train.from}${label.knownAfter === 0 ? ' before it' : ` that end ${formatDuration(label.knownAfter)} before it`}`,
    promotion: promoteIf === null ? 'always' : `if ${promoteIf.sql}, judged on the next window`,
    swap:
      swap === 'immediate'
        ? 'immediate: between two records, as soon as it is promoted (timing)'
        : 'at_event_time: the record stage waits at each training boundary',
  };
}

/** Both for people. */
export function renderAnalyze(analyze: ExplainedAnalyze | null, models: readonly ExplainedModel[]): string[] {
  const lines: string[] = [];
  const timing = (reason: string | null): void => {
    if (reason !== null) lines.push(`    timing: ${reason}`);
  };
  if (analyze !== null) {
    lines.push('', `analyze, ${analyze.trigger}`);
    for (const source of analyze.sources) {
      lines.push(`  ${source.id}: reads ${source.reads}`, `    event time ${source.event_time}; complete by ${source.completeness}`);
      timing(source.timing);
    }
    for (const { id, type, from, key, mode, watermark, state, timing: why } of analyze.queries) {
      lines.push(`  ${id}: ${type}${key === null || key.length === 0 ? '' : ` by ${key.join(', ')}`}${mode === null ? '' : `, ${mode}`} <- ${from}`);
      if (watermark !== null) lines.push(`    watermark ${watermark}`);
      if (state !== null) lines.push(`    keeps ${state}`);
      timing(why);
    }
    for (const { id, from, writes, mode, timing: why } of analyze.sinks) {
      lines.push(`  ${id}: ${writes}${mode === 'append' ? '' : `, ${mode}`} <- ${from}`);
      timing(why);
    }
  }
  if (models.length > 0) lines.push('', 'models');
  for (const { id, features, label, training, promotion, swap } of models) {
    lines.push(`  ${id}: ${features.join(', ')}${label === null ? '' : ` -> ${label}`}`);
    lines.push(training === null ? '    trained elsewhere, promoted by hand' : `    trained ${training}`, `    promoted ${promotion}`, `    swap ${swap}`);
  }
  return lines;
}
