import type { SinkPlan } from './analyze/plan.ts';
import type { Flow } from './flow/flow.ts';
import { idOf } from './flow/ids.ts';
import type { Report } from './report.ts';
import { entryOf, headOf, type MapNode, type Range } from './yaml/node.ts';

/** What outputs and sinks must not be written over. */
export interface Taken {
  readonly pipeline: string;
  readonly deadLetter: string;
  /** path → what it is, for the message */
  readonly files: ReadonlyMap<string, string>;
}

/** Where an output or a sink writes. */
export interface Target {
  readonly what: 'output' | 'sink';
  readonly id: string;
  readonly at: Range;
  readonly path: string | null;
  readonly topic: string | null;
  /** the same text for what may share a topic */
  readonly form: string;
}

const formOf = ({ format, schema }: { readonly format: string; readonly schema: unknown }): string => JSON.stringify([format, schema]);

export function outputTargets(outputs: Flow['outputs'], nodes: readonly MapNode[]): Target[] {
  return outputs.map(({ id, body }) => {
    const where = body.kind === 'file' ? { path: body.path, topic: null } : { path: null, topic: body.topic };
    return { what: 'output', id, at: placeOf(nodes, id, body.kind === 'file' ? 'path' : 'topic'), ...where, form: formOf(body) };
  });
}

export function sinkTargets(sinks: readonly SinkPlan[], nodes: readonly MapNode[]): Target[] {
  return sinks.flatMap((sink): Target[] => {
    if (sink.type === 'console') return [];
    const where = sink.type === 'file' ? { path: sink.path, topic: null } : { path: null, topic: sink.topic };
    return [{ what: 'sink', id: sink.id, at: placeOf(nodes, sink.id, sink.type === 'file' ? 'path' : 'topic'), ...where, form: formOf(sink) }];
  });
}

/** Outputs and sinks that write where another writes, or over what the pipeline reads or keeps. */
export function checkTargets(targets: readonly Target[], taken: Taken, report: Report): void {
  const seen = new Map<string, string>(taken.files);
  for (const target of targets) {
    const { what, id, at, path, topic } = target;
    if (path !== null) {
      const other = seen.get(path);
      if (other !== undefined) report.error(at, 'duplicate_target', `The ${what} ${id} would write over ${other}.`, 'Give it a path of its own.');
      else seen.set(path, `the file of ${what} ${id}`);
    } else if (topic === taken.deadLetter) report.error(at, 'duplicate_target', `The topic ${topic} is that of the dead letters.`, 'Use another topic.');
    else if (topic?.startsWith(`${taken.pipeline}.`) && topic.endsWith('.exchange'))
      report.error(at, 'reserved_name', `Topics named ${taken.pipeline}.….exchange are the pipeline's own.`);
    else if (topic === `${taken.pipeline}.models`) report.error(at, 'reserved_name', `The topic ${topic} is the pipeline's own: what became of its models.`);
    else checkShared(target, targets, report);
  }
}

/** Outputs may share a topic when they write alike; a sink and an output never do, since the output's readers count on its writers. */
function checkShared(target: Target, targets: readonly Target[], report: Report): void {
  const { what, id, at, topic } = target;
  const other = targets.find((one) => one.topic === topic);
  if (other === undefined || other === target) return;
  if (other.what !== what)
    report.error(at, 'duplicate_target', `The ${other.what} ${other.id} and the ${what} ${id} both write to ${topic}.`, 'Give each a topic of its own.');
  else if (other.form !== target.form)
    report.error(
      at,
      'duplicate_target',
      `The ${what}s ${other.id} and ${id} write to ${topic} with different formats or schemas.`,
      'Give each a topic of its own.',
    );
}

function placeOf(nodes: readonly MapNode[], id: string, key: string): Range {
  const node = nodes.find((one) => idOf(one) === id);
  return node === undefined ? { start: 0, end: 1 } : headOf(entryOf(node, key)?.value ?? node);
}
