import type { PlanContext } from '../flow/context.ts';
import { type Ids, idOf, inAnalyze, placeOf } from '../flow/ids.ts';
import { schemaNamed, specOf } from '../flow/read-sources.ts';
import type { OnError } from '../flow/stream.ts';
import type { Schemas } from '../schemas.ts';
import { type Fields, optional, type Read, readFields, required, withDefault } from '../spec/field.ts';
import { fromIds, items } from '../spec/kinds.ts';
import { entryOf, type MapNode, type ScalarNode } from '../yaml/node.ts';
import type { AnalyzePlan, AnalyzeSourcePlan, QueryPlan, SinkPlan } from './plan.ts';
import { queriesNotYet, querySpecs } from './queries/list.ts';
import { type QuerySpec, commonFields as queryFields } from './queries/query.ts';
import { sinkSpecs, sinksNotYet } from './sinks/list.ts';
import { type SinkSpec, commonFields as sinkFields } from './sinks/sink.ts';
import { readAnalyzeSource, type readableOutputs } from './source.ts';
import type { BatchStream } from './stream.ts';
import { defaultTrigger, trigger } from './trigger.ts';

const ANY = { type: 'object' } as const;

export const analyzeFields = {
  trigger: withDefault(trigger, defaultTrigger, '{ every: 1s }', 'When a batch begins and how much it takes.'),
  sources: required(items('a list of sources', ANY, 1), 'The topics that batches are taken from.'),
  queries: optional(items('a list of queries', ANY, 0), 'What is made of a batch, in order.'),
  sinks: required(items('a list of sinks', ANY, 1), 'Where the rows of queries go.'),
};

/** `analyze` as read: the plan but for its hash, and what models may train on. */
export interface Analysis {
  readonly plan: Omit<AnalyzePlan, 'hash'>;
  readonly streams: ReadonlyMap<string, BatchStream | null>;
  readonly sinkNodes: readonly MapNode[];
}

/** Reads `analyze`: every source, query and sink in turn, each against the columns that reach it. */
export async function readAnalyze(
  node: MapNode,
  outputs: ReturnType<typeof readableOutputs>,
  directory: string,
  schemas: Schemas,
  ids: Ids,
  context: PlanContext,
): Promise<Analysis | null> {
  const read = readFields(node, analyzeFields, context.report, 'analyze');
  if (read === null) return null;
  const { trigger: when, sources, queries = [], sinks } = read.values;
  const reader = new Reader(directory, schemas, ids, context);
  for (const [index, one] of sources.entries()) {
    const source = readAnalyzeSource(one, index, outputs, schemas, context);
    if (source !== null) reader.sources.push({ ...source.plan, shape: reader.shape(source.stream) });
    reader.made(one, source?.stream ?? null);
  }
  if (sources.length > 1) reader.before = undefined;
  for (const [position, one] of queries.entries()) await reader.query(one, position);
  for (const [position, one] of sinks.entries()) await reader.sink(one, queries.length + position);
  const plan = { trigger: when, sources: reader.sources, queries: reader.queries, sinks: reader.sinks, shapes: reader.shapes.map(({ slots }) => [...slots]) };
  return { plan, streams: reader.streams, sinkNodes: sinks };
}

interface CommonValues {
  readonly id: ScalarNode;
  readonly on_error?: OnError;
  readonly where?: ScalarNode;
}

class Reader {
  readonly sources: AnalyzeSourcePlan[] = [];
  readonly queries: QueryPlan[] = [];
  readonly sinks: SinkPlan[] = [];
  readonly shapes: BatchStream['shape'][] = [];
  /** null: not known, for a finding */
  readonly streams = new Map<string, BatchStream | null>();
  /** what comes before; undefined when that is no one thing */
  before: BatchStream | null | undefined;
  readonly #directory: string;
  readonly #schemas: Schemas;
  readonly #ids: Ids;
  readonly #context: PlanContext;

