import { optional, required, withDefault } from '../spec/field.ts';
import { duration, expression, name, names, number, object, oneOf, oneOrMore, text } from '../spec/kinds.ts';
import { boolean } from './boolean.ts';

const DAY = 86_400_000;

export const labelFields = {
  source: optional(text('the id of a source'), 'A source of analyze that brings the labels. Without it the label is a column of the records themselves.'),
  on: optional(oneOrMore('a column, or a list of columns'), 'With source: the columns that find a label, named alike on both sides.'),
  field: required(name(), 'The column with the truth: BOOLEAN, or a number that is 0 or 1. A label that nobody sent in time is false.'),
  known_after: withDefault(duration(), 0, '0s', 'How long after its event time the label of a record is known.'),
};

const penalty = number({ min: 0, max: 1e12 });

export const trainFields = {
  from: required(text('the id of a source or query'), 'A source or query of analyze whose rows are learnt from.'),
  window: required(duration({ min: 1 }), 'How much event time is learnt from.'),
  every: withDefault(duration({ min: 1 }), DAY, '1d', 'A training at each multiple of this event time, in UTC.'),
  l2: withDefault(penalty, 1, '1.0', "Ridge penalty: l2/2 · ‖β‖² beside the sum of the losses; 1 is scikit-learn's C = 1."),
  l1: withDefault(penalty, 0, '0.0', 'Lasso penalty: l1 · ‖β‖₁.'),
  class_weight: withDefault(oneOf(['none', 'balanced']), 'none', 'none', 'balanced: both classes weigh the same in all.'),
  standardize: withDefault(boolean, true, 'true', 'Features are divided by their standard deviation, their mean taken off, before the penalty applies.'),
};

export const evaluateFields = {
  on: withDefault(oneOf(['next_window']), 'next_window', 'next_window', 'The window that begins where the training data were all known.'),
  card: optional(name(), "The column of the card, for card_precision_at_k: of a day's k most suspect cards, how many were hit."),
  alerts_per_day: withDefault(number({ min: 1, max: 1_000_000_000, integer: true }), 100, '100', 'That k.'),
};

/** a model of `models` */
export const modelFields = {
  type: required(oneOf(['logistic_regression']), 'What kind of model.'),
  features: required(names('a list of columns'), 'The columns it learns from and scores, numbers or booleans, in order.'),
  swap: withDefault(
    oneOf(['immediate', 'at_event_time']),
    'immediate',
    'immediate',
    'immediate: the record stage takes a promoted model at once (`timing`); at_event_time: at each training boundary it waits for that model.',
  ),
  label: optional(object('label', labelFields), 'Where the truth comes from. With train.'),
  train: optional(object('train', trainFields), 'How it is trained. Without it, a model put in by hand is used.'),
  evaluate: optional(object('evaluate', evaluateFields), 'How it is judged.'),
  promote_if: optional(
    expression,
    'A condition over auc_roc, average_precision, card_precision_at_k, log_loss, brier, rows, positives and k of the new model and, as current.auc_roc …, of the promoted one on the same rows. Default: every model is promoted. The first one always is.',
  ),
};
