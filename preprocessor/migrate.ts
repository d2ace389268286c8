import type { NodePlan, Plan } from '@millrace/pipeline/plan.ts';
import { MillraceError } from '@millrace/runtime/errors.ts';
import type { Commit, Transport } from '@millrace/transport/log.ts';
import { inputsOf, type Layout } from './layout.ts';
import type { PipelineRecord } from './lifecycle.ts';
import { sharedHistories } from './operators/shared-histories.ts';
import { decodeCore, encodeCore, type InputCore, type OutputCore, type TaskCore } from './task/core.ts';
import { freshCore } from './task/fresh.ts';
import { pipelineKey } from './task/store.ts';

/** What of a step's meaning its saved state depends on; null for a step that keeps none. Where it is equal, an edited file goes on with the state. */
function stateOf(node: NodePlan): string | null {
  const named = (columns: readonly { readonly name: string; readonly type: unknown }[]): unknown => columns.map(({ name, type }) => [name, type]);
  switch (node.type) {
    case 'dedupe':
      return JSON.stringify([node.type, named(node.key), node.within]);
    case 'rolling':
      return JSON.stringify([
        node.type,
        named(node.key),
        node.range,
        node.delay,
        node.allowedLateness,
        node.emit,
        node.calls,
        node.emit === 'on_watermark' ? node.columns : null,
      ]);
    case 'window':
      return JSON.stringify([node.type, named(node.key), node.window, node.allowedLateness, node.emit, node.calls]);
    default:
      return null;
  }
}

/** {@link stateOf} of every step that has one, by id. */
export function statesOf(plan: Plan): Record<string, string> {
  const pairs = plan.stages.flatMap((stage) => stage.nodes.map((node) => [node.id, stateOf(node)] as const));
  // what steps keep between them is saved with the first
  for (const [first, ...others] of plan.stages.flatMap(sharedHistories)) {
    for (const other of others) pairs.push([other.id, JSON.stringify([stateOf(other), first.id])]);
  }
  return Object.fromEntries(pairs.filter((pair): pair is readonly [string, string] => pair[1] !== null));
}

/** The path of every file output, by id. */
export function filesOf(plan: Plan): Record<string, string> {
  const outputs = plan.stages.flatMap((stage) => stage.outputs);
  return Object.fromEntries(outputs.flatMap((output) => (output.kind === 'file' ? [[output.id, output.path]] : [])));
}

/** Everything the old tasks left: what each had read, per input; what each file output had; the state of each step, per task. */
interface Left {
  readonly inputs: Map<string, InputCore>;
  readonly files: Map<string, OutputCore>;
  readonly tables: Record<string, string>;
  readonly models: Record<string, string>;
  /** the least of the tasks that had a watermark */
  born: number;
  run: number;
  ended: boolean;
  readonly state: { step: string; task: string; key: string; value: Uint8Array }[];
  readonly tasksOf: Map<string, number>;
}

/**
 * Carries what a pipeline saved over to an edited plan, at a clean cut: positions by input, file lengths by output, state by
 * step. Exchanges are drained, so their readers begin at their ends; their writers begin to number anew. Refuses
 * (`plan_changed`) a state that has no place in the new plan's tasks. `paths`: of the old file outputs, by id; one whose path
 * is another now begins anew.
 */
