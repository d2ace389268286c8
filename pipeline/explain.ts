import { relative } from 'node:path';
import { type ExplainedAnalyze, type ExplainedModel, explainAnalyze, explainModel, renderAnalyze } from './analyze/explain.ts';
import type { GeneratorPlan, NodePlan, OutputPlan, Plan, SourcePlan, StagePlan } from './plan.ts';
import { defaultProfile, type Profile } from './profile.ts';
import { batchTimingOf, isSingle, type Timing, timingOf } from './timing.ts';
import { formatDuration } from './units.ts';

/** What a plan will do, as plain data for `--json` and for `renderExplain`. Durations are texts with units. */
export interface Explained {
  readonly pipeline: string;
  readonly guarantee: string;
  /** what a record waits for at the least, in words */
  readonly latency: string;
  readonly sources: readonly ExplainedSource[];
  readonly stages: readonly ExplainedStage[];
  readonly exchanges: readonly ExplainedExchange[];
  readonly tables: readonly { readonly id: string; readonly file: string; readonly key: readonly string[]; readonly columns: readonly string[] }[];
  /** null: the file has no `analyze` */
  readonly analyze: ExplainedAnalyze | null;
  readonly models: readonly ExplainedModel[];
  readonly dead_letter: string;
  readonly notes: readonly string[];
}

interface ExplainedSource {
  readonly id: string;
  readonly reads: string;
  readonly format: string;
  readonly key: readonly string[] | null;
  readonly event_time: string;
  readonly late: string;
}

interface ExplainedStage {
  readonly id: string;
  readonly tasks: 'one' | 'one per partition';
  readonly inputs: readonly string[];
  readonly steps: readonly ExplainedStep[];
  readonly outputs: readonly {
    readonly id: string;
    readonly from: string;
    readonly writes: string;
    readonly key: readonly string[] | null;
    readonly timing: string | null;
  }[];
}

interface ExplainedStep {
  readonly id: string;
  readonly type: string;
  readonly from: readonly string[];
  readonly key: readonly string[] | null;
  /** what it keeps, and for how long; null when it keeps nothing */
  readonly state: string | null;
  readonly late: string | null;
  /** why two runs may differ; null when they cannot */
  readonly timing: string | null;
}

interface ExplainedExchange {
  readonly topic: string;
  readonly from: string;
  readonly to: string;
  /** null: one partition, in front of a file or union */
  readonly key: readonly string[] | null;
  readonly why: string;
}

/** `transport`: the profile's, for what a commit is and costs. */
export function explain(plan: Plan, transport: Profile['transport'] = defaultProfile.transport): Explained {
  const timing = timingOf(plan);
  const exchanges = exchangesOf(plan);
  return {
    pipeline: plan.name,
    guarantee: plan.guarantee,
    latency: latencyOf(plan, transport),
    sources: plan.sources.map((source) => explainSource(source, plan)),
    stages: plan.stages.map((stage) => explainStage(stage, plan, timing)),
    exchanges,
    tables: plan.tables.map(({ id, path, key, columns }) => ({ id, file: shown(path, plan), key, columns: columns.map(({ name }) => name) })),
    analyze: explainAnalyze(plan),
    models: plan.models.map(explainModel),
    dead_letter: `topic ${plan.deadLetter.topic}${plan.deadLetter.budget === null ? '' : `; pauses above ${plan.deadLetter.budget.ratio * 100}% in ${formatDuration(plan.deadLetter.budget.per)}`}`,
    notes: notesOf(plan, timing),
  };
}

/** A path as seen from the pipeline file. */
function shown(path: string, plan: Plan): string {
  return relative(plan.file.replace(/[^/\\]*$/, ''), path) || path;
}

function madeBy({ count, rate, cardFraud }: GeneratorPlan): string {
  if (cardFraud !== null) {
    const { customers, terminals, days, speed } = cardFraud;
    const pace = speed === null ? '' : `, ${speed} times as fast as life`;
    return `generator, card payments of ${customers} customers at ${terminals} terminals, ${days === null ? 'without end' : `${days} days`}${pace}`;
  }
  return `generator, ${count === null ? 'without end' : `${count} records`}${rate === null ? '' : ` at ${rate} a second`}`;
}

function explainSource(source: SourcePlan, plan: Plan): ExplainedSource {
  const { id, type, format, key, eventTime, generator } = source;
  const column = eventTime === null ? undefined : source.columns.find(({ slot }) => slot === eventTime.slot)?.name;
  const made = generator === null ? '' : madeBy(generator);
  const ahead = source.maxAhead === null ? '' : `, at most ${formatDuration(source.maxAhead)} ahead`;
  return {
    id,
    reads: type === 'topic' ? `topic ${source.topic}` : type === 'file' ? `file ${shown(source.path ?? '', plan)}` : made,
    format: type === 'generator' ? 'generated' : format,
    key,
    event_time: `${column ?? "the log's timestamp"}, out of order by ${formatDuration(source.outOfOrder)}, idle after ${formatDuration(source.idleAfter)}${ahead}`,
    late: source.late,
  };
}

