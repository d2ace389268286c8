import type { FlatMapPlan } from '@millrace/pipeline/plan.ts';
import { compile } from '@millrace/pipeline/sql/compile.ts';
import { slotSetter } from '@millrace/shared-schemas/row.ts';
import type { Row, Value } from '@millrace/shared-schemas/types.ts';
import { asFlaw } from './guard.ts';
import type { Operator, OperatorContext } from './operator.ts';

/** One record an element of a list; none for NULL and for an empty list. The list's own column stays. */
export function createFlatMap(node: FlatMapPlan, context: OperatorContext): Operator {
  const each = compile(node.each.tree, context.expressions);
  const write = slotSetter(node.slot);
  const { next } = context;
  return {
    process(row: Row): void {
      let list: readonly Value[] | null;
      try {
        list = each(row) as readonly Value[] | null;
      } catch (error) {
        const flaw = asFlaw(error);
        context.flaw(flaw.code, flaw.message, row);
        return;
      }
      if (list === null) return;
      for (let i = 0; i < list.length; i++) {
        write(row, list[i]);
        next(row);
      }
    },
  };
}