  constructor(directory: string, schemas: Schemas, ids: Ids, context: PlanContext) {
    this.#directory = directory;
    this.#schemas = schemas;
    this.#ids = ids;
    this.#context = context;
  }

  shape({ shape }: Pick<BatchStream, 'shape'>): number {
    if (!this.shapes.includes(shape)) this.shapes.push(shape);
    return this.shapes.indexOf(shape);
  }

  made(node: MapNode, stream: BatchStream | null): void {
    this.before = stream;
    const id = idOf(node);
    if (id !== null && !this.streams.has(id)) this.streams.set(id, stream);
  }

  async query(node: MapNode, position: number): Promise<void> {
    this.made(node, await this.#plannedQuery(node, position));
  }

  async #plannedQuery(node: MapNode, position: number): Promise<BatchStream | null> {
    const context = this.#context;
    const spec: QuerySpec | null = specOf(node, querySpecs, queriesNotYet, 'query', context);
    if (spec === null) return null;
    const fields: Fields = { ...queryFields, ...spec.fields };
    const read = readFields(node, fields, context.report, `a ${spec.type} query`);
    const input = this.#input(node, position);
    if (read === null || input === null) return null;
    const values = read.values as unknown as CommonValues;
    const draft = await spec.plan(read as Read<Fields>, input, context);
    if (draft === null) return null;
    const id = values.id.text;
    const { body, shape, columns, ...rest } = draft;
    const onError = values.on_error ?? input.onError;
    this.queries.push({ id, order: position, from: input.id, shape: this.shape({ shape }), columns, onError, ...body } as QueryPlan);
    return { ...input, ...rest, id, shape, columns, onError, aggregate: body.type === 'aggregate' ? id : input.aggregate };
  }

  async sink(node: MapNode, order: number): Promise<void> {
    const context = this.#context;
    const { report } = context;
    const spec: SinkSpec | null = specOf(node, sinkSpecs, sinksNotYet, 'sink', context);
    if (spec === null) return;
    const fields: Fields = { ...sinkFields, ...spec.fields };
    const read = readFields(node, fields, report, `a ${spec.type} sink`);
    const stream = this.#input(node, Number.POSITIVE_INFINITY);
    const schemaNode = Object.hasOwn(spec.fields, 'schema') ? entryOf(node, 'schema')?.value : undefined;
    const schema = schemaNamed(
      schemaNode?.kind === 'scalar' && typeof schemaNode.value === 'string' && !schemaNode.unresolved ? schemaNode : undefined,
      this.#schemas,
      context,
    );
    if (read === null || stream === null) return;
    const values = read.values as unknown as CommonValues;
    const where = values.where === undefined ? null : await context.expressions.condition(values.where, stream);
    const body = spec.plan(read as Read<Fields>, { stream, schema, directory: this.#directory, node }, context);
    const onError = values.on_error ?? stream.onError;
    this.sinks.push({ id: values.id.text, order, from: stream.id, where, mode: stream.mode, onError, ...body } as SinkPlan);
  }

  /** Resolves `from`; what cannot be read is reported and null. */
  #input(node: MapNode, position: number): BatchStream | null {
    const { report } = this.#context;
    const written = entryOf(node, 'from')?.value;
    if (written === undefined) {
      if (this.before === undefined) report.error(placeOf(node), 'ambiguous_from', 'There are several sources, so from: has to say which.');
      return this.before ?? null;
    }
    const from = fromIds.read(written, report);
    if (from === undefined || from.length === 0) return null;
    const [first, second] = from;
    const resolved = from.map((one) => this.#ids.resolves(one, position, inAnalyze));
    if (second !== undefined) report.error(second, 'not_yet', 'A union in analyze is not built yet.', 'Unite the records in preprocess.');
    return second === undefined && resolved[0] ? (this.streams.get(first.text) ?? null) : null;
  }
}
