import { addScore, featureColumns, scoreFields } from '../models/score.ts';
import { optional } from '../spec/field.ts';
import { name } from '../spec/kinds.ts';
import type { StepSpec } from './step.ts';

const fields = {
  ...scoreFields,
  alarm: optional(
    name(),
    "A BOOLEAN column: the probability reaches the model's threshold, which on the mean `evaluate.alerts_per_day` cards a day did in the `window` before the model's boundary.",
  ),
};

export const score: StepSpec<typeof fields> = {
  type: 'score',
  doc: 'Adds a column: the probability by the promoted model, a dot product in the record path. NULL before there is one, or when a feature is NULL.',
  example: '- { id: live, type: score, from: recent, model: fraud, as: p, alarm: flagged }',
  delivery:
    'The model in force is part of the journal: a recovery scores with the models that the records saw. With `swap: immediate` the moment of a swap is `timing`; with `at_event_time` it is not.',
  fields,
  plan({ values }, input, context) {
    const features = featureColumns(values.model, input, context);
    const scored = addScore(values.as, input, context.report);
    const alarmed = values.alarm === undefined ? null : addScore(values.alarm, { ...scored, shape: input.shape }, context.report, { kind: 'BOOLEAN' });
    const { columns, broken } = alarmed ?? scored;
    const model = values.model.text;
    const { swap, every } = context.models.get(model) ?? { swap: 'immediate', every: null };
    const body = {
      type: 'score',
      model,
      swap,
      every: swap === 'at_event_time' ? every : null,
      features,
      slot: scored.slot,
      alarmSlot: alarmed?.slot ?? null,
    } as const;
    return { body, columns, shape: input.shape, broken };
  },
};
