import { columnsOf, parseSchema } from '@millrace/shared-schemas/avro.ts';
import type { PlanContext } from '../flow/context.ts';
import type { Flow, FlowOutput } from '../flow/flow.ts';
import { idOf } from '../flow/ids.ts';
import { eventTimeColumn, schemaNamed } from '../flow/read-sources.ts';
import { columnsIn, Shape } from '../flow/stream.ts';
import type { Schemas } from '../schemas.ts';
import { optional, readFields, required, withDefault } from '../spec/field.ts';
import { id, name, object, oneOf, text, topicName } from '../spec/kinds.ts';
import { didYouMean } from '../suggest.ts';
import { entryOf, headOf, type MapNode } from '../yaml/node.ts';
import type { AnalyzeSourcePlan } from './plan.ts';
import type { BatchStream } from './stream.ts';

type Output = FlowOutput['body'];

/** The outputs of `preprocess` by id; null where a finding says what is wrong with one. */
export function readableOutputs(preprocess: MapNode, flow: Pick<Flow, 'outputs'> | null): ReadonlyMap<string, Output | null> {
  const known = entryOf(preprocess, 'outputs')?.value;
  const outputs = new Map<string, Output | null>();
  for (const node of known?.kind === 'list' ? known.items : []) {
    const name = node.kind === 'map' ? idOf(node) : null;
    if (name !== null) outputs.set(name, flow?.outputs.find(({ id: one }) => one === name)?.body ?? null);
  }
  return outputs;
}

export const sourceTimeFields = {
  field: required(name(), 'The column that holds it: a long of epoch ms, a timestamp, or in JSON an ISO 8601 string.'),
};

/** keys of every source of `analyze` */
export const analyzeSourceFields = {
  id: required(id, 'Names the source.'),
  output: optional(text('the id of an output'), 'An output of preprocess: a topic with a schema. Event time and completeness come with it.'),
  topic: optional(topicName, "Someone else's topic, instead of output."),
  schema: optional(text('the name of a schema'), 'With topic: a schema of `schemas`, the columns of the records.'),
  format: withDefault(oneOf(['avro', 'json']), 'avro', 'avro', 'With topic: how values are written; avro is Confluent-framed.'),
  event_time: optional(object('event_time', sourceTimeFields), "With topic: the records' event time. Without it, it is the log's timestamp."),
};

/** Plans one source. Null when its columns cannot be known. `outputs`: those of preprocess, by id; null where a finding says what is wrong with one. */
export function readAnalyzeSource(
  node: MapNode,
  index: number,
  outputs: ReadonlyMap<string, Output | null>,
  schemas: Schemas,
  context: PlanContext,
): { readonly plan: Omit<AnalyzeSourcePlan, 'shape'>; readonly stream: BatchStream } | null {
  const { report } = context;
  const read = readFields(node, analyzeSourceFields, report, 'a source of analyze');
  if (read === null) return null;
  const { values, at } = read;
  const schema = schemaNamed(values.schema, schemas, context);
  if (at.output !== undefined && at.topic !== undefined)
    report.error(headOf(at.topic), 'unknown_key', 'output and topic exclude each other.', 'Keep one of the two.');
  else if (at.output !== undefined) {
    for (const key of ['schema', 'format', 'event_time'] as const)
      if (at[key] !== undefined) report.error(headOf(at[key]), 'unknown_key', `${key} goes with topic: an output has its own.`, 'Remove it.');
  }
  if (at.output === undefined && at.topic === undefined) {
    report.error(headOf(node), 'missing_key', 'A source of analyze needs output or topic.', 'Write { id: …, output: <the id of an output> }.');
    return null;
  }
  const shape = new Shape();
  const streamOf = (columns: BatchStream['columns'], bridge: boolean): BatchStream => ({
    id: values.id.text,
    shape,
    columns,
    broken: new Set(),
    timed: true,
    late: 'dead_letter',
    onError: 'dead_letter',
    mode: 'append',
    aggregate: null,
    source: { id: values.id.text, bridge },
  });
  if (values.output !== undefined) {
    const name = values.output.text;
    const output = outputs.get(name);
    if (output === undefined)
      report.error(values.output, 'dangling_from', `There is no output ${values.output.shown} in preprocess.`, didYouMean(name, outputs.keys()));
    if (output === undefined || output === null) return null;
    if (output.kind === 'file') {
      report.error(values.output, 'dangling_from', `${values.output.shown} is a file; analyze reads topics.`, 'Give it a topic, or add an output to one.');
      return null;
    }
    if (output.schema === null) {
      report.error(
        values.output,
        'missing_key',
        `The output ${values.output.shown} has no schema: analyze needs one to know its columns.`,
        'Add schema: to the output.',
      );
      return null;
    }
    const columns = columnsIn(shape, columnsOf(parseSchema(output.schema)));
    const plan = { id: values.id.text, index, topic: output.topic, output: name, format: output.format, schema: output.schema, eventTime: null, columns };
    return { plan, stream: streamOf(columns, true) };
  }
  if (at.schema === undefined)
    report.error(headOf(node), 'missing_key', 'A source of a topic needs a schema.', 'Add schema: with the name of one under schemas.');
  if (schema === null || values.topic === undefined) return null;
  const columns = columnsIn(shape, columnsOf(schema));
  const time = values.event_time === undefined ? undefined : eventTimeColumn(values.event_time.values.field, columns, values.format, report);
  const eventTime = time === undefined ? null : { slot: time.slot, type: time.type };
  const plan = { id: values.id.text, index, topic: values.topic.text, output: null, format: values.format, schema: schema.json, eventTime, columns };
  return { plan, stream: streamOf(columns, false) };
}
