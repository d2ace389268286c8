import { columnsOf, type ParsedSchema } from '@millrace/shared-schemas/avro.ts';
import type { Column } from '@millrace/shared-schemas/types.ts';
import type { SourcePlan } from '../plan.ts';
import type { Report } from '../report.ts';
import type { Schemas } from '../schemas.ts';
import { sourceSpecs, sourcesNotYet } from '../sources/list.ts';
import { commonFields, eventTimeFields, type SourceSpec } from '../sources/source.ts';
import { type Read, readFields } from '../spec/field.ts';
import { typeSql } from '../sql/sql-type.ts';
import { didYouMean } from '../suggest.ts';
import { describe, headOf, type MapNode, type ScalarNode } from '../yaml/node.ts';
import { columnNamed, keyColumns, type PlanContext } from './context.ts';
import type { FlowSource } from './flow.ts';
import { typeNode } from './ids.ts';
import { columnsIn, Shape } from './stream.ts';

const NESTED = new Set(['LIST', 'STRUCT', 'MAP']);

/** The spec that a node's `type` names; reports when there is none. */
export function specOf<S extends { readonly type: string }>(
  node: MapNode,
  specs: readonly S[],
  later: readonly string[],
  what: string,
  context: PlanContext,
  otherwise?: string,
): S | null {
  const { report } = context;
  const at = typeNode(node);
  const names = specs.map(({ type }) => type);
  if (at === undefined && otherwise !== undefined) return specs.find(({ type }) => type === otherwise) ?? null;
  if (at === undefined) report.error(headOf(node), 'missing_key', `The ${what} has no type.`, `Add type: one of ${names.join(', ')}.`);
  else if (at.kind !== 'scalar' || typeof at.value !== 'string')
    report.error(headOf(at), 'wrong_type', `Expected a type of ${what}, found ${describe(at)}.`, `One of ${names.join(', ')}.`);
  else if (at.unresolved) return null;
  else if (later.includes(at.text)) report.error(at, 'not_yet', `The ${what} type ${at.text} is not built yet.`, `Built: ${names.join(', ')}.`);
  else {
    const spec = specs.find(({ type }) => type === at.text);
    if (spec !== undefined) return spec;
    report.error(at, 'bad_enum', `There is no ${what} type ${at.shown}.`, didYouMean(at.text, names));
  }
  return null;
}

/** The schema a node names; reports a name that is not there. Null also when the schema has findings of its own. */
export function schemaNamed(node: ScalarNode | undefined, schemas: Schemas, context: PlanContext): ParsedSchema | null {
  if (node === undefined) return null;
  const schema = schemas.get(node.text);
  if (schema === undefined) context.report.error(node, 'unknown_schema', `There is no schema ${node.shown}.`, didYouMean(node.text, schemas.keys()));
  return schema ?? null;
}

/** Plans one source. Null when its columns cannot be known. */
export async function readSource(node: MapNode, index: number, directory: string, schemas: Schemas, context: PlanContext): Promise<FlowSource | null> {
  const spec: SourceSpec | null = specOf(node, sourceSpecs, sourcesNotYet, 'source', context);
  if (spec === null) return null;
  const { report } = context;
  const fields = { ...commonFields, ...spec.fields };
  const read = readFields(node, fields, report, `a ${spec.type} source`) as Read<typeof commonFields> | null;
  if (read === null) return null;
  const { values } = read;
  const schema = schemaNamed(values.schema, schemas, context);
  const shape = new Shape();
  const columns = schema === null ? [] : columnsIn(shape, columnsOf(schema));
  const body = await spec.plan(read, { schema, columns, directory, node }, context);
  if (schema === null) return null;
  const nested = body.format === 'csv' ? columns.find((column) => NESTED.has(column.type.kind)) : undefined;
  if (nested !== undefined)
    report.error(values.schema, 'type_error', `CSV cannot hold the field ${nested.name}, a ${nested.type.kind}.`, 'Use another format, or change the schema.');
  const visible = { columns, broken: new Set<string>() };
  const key = values.key === undefined ? null : keyColumns(values.key, visible, report).map(({ name }) => name);
  const time = eventTimeOf(values.event_time, columns, body.format, context);
  const { onError, late } = { onError: values.on_error, late: time.late };
  const plan: SourcePlan = { id: values.id.text, index, ...body, schema: schema.json, key, ...time, onError, maxRecord: values.max_record, columns };
  const timed = time.eventTime !== null || spec.type === 'topic' || values.event_time !== undefined;
  return { plan, stream: { id: plan.id, shape, columns, broken: new Set(), timed, late, onError } };
}

type Time = Pick<SourcePlan, 'eventTime' | 'outOfOrder' | 'idleAfter' | 'maxAhead' | 'late'>;

function eventTimeOf(read: Read<typeof eventTimeFields> | undefined, columns: readonly Column[], format: SourcePlan['format'], { report }: PlanContext): Time {
  if (read === undefined) return { eventTime: null, outOfOrder: 0, idleAfter: eventTimeFields.idle_after.value ?? 0, maxAhead: null, late: 'dead_letter' };
  const { field, out_of_order, idle_after, max_ahead = null, late } = read.values;
  const column = eventTimeColumn(field, columns, format, report);
  return {
    eventTime: column === undefined ? null : { slot: column.slot, type: column.type },
    outOfOrder: out_of_order,
    idleAfter: idle_after,
    maxAhead: max_ahead,
    late,
  };
}

/** The column an `event_time` names; reports one that cannot hold a time. */
export function eventTimeColumn(field: ScalarNode, columns: readonly Column[], format: SourcePlan['format'], report: Report): Column | undefined {
  const column = columnNamed(field, { columns, broken: new Set() }, report);
  const kind = column?.type.kind;
  const text = format === 'json' || format === 'csv';
  if (column !== undefined && kind !== 'BIGINT' && kind !== 'TIMESTAMP' && !(kind === 'VARCHAR' && text)) {
    report.error(field, 'bad_event_time', `${field.shown} is ${typeSql(column.type)}, which is no event time${kind === 'VARCHAR' ? ` in ${format}` : ''}.`);
  }
  return column;
}
