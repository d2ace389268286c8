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

/** Counts what is there and creates what is not; a topic that exists keeps its partitions. */
export async function layOut(plan: Plan, log: Log, partitions: number, generation: number): Promise<Layout> {
  const topics: Record<string, number> = {};
  const ensure = async (topic: string, wanted: number, meta: Record<string, string>): Promise<number> => {
    const count = log.topic(topic)?.partitions ?? wanted;
    await log.ensure(topic, count, meta);
    topics[topic] = count;
    return count;
  };
  const sources: number[] = [];
  for (const source of plan.sources) sources.push(source.type === 'topic' ? await ensure(source.topic as string, partitions, sourceMeta(source)) : 1);
  const tasks: number[] = [];
  for (const stage of plan.stages) {
    const counts = stage.inputs.map((input) => (input.kind === 'source' ? (sources[input.source] as number) : (topics[input.topic] as number)));
    tasks.push(Math.max(...counts));
    for (const output of stage.outputs) {
      if (output.kind === 'file') continue;
      const single = output.kind === 'exchange' && output.single;
      await ensure(
        output.topic,
        single ? 1 : partitions,
        output.kind === 'exchange' ? { format: 'exchange', internal: 'true' } : topicMeta(output.format, output.schema),
      );
    }
  }
  for (const topic of bridges(plan)) await ensure(topic, partitions, { writers: JSON.stringify(writersOf(plan, tasks, generation, topic)) });
  await ensure(plan.deadLetter.topic, partitions, { format: 'bytes' });
  // whoever decides on the models may start later
  if (plan.models.length > 0) await ensure(modelsTopic(plan.name), 1, { format: 'json' });
  return { generation, sources, tasks, topics };
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
