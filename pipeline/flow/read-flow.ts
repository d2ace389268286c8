import type { Schemas } from '../schemas.ts';
import { readFields } from '../spec/field.ts';
import type { MapNode } from '../yaml/node.ts';
import type { PlanContext } from './context.ts';
import type { Flow, FlowNode, FlowOutput, FlowSource } from './flow.ts';
import { type Ids, idOf } from './ids.ts';
import { readOutput } from './read-outputs.ts';
import { readSource } from './read-sources.ts';
import { readStep } from './read-steps.ts';
import { preprocessFields } from './sections.ts';
import type { Stream } from './stream.ts';

/** Reads `preprocess`: every source, step and output in turn, each against the columns that reach it. */
export async function readFlow(
  node: MapNode,
  directory: string,
  schemas: Schemas,
  ids: Ids,
  context: PlanContext,
): Promise<(Flow & { readonly mergeWait: number; readonly outputNodes: readonly MapNode[] }) | null> {
  const read = readFields(node, preprocessFields, context.report, 'preprocess');
  if (read === null) return null;
  const { sources, steps = [], outputs, merge_wait } = read.values;
  const flowSources: FlowSource[] = [];
  const nodes: FlowNode[] = [];
  const flowOutputs: FlowOutput[] = [];
  let before: Stream | null | undefined;
  for (const [index, one] of sources.entries()) {
    const source = await readSource(one, index, directory, schemas, context);
    if (source !== null) flowSources.push(source);
    before = source?.stream ?? null;
    const id = idOf(one);
    if (id !== null) ids.planned(id, before);
  }
  if (sources.length > 1) before = undefined;
  for (const [position, one] of steps.entries()) {
    const step = await readStep(one, position, before, ids, context);
    nodes.push(...step.nodes);
    before = step.stream;
    const id = idOf(one);
    if (id !== null) ids.planned(id, before);
  }
  for (const [position, one] of outputs.entries()) {
    const made = readOutput(one, steps.length + position, before, directory, schemas, ids, context);
    nodes.push(...made.nodes);
    if (made.output !== null) flowOutputs.push(made.output);
  }
  return { sources: flowSources, nodes, outputs: flowOutputs, mergeWait: merge_wait, outputNodes: outputs };
}