function explainStage(stage: StagePlan, plan: Plan, timing: Timing): ExplainedStage {
  return {
    id: stage.id,
    tasks: isSingle(stage, plan) ? 'one' : 'one per partition',
    inputs: stage.inputs.map((input) => (input.kind === 'source' ? `source ${input.id}` : `exchange ${input.topic}`)),
    steps: stage.nodes.map((node) => ({
      id: node.id,
      type: node.type,
      from: node.from,
      key: 'key' in node ? node.key.map(({ name }) => name) : null,
      state: stateOf(node),
      late: node.type === 'window' || node.type === 'rolling' ? node.late : null,
      timing: timing.get(node.id) ?? null,
    })),
    outputs: stage.outputs.map((output) => ({
      id: output.id,
      from: output.from,
      writes: writes(output, plan),
      key: output.kind === 'file' ? null : (output.key?.map(({ name }) => name) ?? null),
      timing: timing.get(output.id) ?? null,
    })),
  };
}

function writes(output: OutputPlan, plan: Plan): string {
  if (output.kind === 'file') return `file ${shown(output.path, plan)} (${output.format})`;
  return output.kind === 'topic' ? `topic ${output.topic} (${output.format})` : `exchange ${output.topic}`;
}

function stateOf(node: NodePlan): string | null {
  switch (node.type) {
    case 'dedupe':
      return `the keys that passed, ${formatDuration(node.within)} of event time`;
    case 'rolling': {
      const kept = node.range.size + node.delay + node.allowedLateness;
      const span = node.range.kind === 'range' ? `range ${formatDuration(node.range.size)}` : `tumbling ${formatDuration(node.range.size)}`;
      const parts = [span, ...(node.delay > 0 ? [`delay ${formatDuration(node.delay)}`] : []), `lateness ${formatDuration(node.allowedLateness)}`];
      return `what the aggregates need of each record of a key, ${formatDuration(kept)} of event time (${parts.join(' + ')})`;
    }
    case 'window': {
      const size = formatDuration(node.window.size);
      const panes = node.window.kind === 'sliding' ? `sliding ${size} every ${formatDuration(node.window.slide)}, panes shared` : `tumbling ${size}`;
      return `aggregates per key and open window (${panes}), until the watermark is ${formatDuration(node.allowedLateness)} past its end`;
    }
    case 'score':
      return `the model in force (${node.model}), swapped ${node.swap === 'immediate' ? 'as soon as one is promoted' : 'at each training boundary, which it waits for'}`;
    default:
      return null;
  }
}

function exchangesOf(plan: Plan): ExplainedExchange[] {
  return plan.stages.flatMap((stage) =>
    stage.inputs.flatMap((input) => {
      if (input.kind === 'source') return [];
      const writer = plan.stages[input.stage];
      const output = writer.outputs.find((one) => one.kind === 'exchange' && one.topic === input.topic);
      if (output?.kind !== 'exchange') return [];
      const key = output.key?.map(({ name }) => name) ?? null;
      const reader = stage.nodes.find((node) => node.from.includes(input.id));
      const file = stage.outputs.find((one) => one.from === input.id && one.kind === 'file');
      const keyed = reader !== undefined && 'key' in reader ? `${reader.id} needs the records of a ${key?.join(', ')} in one task` : undefined;
      const why = keyed ?? (file === undefined ? `${reader?.id ?? stage.id} reads it beside other inputs` : `the file of ${file.id} has one writer`);
      return [{ topic: input.topic, from: writer.id, to: stage.id, key, why }];
    }),
  );
}

/** Stages that a record goes through at the most. */
function depthOf(plan: Plan): number {
  const depths: number[] = [];
  for (const { index, inputs } of plan.stages)
    depths[index] = 1 + Math.max(0, ...inputs.map((input) => (input.kind === 'exchange' ? (depths[input.stage] as number) : 0)));
  return Math.max(0, ...depths);
}

