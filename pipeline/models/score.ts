import type { Column, SqlType } from '@millrace/shared-schemas/types.ts';
import { clashes, type PlanContext } from '../flow/context.ts';
import { columnOf, type Stream } from '../flow/stream.ts';
import type { Report } from '../report.ts';
import { required } from '../spec/field.ts';
import { name, text } from '../spec/kinds.ts';
import { isNumeric, typeSql } from '../sql/sql-type.ts';
import { didYouMean } from '../suggest.ts';
import type { ScalarNode } from '../yaml/node.ts';

/** keys of a score step or query */
export const scoreFields = {
  model: required(text('the name of a model'), 'A model of `models`.'),
  as: required(name(), 'The column that takes the probability.'),
};

/** Whether a model can take a column as a feature. */
export function isFeature({ type }: Column): boolean {
  return type.kind === 'BOOLEAN' || isNumeric(type);
}

/** The model's feature columns in its order; what is missing or no number is reported where the model is named. */
export function featureColumns(model: ScalarNode, input: Stream, { models, report }: Pick<PlanContext, 'models' | 'report'>): Column[] {
  const declared = models.get(model.text);
  if (declared === undefined) report.error(model, 'unknown_model', `There is no model ${model.shown}.`, didYouMean(model.text, models.keys()));
  const columns: Column[] = [];
  for (const feature of declared?.features ?? []) {
    const column = columnOf(input.columns, feature);
    if (column === undefined && input.broken.has(feature)) continue;
    if (column === undefined)
      report.error(
        model,
        'unknown_column',
        `The model ${model.shown} needs the column ${feature}, which does not arrive from ${input.id}.`,
        didYouMean(
          feature,
          input.columns.map((one) => one.name),
        ),
      );
    else if (!isFeature(column))
      report.error(
        model,
        'type_error',
        `The model ${model.shown} needs ${feature} as a number or boolean; from ${input.id} it is ${typeSql(column.type)}.`,
        `Cast ${feature} in a map step.`,
      );
    else columns.push(column);
  }
  return columns;
}

const DOUBLE: SqlType = { kind: 'DOUBLE' };

/** The columns with that of the score, which may be NULL, or of its alarm behind them, in the row of the input. */
export function addScore(
  as: ScalarNode,
  input: Pick<Stream, 'columns' | 'broken' | 'shape'>,
  report: Report,
  type: SqlType = DOUBLE,
): { readonly columns: readonly Column[]; readonly broken: ReadonlySet<string>; readonly slot: string } {
  const broken = new Set(input.broken);
  const taken = columnOf(input.columns, as.text) !== undefined;
  if (taken) report.error(as, 'duplicate_column', `There is a column ${as.shown} already.`, 'Use another name.');
  if (taken || clashes(as, input.columns, report)) return { columns: input.columns, broken: broken.add(as.text), slot: as.text };
  broken.delete(as.text);
  const slot = input.shape.allocate(as.text);
  return { columns: [...input.columns, { name: as.text, type, nullable: type === DOUBLE, slot }], broken, slot };
}
