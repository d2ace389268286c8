import { addScore, featureColumns, scoreFields } from '../models/score.ts';
import type { StepSpec } from './step.ts';

export const score: StepSpec<typeof scoreFields> = {
  type: 'score',
  doc: 'Adds a column: the probability by the promoted model, a dot product in the record path. NULL before there is one, or when a feature is NULL.',
  example: '- { id: live, type: score, from: recent, model: fraud, as: p }',
  delivery:
    'The model in force is part of the journal: a recovery scores with the models that the records saw. With `swap: immediate` the moment of a swap is `timing`; with `at_event_time` it is not.',
  fields: scoreFields,
  plan({ values }, input, context) {
    const features = featureColumns(values.model, input, context);
    const { columns, broken, slot } = addScore(values.as, input, context.report);
    const model = values.model.text;
    const swap = context.models.get(model)?.swap ?? 'immediate';
    return { body: { type: 'score', model, swap, features, slot }, columns, shape: input.shape, broken };
  },
};