export async function migrate(
  plan: Plan,
  layout: Layout,
  transport: Transport,
  paths: Readonly<Record<string, string>>,
): Promise<Pick<Commit, 'puts' | 'deletePrefixes'>> {
  const root = pipelineKey(plan.name, 't', '');
  const left = gather(transport, root);
  const puts: [string, Uint8Array | null][] = [];
  for (const stage of plan.stages) {
    const count = layout.tasks[stage.index] as number;
    const steps = new Set(stage.nodes.map((node) => node.id));
    for (const step of steps) {
      const before = left.tasksOf.get(step);
      if (before !== undefined && before !== count) {
        throw new MillraceError('plan_changed', `step ${step} ran in ${before} tasks and would run in ${count}: its state cannot follow`);
      }
    }
    for (let task = 0; task < count; task++) {
      const prefix = `${root}${encodeURIComponent(stage.id)}.${task}`;
      const core = await coreFor(plan, layout, stage.index, task, left, transport, paths);
      const bytes = encodeCore(core);
      puts.push([`${prefix}/progress`, bytes], [`${prefix}/cut`, bytes]);
      for (const entry of left.state) {
        if (entry.task === String(task) && steps.has(entry.step)) puts.push([`${prefix}/s/${encodeURIComponent(entry.step)}/${entry.key}`, entry.value]);
      }
    }
  }
  return { puts, deletePrefixes: [root] };
}

function gather(transport: Transport, root: string): Left {
  const left: Left = {
    inputs: new Map(),
    files: new Map(),
    tables: {},
    models: {},
    born: Number.POSITIVE_INFINITY,
    run: 0,
    ended: false,
    state: [],
    tasksOf: new Map(),
  };
  for (const [key, value] of transport.ledger.entries(root)) {
    const [name, kind, step, ...rest] = key.slice(root.length).split('/') as [string, string, string, ...string[]];
    const task = name.slice(name.lastIndexOf('.') + 1);
    if (kind === 's') {
      const id = decodeURIComponent(step);
      left.state.push({ step: id, task, key: rest.join('/'), value });
      left.tasksOf.set(id, Math.max(left.tasksOf.get(id) ?? 0, Number(task) + 1));
    }
    if (kind !== 'progress') continue;
    const core = decodeCore(value);
    for (const input of core.inputs) left.inputs.set(input.name, input);
    for (const [id, output] of Object.entries(core.outputs)) if (output.length > 0) left.files.set(id, output);
    Object.assign(left.tables, core.tables);
    Object.assign(left.models, core.models);
    if (core.born > Number.NEGATIVE_INFINITY) left.born = Math.min(left.born, core.born);
    left.run = Math.max(left.run, core.run);
    left.ended ||= core.ended;
  }
  return left;
}

async function coreFor(
  plan: Plan,
  layout: Layout,
  stageIndex: number,
  task: number,
  left: Left,
  transport: Transport,
  paths: Readonly<Record<string, string>>,
): Promise<TaskCore> {
  const stage = plan.stages[stageIndex] as Plan['stages'][number];
  const core = freshCore();
  core.run = left.run;
  core.ended = left.ended;
  for (const input of inputsOf(stage, layout, task)) {
    const name = input.kind === 'source' ? `${plan.sources[input.source]?.id}/${task}` : `${input.topic}/${task}`;
    const old = left.inputs.get(name);
    if (!old) continue;
    // an exchange has new writers: assemble lists them, and they begin where the old ones had brought the watermark
    const end = input.kind === 'exchange' ? await transport.log.endOffset(input.topic, task) : old.offset;
    core.inputs.push({ ...old, offset: end, base: input.kind === 'exchange' ? { offset: end } : old.base, writers: [] });
  }
  const watermarks = core.inputs.map((input) => input.watermark).filter((watermark) => watermark > Number.NEGATIVE_INFINITY);
  if (watermarks.length > 0) core.watermark = Math.min(...watermarks);
  core.born = Math.min(left.born, core.watermark);
  for (const output of stage.outputs) {
    const file = left.files.get(output.id);
    if (output.kind === 'file' && file && paths[output.id] === output.path) core.outputs[output.id] = { seqs: [], length: file.length };
  }
  Object.assign(core.tables, left.tables);
  Object.assign(core.models, left.models);
  return core;
}

/** the steps whose state the edit would misread */
export function misfits(plan: Plan, old: PipelineRecord): string[] {
  const now = statesOf(plan);
  return Object.entries(old.states).flatMap(([id, state]) => (now[id] !== undefined && now[id] !== state ? [id] : []));
}
