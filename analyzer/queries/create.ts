import type { QueryPlan } from '@millrace/pipeline/analyze/plan.ts';
import type { Duckdb } from '@millrace/runtime/duckdb.ts';
import type { Model } from '@millrace/shared-schemas/model.ts';
import { AggregateQuery } from './aggregate.ts';
import type { Query, QueryHost } from './query.ts';
import { ScoreQuery } from './score.ts';
import { SqlQuery } from './sql.ts';

/** What queries of some types need besides their host. */
export interface QueryTools {
  /** open when a query of type sql is in the plan */
  readonly duckdb: Duckdb | null;
  /** the model in force for the batch */
  model(name: string): Model | null;
}

/** Opens a query with no state yet. */
export function createQuery(plan: QueryPlan, host: QueryHost, tools: QueryTools): Query {
  switch (plan.type) {
    case 'aggregate':
      return new AggregateQuery(plan, host);
    case 'score':
      return new ScoreQuery(plan, host, () => tools.model(plan.model));
    case 'sql':
      return new SqlQuery(plan, host, tools.duckdb as Duckdb);
  }
}
