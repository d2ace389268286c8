import type { Plan, SourcePlan, StagePlan } from '@millrace/pipeline/plan.ts';
import { modelsTopic } from '@millrace/shared-schemas/model-decision.ts';
import type { Log } from '@millrace/transport/log.ts';

/** How many of everything a run has: what the plan leaves to the profile and the logs. Plain data, the same in every thread. */
export interface Layout {
  /** of the plan over this data directory: a changed plan begins a new one */
  readonly generation: number;
  /** partitions by source index */
  readonly sources: readonly number[];
  /** tasks by stage index */
  readonly tasks: readonly number[];
  /** partitions of every topic the pipeline touches, exchanges included */
  readonly topics: Readonly<Record<string, number>>;
}

/** A task by the index of its stage and its number. */
export type Tasks = readonly (readonly [stage: number, task: number])[];

/** Every task of a layout; of one slot, those with its number. */
export function tasksOf({ tasks }: Pick<Layout, 'tasks'>, slot: number | null = null): Tasks {
  return tasks
    .flatMap((count, stage) => Array.from({ length: count }, (_, task) => [stage, task] as const))
    .filter(([, task]) => slot === null || task === slot);
}

/** A topic of the pipeline that a layout counts. */
interface Wanted {
  readonly topic: string;
  readonly partitions: number;
  readonly meta: Readonly<Record<string, string>>;
}

/** Counts what is there and what would be made; a topic that exists keeps its partitions. */
function count(plan: Plan, log: Log, partitions: number): Omit<Layout, 'generation'> & { readonly wanted: readonly Wanted[] } {
  const topics: Record<string, number> = {};
  const wanted: Wanted[] = [];
  const want = (topic: string, ifMissing: number, meta: Record<string, string>): number => {
    const there = topics[topic] ?? log.topic(topic)?.partitions ?? ifMissing;
    topics[topic] = there;
    wanted.push({ topic, partitions: there, meta });
    return there;
  };
  const sources = plan.sources.map((source) => (source.type === 'topic' ? want(source.topic as string, partitions, sourceMeta(source)) : 1));
  const tasks: number[] = [];
  for (const stage of plan.stages) {
    const counts = stage.inputs.map((input) => (input.kind === 'source' ? (sources[input.source] as number) : (topics[input.topic] as number)));
    tasks.push(Math.max(...counts));
    for (const output of stage.outputs) {
      if (output.kind === 'file') continue;
      const single = output.kind === 'exchange' && output.single;
      const meta = output.kind === 'exchange' ? { format: 'exchange', internal: 'true' } : topicMeta(output.format, output.schema);
      want(output.topic, single ? 1 : partitions, meta);
    }
  }
  for (const topic of bridges(plan)) want(topic, partitions, {});
  want(plan.deadLetter.topic, partitions, { format: 'bytes' });
  // whoever decides on the models may start later
  if (plan.models.length > 0) want(modelsTopic(plan.name), 1, { format: 'json' });
  return { sources, tasks, topics, wanted };
}

/** How many slots a pipeline has for processes to share: task n of every stage is slot n. Creates nothing. */
export function countSlots(plan: Plan, log: Log, partitions: number): { readonly slots: number; readonly topics: ReadonlyMap<string, number> } {
  const { sources, tasks } = count(plan, log, partitions);
  const topics = plan.sources.flatMap(({ index, type, topic }) => (type === 'topic' ? [[topic as string, sources[index] as number] as const] : []));
  return { slots: Math.max(...tasks), topics: new Map(topics) };
}

/** Counts what is there and creates what is not. */
export async function layOut(plan: Plan, log: Log, partitions: number, generation: number): Promise<Layout> {
  const { wanted, ...counted } = count(plan, log, partitions);
  for (const { topic, partitions: there, meta } of wanted) await log.ensure(topic, there, meta);
  for (const topic of bridges(plan))
    await log.ensure(topic, counted.topics[topic] as number, { writers: JSON.stringify(writersOf(plan, counted.tasks, generation, topic)) });
  return { generation, ...counted };
}

/** All that the record stage appends to, its exchanges among them. */
export function writtenTopics(plan: Plan): string[] {
  const outputs = plan.stages.flatMap((stage) => stage.outputs.flatMap((output) => (output.kind === 'file' ? [] : [output.topic])));
  return [...new Set([...outputs, plan.deadLetter.topic])];
}

/** The topics that the analyzer reads: whoever writes one tells it of event time. */
export function bridges(plan: Plan): ReadonlySet<string> {
  return new Set(plan.stages.flatMap((stage) => stage.outputs.flatMap((output) => (output.kind === 'topic' && output.bridge ? [output.topic] : []))));
}

function writersOf(plan: Plan, tasks: readonly number[], generation: number, topic: string): number[] {
  return plan.stages
    .filter((stage) => stage.outputs.some((output) => output.kind === 'topic' && output.topic === topic))
    .flatMap((stage) => Array.from({ length: tasks[stage.index] as number }, (_, task) => writerNumber(generation, stage.index, task)));
}

function sourceMeta(source: SourcePlan): Record<string, string> {
  return topicMeta(source.format, source.schema);
}

function topicMeta(format: string, schema: unknown): Record<string, string> {
  return schema === null ? { format } : { format, schema: JSON.stringify(schema) };
}

/** The number of a task among all writers of a pipeline, ever. */
export function writerNumber(generation: number, stage: number, task: number): number {
  return (generation * 1024 + stage) * 1024 + task;
}

/** The number of a source partition over the whole plan: what lineage carries. */
export function originNumber(layout: Layout, source: number, partition: number): number {
  let origin = partition;
  for (let i = 0; i < source; i++) origin += layout.sources[i] as number;
  return origin;
}

/** The source and partition behind an origin number. */
export function originOf(layout: Layout, origin: number): { source: number; partition: number } | null {
  let left = origin;
  for (let source = 0; source < layout.sources.length; source++) {
    if (left < (layout.sources[source] as number)) return { source, partition: left };
    left -= layout.sources[source] as number;
  }
  return null;
}

/** The inputs that task `task` of a stage reads: those that have such a partition. */
export function inputsOf(stage: StagePlan, layout: Layout, task: number): StagePlan['inputs'] {
  return stage.inputs.filter((input) => task < (input.kind === 'source' ? (layout.sources[input.source] as number) : (layout.topics[input.topic] as number)));
}
