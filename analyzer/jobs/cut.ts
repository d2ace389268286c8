import type { AnalyzePlan, QueryPlan, SinkPlan } from '@millrace/pipeline/analyze/plan.ts';

/** Where the flow of a pipeline is cut: what a worker does with a row by itself, and what goes to the coordinator. */
export interface Cut {
  /** ids of the sources, and of the queries that need nothing but the row: whose rows a worker has */
  readonly stateless: readonly string[];
  /** scores of such rows, and aggregates over them, in the order of the file */
  readonly queries: readonly QueryPlan[];
  /** Of `stateless`, those whose rows the coordinator has to see, and who asks for them: sinks by their `where`; null where every row is asked for. */
  readonly taped: ReadonlyMap<string, readonly SinkPlan[] | null>;
}

/** `listened`: whose rows training learns from */
export function cutOf(plan: AnalyzePlan, listened: readonly string[]): Cut {
  const stateless = plan.sources.map(({ id }) => id);
  const queries: QueryPlan[] = [];
  for (const query of plan.queries) {
    if (!stateless.includes(query.from) || query.type === 'sql') continue;
    queries.push(query);
    if (query.type === 'score') stateless.push(query.id);
  }
  const taped = new Map<string, readonly SinkPlan[] | null>();
  for (const id of stateless) {
    const sinks = plan.sinks.filter(({ from }) => from === id);
    const all = listened.includes(id) || plan.queries.some(({ from, type }) => from === id && type === 'sql') || sinks.some(({ where }) => where === null);
    if (all) taped.set(id, null);
    else if (sinks.length > 0) taped.set(id, sinks);
  }
  return { stateless, queries, taped };
}
