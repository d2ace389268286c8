import type { QueryPlan } from './analyze/plan.ts';
import type { NodePlan, Plan, StagePlan } from './plan.ts';

/** Why the results of a step or output may differ between two runs over the same logs, by id; what is not in it is the same in every run. */
export type Timing = ReadonlyMap<string, string>;

/**
 * Finds what `exactly-once` calls timing: a result that depends on the order in which records of several logs or writers arrived, and all that
 * is computed from it.
 */
export function timingOf(plan: Plan): Timing {
  const reasons = new Map<string, string>();
  const unordered = new Map<StagePlan, string | null>();
  for (const stage of plan.stages) {
    const why = arrival(stage, plan, unordered);
    unordered.set(stage, why);
    const local = new Map<string, string>();
    for (const input of stage.inputs) {
      const writer =
        input.kind === 'exchange' ? plan.stages[input.stage].outputs.find((output) => output.kind === 'exchange' && output.topic === input.topic) : undefined;
      const reason = writer === undefined ? undefined : reasons.get(writer.id);
      if (reason !== undefined) local.set(input.id, reason);
    }
    for (const node of stage.nodes) {
      const own = ownReason(node, why);
      const inherited = node.from.map((from) => local.get(from)).find((reason) => reason !== undefined);
      const reason = own ?? inherited;
      if (reason === undefined) continue;
      local.set(node.id, reason);
      reasons.set(node.id, reason);
    }
    for (const output of stage.outputs) {
      const reason = local.get(output.from);
      if (reason !== undefined) reasons.set(output.id, reason);
    }
  }
  return reasons;
}

/** The same for `analyze`, by the id of its sources, queries and sinks: where batches are cut decides what no log fixes. */
export function batchTimingOf(plan: Plan): Timing {
  const reasons = new Map<string, string>();
  if (plan.analyze === null) return reasons;
  const record = timingOf(plan);
  for (const { id, output } of plan.analyze.sources) {
    const reason = output === null ? undefined : record.get(output);
    if (reason !== undefined) reasons.set(id, reason);
  }
  for (const query of plan.analyze.queries) {
    const reason = batchReason(query) ?? reasons.get(query.from);
    if (reason !== undefined) reasons.set(query.id, reason);
  }
  for (const { id, from, mode, type } of plan.analyze.sinks) {
    // the last batch replaces all that came before it
    const replaced = mode === 'complete' && type === 'file';
    const inBetween =
      mode === 'append' || replaced ? undefined : `how often a ${mode === 'update' ? 'changed row' : 'result'} is written depends on where batches are cut`;
    const reason = reasons.get(from) ?? inBetween;
    if (reason !== undefined) reasons.set(id, reason);
  }
  return reasons;
}

function batchReason(query: QueryPlan): string | undefined {
  if (query.type === 'score') return `which model scores a row depends on when ${query.model} was promoted`;
  if (query.type === 'sql') return query.limits.length === 0 ? undefined : `what comes of its ${query.limits.join(', ')} depends on where batches are cut`;
  return query.window === null || query.mode === 'complete' || query.watermark === null ? undefined : 'which rows are late depends on where batches are cut';
}

/** Why records of a stage have no order that the logs fix; null when they have one. */
function arrival(stage: StagePlan, plan: Plan, before: ReadonlyMap<StagePlan, string | null>): string | null {
  if (stage.inputs.length > 1) return `stage ${stage.id} merges ${stage.inputs.map(({ id }) => id).join(' and ')}`;
  const [input] = stage.inputs;
  if (input.kind === 'source') return null;
  const writer = plan.stages[input.stage];
  return isSingle(writer, plan) ? (before.get(writer) ?? null) : `exchange ${input.topic} has several writers`;
}

function ownReason(node: NodePlan, arrives: string | null): string | undefined {
  if (node.type === 'score' && node.every === null) return `which model scores a record depends on when ${node.model} was promoted`;
  if (arrives === null || !byArrival(node)) return undefined;
  const what = node.type === 'dedupe' ? 'which repeat passes' : node.type === 'score' ? 'which model scores a record' : 'what a record sees';
  return `${what} depends on the order of arrival: ${arrives}`;
}

function byArrival(node: NodePlan): boolean {
  return node.type === 'dedupe' || node.type === 'score' || (node.type === 'rolling' && node.emit === 'immediately');
}

/** Whether a stage can only ever have one task: all it reads has one partition. */
export function isSingle(stage: StagePlan, plan: Plan): boolean {
  return stage.inputs.every((input) => {
    if (input.kind === 'source') return plan.sources[input.source].type !== 'topic';
    return plan.stages[input.stage].outputs.some((output) => output.kind === 'exchange' && output.topic === input.topic && output.single);
  });
}
