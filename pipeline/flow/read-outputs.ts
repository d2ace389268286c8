import { outputSpecs } from '../outputs/list.ts';
import { commonFields, type OutputSpec } from '../outputs/output.ts';
import type { Schemas } from '../schemas.ts';
import { type Fields, type Read, readFields } from '../spec/field.ts';
import { entryOf, type MapNode } from '../yaml/node.ts';
import type { PlanContext } from './context.ts';
import type { FlowNode, FlowOutput } from './flow.ts';
import type { Ids } from './ids.ts';
import { schemaNamed, specOf } from './read-sources.ts';
import { inputsOf, uniteAs } from './read-steps.ts';
import type { Stream } from './stream.ts';

/** Plans one output, and the union before it when it reads several. */
export function readOutput(
  node: MapNode,
  order: number,
  before: Stream | null | undefined,
  directory: string,
  schemas: Schemas,
  ids: Ids,
  context: PlanContext,
): { nodes: FlowNode[]; output: FlowOutput | null } {
  const nothing = { nodes: [], output: null };
  const { report } = context;
  const spec: OutputSpec | null = specOf(node, outputSpecs, [], 'output', context, 'topic');
  if (spec === null) return nothing;
  const fields: Fields = { ...commonFields, ...spec.fields };
  const read = readFields(node, fields, report, `a ${spec.type} output`);
  const fromNode = entryOf(node, 'from')?.value;
  const from = fromNode === undefined ? undefined : commonFields.from.kind.read(fromNode, report);
  const inputs = inputsOf(node, from, Number.POSITIVE_INFINITY, before, ids, report);
  const schemaNode = entryOf(node, 'schema')?.value;
  const schema = schemaNamed(
    schemaNode?.kind === 'scalar' && typeof schemaNode.value === 'string' && !schemaNode.unresolved ? schemaNode : undefined,
    schemas,
    context,
  );
  if (read === null || inputs === null) return nothing;
  const values = read.values as Read<typeof commonFields>['values'];
  const id = values.id.text;
  const nodes: FlowNode[] = [];
  let [stream] = inputs.streams;
  if (inputs.streams.length > 1) {
    const united = uniteAs(`${id}.union`, order, inputs, report);
    nodes.push(united);
    stream = united.stream;
  }
  const body = spec.plan(read as Read<Fields>, { stream, schema, directory, node }, context);
  return { nodes, output: { id, order, input: stream, onError: values.on_error ?? stream.onError, body } };
}
