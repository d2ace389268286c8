import type { QueryPlan } from './analyze/plan.ts';
import type { InputPlan, NodePlan, Plan, StagePlan } from './plan.ts';
import type { AggregateCall } from './sql/expr.ts';

/** Why the results of a step or output may differ between two runs over the same logs, by id; what is not in it is the same in every run. */
export type Timing = ReadonlyMap<string, string>;

/**
 * Finds what `exactly-once` calls timing: a result that depends on the order in which records of several logs or writers arrived, and all that
 * is computed from it.
 */
export function timingOf(plan: Plan): Timing {
  const reasons = new Map<string, string>();
  const unordered = new Map<StagePlan, Disorder>();
  // a pipeline that reads what it writes: what is found of a later stage holds for an earlier one
  for (let known = -1; known !== reasons.size + unordered.size; ) {
    known = reasons.size + unordered.size;
    lookThrough(plan, reasons, unordered);
  }
  return reasons;
}

/** Adds what follows for every stage from what is known so far: the disorder it reads in, and its reasons. */
function lookThrough(plan: Plan, reasons: Map<string, string>, unordered: Map<StagePlan, Disorder>): void {
  for (const stage of plan.stages) {
    const why = arrival(stage, plan, unordered);
    if (why !== null) unordered.set(stage, why);
    const local = new Map<string, string>();
    for (const input of stage.inputs) {
      const reason = writersOf(input, plan)
        .flatMap(({ stage: writer, topic }) => writer.outputs.filter((output) => output.kind !== 'file' && output.topic === topic))
        .map(({ id }) => reasons.get(id))
        .find((of) => of !== undefined);
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
}

/** The stages of this pipeline that write what an input reads. */
function writersOf(input: InputPlan, plan: Plan): { readonly stage: StagePlan; readonly topic: string }[] {
  if (input.kind === 'exchange') return [{ stage: plan.stages[input.stage], topic: input.topic }];
  const { topic } = plan.sources[input.source];
  if (topic === null) return [];
  return plan.stages.filter(({ outputs }) => outputs.some((output) => output.kind === 'topic' && output.topic === topic)).map((stage) => ({ stage, topic }));
}

/** The same for `analyze`, by the id of its sources, queries and sinks: where batches are cut decides what no log fixes. */
export function batchTimingOf(plan: Plan): Timing {
  const reasons = new Map<string, string>();
  if (plan.analyze === null) return reasons;
  const record = timingOf(plan);
  const outputs = plan.stages.flatMap((stage) => stage.outputs);
  for (const { id, output, topic } of plan.analyze.sources) {
    const written = outputs.filter((one) => one.id === output || (one.kind === 'topic' && one.topic === topic));
    const reason = written.map((one) => record.get(one.id)).find((of) => of !== undefined);
    if (reason !== undefined) reasons.set(id, reason);
  }
  for (const query of plan.analyze.queries) {
    const bridge = plan.analyze.sources.some(({ id, output }) => id === query.from && output !== null);
    const reason = batchReason(query, bridge) ?? reasons.get(query.from);
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

/** `bridge`: it reads a bridge itself, whose records bring the watermark they are late by */
function batchReason(query: QueryPlan, bridge: boolean): string | undefined {
  if (query.type === 'score') return `which model scores a row depends on when ${query.model} was promoted`;
  if (query.type === 'sql') return query.limits.length === 0 ? undefined : `what comes of its ${query.limits.join(', ')} depends on where batches are cut`;
  if (query.calls.some(ofOneRecord)) return 'which of several records at one event time counts depends on where batches are cut';
  if (query.window === null || query.mode === 'complete' || query.watermark === null) return undefined;
  if (!bridge || query.watermark.kind !== 'bridge') return 'which rows are late depends on where batches are cut';
  return query.window.size === query.window.slide ? undefined : 'which windows a late row counts in depends on where batches are cut';
}

/** That records of a stage have no order that the logs fix. */
interface Disorder {
  readonly why: string;
  /** what waits for the watermark is put in the order of the source records there */
  readonly mended: boolean;
}

/** null: they have one */
function arrival(stage: StagePlan, plan: Plan, before: ReadonlyMap<StagePlan, Disorder>): Disorder | null {
  if (stage.inputs.length > 1) return { why: `stage ${stage.id} merges ${stage.inputs.map(({ id }) => id).join(' and ')}`, mended: false };
  const [input] = stage.inputs;
  const writers = writersOf(input, plan);
  const [first] = writers;
  // the order of somebody else's log is part of the log
  if (first === undefined) return null;
  if (writers.length === 1 && isSingle(first.stage, plan)) return before.get(first.stage) ?? null;
  const exchange = input.kind === 'exchange';
  return { why: `${exchange ? 'exchange' : 'topic'} ${first.topic} has several writers`, mended: exchange };
}

function ownReason(node: NodePlan, arrives: Disorder | null): string | undefined {
  if (node.type === 'score' && node.every === null) return `which model scores a record depends on when ${node.model} was promoted`;
  if (arrives === null) return undefined;
  const what = byArrival(node, arrives.mended);
  const wayOut = node.type === 'rolling' && arrives.mended ? '; with emit: on_watermark it does not' : '';
  return what && `${what} in ${node.id} depends on the order of arrival: ${arrives.why}${wayOut}`;
}

/** What of a node's result depends on the order of arrival; undefined: nothing. */
function byArrival(node: NodePlan, mended: boolean): string | undefined {
  switch (node.type) {
    case 'dedupe':
      return 'which repeat passes';
    case 'score':
      return 'which model scores a record';
    case 'rolling':
      if (node.emit === 'immediately') return 'what a record sees';
      return mended ? undefined : 'what a record sees of others at its own event time';
    case 'window':
      if (node.emit === 'on_update') return 'what a row in between holds';
      return node.calls.some(ofOneRecord) ? 'which of several records at one event time counts' : undefined;
    default:
      return undefined;
  }
}

/** Its result is that of the first or last of equals. */
function ofOneRecord({ fn }: AggregateCall): boolean {
  return fn === 'first' || fn === 'last' || fn === 'arg_min' || fn === 'arg_max';
}

/** Whether a stage can only ever have one task: all it reads has one partition. */
export function isSingle(stage: StagePlan, plan: Plan): boolean {
  return stage.inputs.every((input) => {
    if (input.kind === 'source') return plan.sources[input.source].type !== 'topic';
    return plan.stages[input.stage].outputs.some((output) => output.kind === 'exchange' && output.topic === input.topic && output.single);
  });
}
