import type { Flow, FlowOutput } from './flow/flow.ts';
import type { Report } from './report.ts';
import { entryOf, headOf, type MapNode, type Node } from './yaml/node.ts';

/** What outputs must not be written over. */
export interface Taken {
  readonly pipeline: string;
  readonly deadLetter: string;
  /** path → what it is, for the message */
  readonly files: ReadonlyMap<string, string>;
}

/** Outputs that write where another output writes, or over what the pipeline reads or keeps. `nodes` are the outputs' in the file. */
export function checkTargets(outputs: Flow['outputs'], nodes: readonly MapNode[], taken: Taken, report: Report): void {
  const seen = new Map<string, string>(taken.files);
  for (const output of outputs) {
    const node = nodes.find((one) => isNamed(one, output.id));
    if (node === undefined) continue;
    const { body } = output;
    const at = headOf(valueNode(node, body.kind === 'file' ? 'path' : 'topic'));
    if (body.kind === 'file') {
      const other = seen.get(body.path);
      if (other !== undefined) report.error(at, 'duplicate_target', `The output ${output.id} would write over ${other}.`, 'Give it a path of its own.');
      else seen.set(body.path, `the file of output ${output.id}`);
    } else if (body.topic === taken.deadLetter)
      report.error(at, 'duplicate_target', `The topic ${body.topic} is that of the dead letters.`, 'Use another topic.');
    else if (body.topic.startsWith(`${taken.pipeline}.`) && body.topic.endsWith('.exchange'))
      report.error(at, 'reserved_name', `Topics named ${taken.pipeline}.….exchange are the pipeline's own.`);
    else {
      const other = outputs.find((one) => one.body.kind === 'topic' && one.body.topic === body.topic);
      if (other !== undefined && other !== output && !alike(other, output)) {
        report.error(
          at,
          'duplicate_target',
          `The outputs ${other.id} and ${output.id} write to ${body.topic} with different formats or schemas.`,
          'Give each a topic of its own.',
        );
      }
    }
  }
}

function alike(a: FlowOutput, b: FlowOutput): boolean {
  return a.body.format === b.body.format && JSON.stringify(a.body.schema) === JSON.stringify(b.body.schema);
}

function isNamed(node: MapNode, id: string): boolean {
  const found = entryOf(node, 'id')?.value;
  return found?.kind === 'scalar' && found.text === id;
}

function valueNode(node: MapNode, key: string): Node {
  return entryOf(node, key)?.value ?? node;
}
