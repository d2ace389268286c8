import type { LookupPlan } from '@millrace/pipeline/plan.ts';
import { keyWriter } from '@millrace/shared-schemas/keys.ts';
import { slotGetter, slotSetter } from '@millrace/shared-schemas/row.ts';
import type { Row } from '@millrace/shared-schemas/types.ts';
import type { Operator, OperatorContext } from './operator.ts';

/** Adds columns of the table's row with the record's key, in the version of the table now in force. A NULL key finds nothing. */
export function createLookup(node: LookupPlan, context: OperatorContext): Operator {
  const keys = keyWriter(node.on);
  const moves = node.add.map(({ column, slot }) => ({ read: slotGetter(column), write: slotSetter(slot) }));
  const { next } = context;
  return {
    process(row: Row): void {
      const key = keys.text(row);
      const found = key === null ? undefined : context.table(node.table).get(key);
      if (found === undefined) {
        if (node.missing === 'drop') return;
        if (node.missing === 'dead_letter') {
          context.flaw('lookup_missing', `table ${node.table} has no row for ${key === null ? 'a NULL key' : `key ${key}`}`, row);
          return;
        }
        for (const move of moves) move.write(row, null);
      } else {
        for (const move of moves) move.write(row, move.read(found));
      }
      next(row);
    },
  };
}
