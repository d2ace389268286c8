import type { FilterPlan } from '@millrace/pipeline/plan.ts';
import { compilePredicate } from '@millrace/pipeline/sql/compile.ts';
import type { Row } from '@millrace/shared-schemas/types.ts';
import { asFlaw } from './guard.ts';
import type { Operator, OperatorContext } from './operator.ts';

/** Keeps the records for which the condition is TRUE; FALSE and NULL go. */
export function createFilter(node: FilterPlan, context: OperatorContext): Operator {
  const holds = compilePredicate(node.where.tree, context.expressions);
  const { next } = context;
  return {
    process(row: Row): void {
      let kept: boolean;
      try {
        kept = holds(row);
      } catch (error) {
        const flaw = asFlaw(error);
        context.flaw(flaw.code, flaw.message, row);
        return;
      }
      if (kept) next(row);
    },
  };
}
