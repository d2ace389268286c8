import type { MapPlan } from '@millrace/pipeline/plan.ts';
import { compile } from '@millrace/pipeline/sql/compile.ts';
import { slotSetter } from '@millrace/shared-schemas/row.ts';
import type { Row } from '@millrace/shared-schemas/types.ts';
import { asFlaw } from './guard.ts';
import type { Operator, OperatorContext } from './operator.ts';

/**
 * Computes columns. Each definition has a slot of its own, which no expression of the same map reads, so writing
 * them one by one is the same as all of them seeing the incoming record.
 */
export function createMap(node: MapPlan, context: OperatorContext): Operator {
  const moves = node.set.map(({ slot, expr }) => ({ value: compile(expr.tree, context.expressions), write: slotSetter(slot) }));
  const { next } = context;
  return {
    process(row: Row): void {
      try {
        for (let i = 0; i < moves.length; i++) moves[i].write(row, moves[i].value(row));
      } catch (error) {
        const flaw = asFlaw(error);
        context.flaw(flaw.code, flaw.message, row);
        return;
      }
      next(row);
    },
  };
}