function latencyOf(plan: Plan, { kafka }: Profile['transport']): string {
  const depth = depthOf(plan);
  const parts: string[] = [];
  if (kafka === null) {
    parts.push('a record leaves with the commit of the batch it was fetched in');
    if (depth > 1) parts.push(`on its way it is written to and read from ${depth === 2 ? 'one exchange' : `up to ${depth - 1} exchanges`}`);
  } else if (kafka.visibility === 'immediate') {
    parts.push(
      'a record leaves as soon as it is made: at the least a few milliseconds for each stage, which is what the brokers take to take it in and hand it on',
    );
    if (plan.stages.some((stage) => stage.inputs.length > 1))
      parts.push('with several inputs their order is written down first, which is one more way to the brokers');
    if (depth > 1) parts.push(`on its way it goes over ${depth === 2 ? 'one exchange' : `up to ${depth - 1} exchanges`}`);
  } else {
    const { commitEvery } = kafka;
    parts.push(`a record leaves with the next transaction, every ${formatDuration(commitEvery)}`);
    const [middle, most] = [(depth * commitEvery) / 2, depth * commitEvery].map((ms) => formatDuration(Math.ceil(ms)));
    parts.push(
      `over ${depth === 1 ? 'one stage' : `${depth} stages`} that is about ${middle} in the middle and ${most} at the most, and what the transactions take`,
    );
  }
  const nodes = plan.stages.flatMap((stage) => stage.nodes);
  const waiting = nodes.filter((node) => (node.type === 'window' && node.emit === 'on_close') || (node.type === 'rolling' && node.emit === 'on_watermark'));
  if (waiting.length > 0) parts.push(`${waiting.map(({ id }) => id).join(', ')} wait${waiting.length === 1 ? 's' : ''} for the watermark`);
  if (plan.stages.some((stage) => stage.inputs.length > 1)) parts.push(`a merge waits up to ${formatDuration(plan.mergeWait)} for a silent input`);
  return parts.join('; ');
}

function notesOf(plan: Plan, timing: Timing): string[] {
  const notes: string[] = [];
  const nodes = plan.stages.flatMap((stage) => stage.nodes);
  const outputs = plan.stages.flatMap((stage) => stage.outputs);
  const readIds = new Set([...nodes.flatMap((node) => node.from), ...outputs.map((output) => output.from)]);
  const reads = new Set(plan.stages.flatMap((stage) => stage.inputs.map(({ id }) => id)));
  for (const { id } of plan.sources) if (!reads.has(id)) notes.push(`Nothing reads the source ${id}: it stays unread.`);
  for (const { id } of nodes) if (!readIds.has(id)) notes.push(`Nothing reads the step ${id}: its results go nowhere.`);
  for (const output of outputs) {
    const source = output.kind === 'topic' ? plan.sources.find(({ topic }) => topic === output.topic) : undefined;
    if (source !== undefined) notes.push(`The topic ${source.topic} is both written (${output.id}) and read (${source.id}): the pipeline feeds itself.`);
  }
  if (timing.size > 0 || batchTimingOf(plan).size > 0)
    notes.push('timing: each input counts once, but two runs over the same logs may differ there; a run and its recovery never do.');
  return notes;
}

/** The explanation for people. */
export function renderExplain(explained: Explained): string {
  const lines: string[] = [
    `pipeline ${explained.pipeline}`,
    `guarantee ${explained.guarantee}${explained.guarantee === 'exactly_once' ? '' : ', answered exactly once'}`,
    `latency ${explained.latency}`,
    `dead letters ${explained.dead_letter}`,
  ];
  const keyText = (key: readonly string[] | null): string => (key === null ? '' : ` by ${key.join(', ')}`);
  lines.push('', 'sources');
  for (const source of explained.sources) {
    lines.push(
      `  ${source.id}: ${source.reads}${source.format === 'generated' ? '' : ` (${source.format})`}${source.key === null ? '' : `, partitioned${keyText(source.key)}`}`,
    );
    lines.push(`    event time ${source.event_time}; late: ${source.late}`);
  }
  for (const [index, stage] of explained.stages.entries()) {
    lines.push('', `stage ${index + 1} ${stage.id}, ${stage.tasks === 'one' ? 'one task' : 'one task per partition'}`);
    for (const input of stage.inputs) lines.push(`  reads ${input}`);
    for (const step of stage.steps) {
      lines.push(`  ${step.id}: ${step.type}${keyText(step.key)} <- ${step.from.join(', ')}`);
      if (step.state !== null) lines.push(`    keeps ${step.state}`);
      if (step.late !== null) lines.push(`    late: ${step.late}`);
      if (step.timing !== null) lines.push(`    timing: ${step.timing}`);
    }
    for (const output of stage.outputs) {
      lines.push(`  ${output.id}: ${output.writes}${keyText(output.key)} <- ${output.from}`);
      if (output.timing !== null) lines.push(`    timing: ${output.timing}`);
    }
  }
  if (explained.exchanges.length > 0) lines.push('', 'exchanges');
  for (const exchange of explained.exchanges) {
    lines.push(`  ${exchange.topic}: ${exchange.from} -> ${exchange.to}${exchange.key === null ? ', one partition' : keyText(exchange.key)}: ${exchange.why}`);
  }
  if (explained.tables.length > 0) lines.push('', 'tables');
  for (const table of explained.tables) lines.push(`  ${table.id}: ${table.file}${keyText(table.key)} (${table.columns.join(', ')})`);
  lines.push(...renderAnalyze(explained.analyze, explained.models));
  if (explained.notes.length > 0) lines.push('', 'notes', ...explained.notes.map((note) => `  ${note}`));
  return `${lines.join('\n')}\n`;
}
