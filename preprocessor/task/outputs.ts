import type { FileOutput as FilePlan, OutputPlan } from '@millrace/pipeline/plan.ts';
import { csvEncoder, csvHeader } from '@millrace/shared-schemas/csv.ts';
import { jsonEncoder } from '@millrace/shared-schemas/json/encoder.ts';
import { keyWriter } from '@millrace/shared-schemas/keys.ts';
import { outputFields, topicEncoder } from '@millrace/shared-schemas/output-encoder.ts';
import { rowCodec } from '@millrace/shared-schemas/row-codec.ts';
import { FileSink } from '@millrace/transport/connectors/file-sink.ts';
import type { Appender, Log } from '@millrace/transport/log.ts';
import type { OutputCore, TaskCore } from './core.ts';
import { FileOutput } from './file-output.ts';
import type { Left } from './left.ts';
import { LogOutput, type OutputHost } from './log-output.ts';

/** The outputs of one task, by kind, in the order of the plan. */
export interface Outputs {
  readonly topics: readonly LogOutput[];
  readonly exchanges: readonly LogOutput[];
  /** those whose readers follow event time: exchanges, and topics that the analyzer reads */
  readonly followed: readonly LogOutput[];
  readonly files: readonly FileOutput[];
  readonly topicIds: readonly string[];
  readonly fileIds: readonly string[];
  readonly byPlan: ReadonlyMap<OutputPlan, LogOutput | FileOutput>;
}

/**
 * Opens a stage's outputs for one task. `committed` gives a file's committed length, to which it is cut back: what a replay
 * counts up to from the older length in `core`. `left`: by topic, what of this task stands in it already.
 */
export function openOutputs(
  plans: readonly OutputPlan[],
  core: TaskCore,
  committed: TaskCore | null,
  left: ReadonlyMap<string, Left>,
  host: OutputHost,
  log: Log,
  schemaIds: Readonly<Record<string, number>>,
  bridges: ReadonlySet<string>,
): Outputs {
  const topics: LogOutput[] = [];
  const exchanges: LogOutput[] = [];
  const followed: LogOutput[] = [];
  const files: FileOutput[] = [];
  const topicIds: string[] = [];
  const fileIds: string[] = [];
  const byPlan = new Map<OutputPlan, LogOutput | FileOutput>();
  const appenders = new Map<string, Appender>();
  for (const plan of plans) {
    const outputCore = coreOf(core, numberedAs(plan, plans));
    if (plan.kind === 'file') {
      const output = openFile(plan, outputCore, committed?.outputs[plan.id]?.length ?? 0);
      files.push(output);
      fileIds.push(plan.id);
      byPlan.set(plan, output);
      continue;
    }
    const encode = plan.kind === 'exchange' ? rowCodec(plan.columns).encode : topicEncoder(plan, schemaIds[plan.topic]);
    const appender = appenders.get(plan.topic) ?? log.appender(plan.topic);
    appenders.set(plan.topic, appender);
    const output = new LogOutput(host, outputCore, appender, left.get(plan.topic) as Left, encode, plan.key ? keyWriter(plan.key) : null);
    byPlan.set(plan, output);
    if (plan.kind === 'exchange' || bridges.has(plan.topic)) followed.push(output);
    if (plan.kind === 'exchange') exchanges.push(output);
    else {
      topics.push(output);
      topicIds.push(plan.id);
    }
  }
  return { topics, exchanges, followed, files, topicIds, fileIds, byPlan };
}

/** The output by whose id its records are numbered: outputs of a task that share a topic are one writer there, and append in the order of their numbers. */
export function numberedAs(plan: OutputPlan, plans: readonly OutputPlan[]): string {
  const sharing = plan.kind === 'topic' ? plans.find((other) => other.kind === 'topic' && other.topic === plan.topic) : undefined;
  return (sharing ?? plan).id;
}

export function coreOf(core: TaskCore, id: string): OutputCore {
  const found = core.outputs[id];
  if (found) return found;
  const fresh: OutputCore = { seqs: [], length: 0 };
  core.outputs[id] = fresh;
  return fresh;
}

function openFile(plan: FilePlan, core: OutputCore, committed: number): FileOutput {
  const sink = new FileSink(plan.path, committed);
  const fields = outputFields(plan.columns, plan.schema);
  const output = new FileOutput(sink, core, plan.format === 'csv' ? csvEncoder(fields) : jsonEncoder(fields));
  if (plan.format === 'csv') output.header(csvHeader(fields));
  return output;
}
