import type { StagePlan } from '@millrace/pipeline/plan.ts';
import { rowMaker } from '@millrace/shared-schemas/row.ts';
import type { Row, SqlType } from '@millrace/shared-schemas/types.ts';

/** Types whose values are numbers that V8 would make an object of each: no small integers, and no bigint but where one is huge. */
const NUMBERS: ReadonlySet<SqlType['kind']> = new Set(['BIGINT', 'DECIMAL', 'FLOAT', 'DOUBLE', 'TIMESTAMP']);

/** One row a shape of the stage, which every record of one of its tasks overwrites. */
export function rowsOf({ shapes, inputs, nodes }: StagePlan): Row[] {
  const columns = [...inputs, ...nodes].flatMap((each) => each.columns);
  const numbers = new Set(columns.filter(({ type, nullable }) => !nullable && NUMBERS.has(type.kind)).map(({ slot }) => slot));
  return shapes.map((slots) => rowMaker(slots, numbers)());
}
