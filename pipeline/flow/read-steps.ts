import type { Report } from '../report.ts';
import { type Fields, type Read, readFields } from '../spec/field.ts';
import { fromIds } from '../spec/kinds.ts';
import { stepSpecs, stepsNotYet } from '../steps/list.ts';
import { commonFields, type StepDraft, type StepSpec } from '../steps/step.ts';
import { unite } from '../steps/union.ts';
import { entryOf, type MapNode, type Range, type ScalarNode } from '../yaml/node.ts';
import type { PlanContext } from './context.ts';
import type { FlowNode } from './flow.ts';
import { type Ids, placeOf, typeNode } from './ids.ts';
import { specOf } from './read-sources.ts';
import type { OnError, Stream } from './stream.ts';

/** What a step or output reads: one stream, several to be united, or null where a finding says why it is not known. */
export interface Inputs {
  readonly streams: readonly Stream[];
  readonly places: readonly Range[];
}

/**
 * Resolves `from`. Left out, it is what comes before: `before` is that stream, null when unknown, or undefined when there is no one thing
 * before (several sources, and no step yet).
 */
export function inputsOf(
  node: MapNode,
  from: readonly ScalarNode[] | undefined,
  position: number,
  before: Stream | null | undefined,
  ids: Ids,
  report: Report,
): Inputs | null {
  if (from === undefined) {
    if (entryOf(node, 'from') !== undefined) return null;
    if (before === undefined) report.error(placeOf(node), 'ambiguous_from', 'There are several sources, so from: has to say which.');
    return before ? { streams: [before], places: [placeOf(node)] } : null;
  }
  const found = from.map((one) => ids.read(one, position));
  const known = found.every((stream) => stream !== null);
  return known && found.length > 0 ? { streams: found, places: from } : null;
}

/** The node that brings several streams together under an id of its own. */
export function uniteAs(id: string, order: number, { streams, places }: Inputs, report: Report): FlowNode {
  return nodeOf(id, order, streams, unite(streams, places, report), {});
}

function nodeOf(id: string, order: number, inputs: readonly Stream[], draft: StepDraft, own: { onError?: OnError; late?: Stream['late'] }): FlowNode {
  const [first] = inputs;
  const same = inputs.every((input) => input.onError === first.onError);
  const stream: Stream = {
    id,
    shape: draft.shape,
    columns: draft.columns,
    broken: draft.broken ?? new Set(),
    timed: inputs.every((input) => input.timed),
    late: own.late ?? (inputs.every((input) => input.late === 'drop') ? 'drop' : 'dead_letter'),
    onError: own.onError ?? (same ? first.onError : 'dead_letter'),
  };
  return { order, inputs, stream, body: draft.body, key: draft.key ?? null };
}

interface StepValues {
  readonly id: ScalarNode;
  readonly on_error?: OnError;
  readonly late?: Stream['late'];
}

/** Plans one step: its nodes (a list in `from` makes a union of its own), and its stream, null when not known. */
export async function readStep(
  node: MapNode,
  position: number,
  before: Stream | null | undefined,
  ids: Ids,
  context: PlanContext,
): Promise<{ nodes: FlowNode[]; stream: Stream | null }> {
  const nothing = { nodes: [], stream: null };
  const spec: StepSpec | null = specOf(node, stepSpecs, stepsNotYet, 'step', context);
  if (spec === null) return nothing;
  const { report } = context;
  const fields: Fields = { ...commonFields, ...spec.fields };
  const read = readFields(node, fields, report, `a ${spec.type} step`);
  const values = read?.values as StepValues | undefined;
  const fromNode = entryOf(node, 'from')?.value;
  const from = fromNode === undefined ? undefined : fromIds.read(fromNode, report);
  const inputs = inputsOf(node, from, position, before, ids, report);
  const union = spec.type === 'union';
  if (union && (from?.length ?? 0) < 2 && (entryOf(node, 'from') === undefined || from !== undefined)) {
    report.error(entryOf(node, 'from')?.value ?? typeNode(node) ?? placeOf(node), 'missing_key', 'A union reads several inputs.', 'Write from: [a, b].');
  }
  if (read === null || values === undefined || inputs === null) return nothing;
  const id = values.id.text;
  const nodes: FlowNode[] = [];
  let [input] = inputs.streams;
  if (inputs.streams.length > 1) {
    const united = uniteAs(union ? id : `${id}.union`, position, inputs, report);
    nodes.push(united);
    input = united.stream;
    if (union) return { nodes, stream: input };
  }
  const draft = await spec.plan(read as Read<Fields>, input, context);
  const made = nodeOf(id, position, [input], draft, { onError: values.on_error, late: values.late });
  nodes.push(made);
  return { nodes, stream: made.stream };
}
