import type { AnalyzePlan, QueryPlan, SinkPlan } from '@millrace/pipeline/analyze/plan.ts';
import { type CompileOptions, compilePredicate } from '@millrace/pipeline/sql/compile.ts';
import { MillraceError } from '@millrace/runtime/errors.ts';
import { type Column, FlawError, type Row } from '@millrace/shared-schemas/types.ts';
import type { InHand } from './in-hand.ts';
import { createQuery, type QueryTools } from './queries/create.ts';
import type { Query } from './queries/query.ts';
import type { Sink } from './sinks/sink.ts';

type Next = (row: Row) => void;

/** Takes what could not be processed: the row in hand as the step saw it, and why. */
export interface LetterBox {
  write(code: string, message: string, step: string, row: Row | null, columns: readonly Column[] | null): void;
}

/** What the flow of a pipeline needs from around it. */
export interface FlowHost {
  readonly inHand: InHand;
  readonly expressions: CompileOptions;
  readonly deadLetters: LetterBox;
  readonly tools: QueryTools;
  row(shape: number): Row;
  dropped(): void;
  sink(plan: SinkPlan): Sink;
  /** who else sees the rows of a source or query, before its queries and sinks do */
  readonly listeners: readonly { readonly from: string; readonly process: Next }[];
}

/** Queries and sinks, joined by calls: a row that enters at a source has left, or is kept, when the call returns. */
export interface Flow {
  /** where the rows of each source enter */
  readonly entry: ReadonlyMap<string, Next>;
  /** where the rows of a source or query enter whose scores and aggregates were computed elsewhere */
  readonly others: ReadonlyMap<string, Next>;
  /** in the order of the file */
  readonly queries: readonly { readonly plan: QueryPlan; readonly query: Query }[];
  readonly sinks: readonly { readonly plan: SinkPlan; readonly sink: Sink }[];
}

export function buildFlow(plan: AnalyzePlan, host: FlowHost): Flow {
  const readers = new Map<string, Next[]>();
  const others = new Map<string, Next[]>();
  const columns = new Map<string, readonly Column[]>([...plan.sources, ...plan.queries].map((each) => [each.id, each.columns]));
  const read = (from: string, next: Next, elsewhere = false): void => {
    readers.set(from, [next, ...(readers.get(from) ?? [])]);
    if (!elsewhere) others.set(from, [next, ...(others.get(from) ?? [])]);
  };
  const sinks = plan.sinks.toReversed().map((sinkPlan) => {
    const sink = host.sink(sinkPlan);
    read(sinkPlan.from, intoSink(sinkPlan, sink, columns.get(sinkPlan.from) as readonly Column[], host));
    return { plan: sinkPlan, sink };
  });
  const queries = plan.queries.toReversed().map((queryPlan) => {
    const { expressions, inHand, row } = host;
    const seen = columns.get(queryPlan.from) as readonly Column[];
    for (const listener of host.listeners) if (listener.from === queryPlan.id) read(queryPlan.id, listener.process);
    const query = createQuery(
      queryPlan,
      {
        inHand,
        expressions,
        row,
        next: fanOut(readers.get(queryPlan.id) ?? []),
        flaw: (code, message, record, as = seen) => fail(queryPlan, as, host, code, message, record),
      },
      host.tools,
    );
    read(queryPlan.from, (record) => query.process(record), queryPlan.type === 'score' || queryPlan.type === 'aggregate');
    return { plan: queryPlan, query };
  });
  for (const listener of host.listeners) if (plan.sources.some(({ id }) => id === listener.from)) read(listener.from, listener.process);
  return {
    entry: new Map(plan.sources.map(({ id }) => [id, fanOut(readers.get(id) ?? [])])),
    others: new Map([...others].map(([id, all]) => [id, fanOut(all)])),
    queries: queries.toReversed(),
    sinks: sinks.toReversed(),
  };
}

function intoSink(plan: SinkPlan, sink: Sink, columns: readonly Column[], host: FlowHost): Next {
  const where = plan.where && compilePredicate(plan.where.tree, host.expressions);
  return (row) => {
    try {
      if (where === null || where(row)) sink.add(row, host.inHand.eventTime);
      else sink.skip?.();
    } catch (error) {
      if (!(error instanceof FlawError)) throw error;
      fail(plan, columns, host, error.code, error.message, row);
    }
  };
}

function fail(at: Pick<SinkPlan, 'id' | 'onError'>, columns: readonly Column[], host: FlowHost, code: string, message: string, row: Row): void {
  if (at.onError === 'fail') throw new MillraceError('record_failed', `${at.id}: ${message} (${code})`);
  if (at.onError === 'drop') host.dropped();
  else host.deadLetters.write(code, message, at.id, row, columns);
}

function fanOut(readers: readonly Next[]): Next {
  const [first, second] = readers;
  if (first === undefined) return () => {};
  if (second === undefined) return first;
  return (row) => {
    for (const next of readers) next(row);
  };
}
