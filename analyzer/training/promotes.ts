import { promotionColumns } from '@millrace/pipeline/models/metrics.ts';
import { compilePredicate } from '@millrace/pipeline/sql/compile.ts';
import type { Checked } from '@millrace/pipeline/sql/expr.ts';
import type { ModelMetrics } from '@millrace/shared-schemas/model.ts';
import type { Row } from '@millrace/shared-schemas/types.ts';

/** Whether a model judged so takes the place of the one in force, judged on the same rows (null: there is none). */
export type Promotes = (own: ModelMetrics, current: ModelMetrics | null) => boolean;

export function promotes(condition: Checked | null): Promotes {
  if (condition === null) return () => true;
  const holds = compilePredicate(condition.tree, {});
  const names = promotionColumns.map(({ slot }) => slot).filter((slot) => slot !== 'current') as (keyof ModelMetrics)[];
  const values = (metrics: ModelMetrics): Row => Object.fromEntries(names.map((name) => [name, metrics[name]]));
  return (own, current) => holds({ ...values(own), current: current === null ? null : (values(current) as Row[string]) });
}
