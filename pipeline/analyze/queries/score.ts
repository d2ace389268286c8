import { addScore, featureColumns, scoreFields } from '../../models/score.ts';
import type { QuerySpec } from './query.ts';

export const score: QuerySpec<typeof scoreFields> = {
  type: 'score',
  doc: 'Adds a column: the probability by the promoted model. NULL before there is one, or when a feature is NULL.',
  example: '- { id: scored, type: score, from: enriched, model: fraud, as: score }',
  delivery: "A batch scores with the model in force when it begins, which is part of the batch's intent: a rerun uses the same.",
  fields: scoreFields,
  plan({ values }, input, context) {
    const features = featureColumns(values.model, input, context);
    const { columns, broken, slot } = addScore(values.as, input, context.report);
    const body = { type: 'score', model: values.model.text, features, slot } as const;
    return { body, columns, shape: input.shape, broken, timed: input.timed, mode: input.mode };
  },
};
