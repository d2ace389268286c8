import type { Stream } from '../flow/stream.ts';
import type { QueryPlan } from './plan.ts';

/** Rows of a batch on their way: what a query, a sink or a model sees of the source or query before it. */
export interface BatchStream extends Stream {
  /** what its rows mean: appended for good, changed rows, or the whole result anew */
  readonly mode: 'append' | 'update' | 'complete';
  /** the aggregate they went through */
  readonly aggregate: string | null;
  /** the source they come from, and whether it carries the completeness of the record stage */
  readonly source: { readonly id: string; readonly bridge: boolean };
}

type Base = 'id' | 'order' | 'from' | 'shape' | 'columns' | 'onError';
type BodyOf<Q> = Q extends QueryPlan ? Omit<Q, Base> : never;
/** What a query has beyond that of every query. */
export type QueryBody = BodyOf<QueryPlan>;
