import { assignable, columnsOf, fieldOf } from '@millrace/shared-schemas/avro.ts';
import type { Column, SqlType } from '@millrace/shared-schemas/types.ts';
import type { PlanContext } from '../flow/context.ts';
import type { CardFraudPlan, GeneratorPlan } from '../plan.ts';
import type { Report } from '../report.ts';
import { optional, type Read, required, withDefault } from '../spec/field.ts';
import { expressions as expressionMap, type NamedExpression, number, object, pattern } from '../spec/kinds.ts';
import { typeSql } from '../sql/sql-type.ts';
import { didYouMean } from '../suggest.ts';
import { headOf } from '../yaml/node.ts';
import type { SourceInput, SourceSpec } from './source.ts';

const BIGINT: SqlType = { kind: 'BIGINT' };
const DOUBLE: SqlType = { kind: 'DOUBLE' };
const column = (name: string, type: SqlType): Column => ({ name, type, nullable: false, slot: name });
const numbered = (letter: string, count: number): Column[] => Array.from({ length: count }, (_, i) => column(`${letter}${i + 1}`, DOUBLE));

/** What a generator's expressions read: the record's index `i` from 0, `u1`…`u8` uniform in [0, 1), `n1`…`n4` standard normal. */
export const drawnColumns: readonly Column[] = [column('i', BIGINT), ...numbered('u', 8), ...numbered('n', 4)];

/** What they read with `card_fraud`: a payment of the simulation. */
export const cardFraudColumns: readonly Column[] = [
  ...['i', 't', 'customer', 'terminal'].map((name) => column(name, BIGINT)),
  column('amount', DOUBLE),
  column('scenario', BIGINT),
];

const whole = (min: number): ReturnType<typeof number> => number({ min, max: 10_000_000, integer: true });

export const cardFraudFields = {
  customers: withDefault(whole(1), 5000, '5000', 'How many pay.'),
  terminals: withDefault(whole(1), 10_000, '10000', 'Where they pay.'),
  start: optional(pattern('a date such as 2018-04-01', /^\d{4}-\d{2}-\d{2}$/, 'Write a date as 2018-04-01.'), 'The first day, UTC. Default: 2018-04-01.'),
  days: optional(whole(1), 'How many days. Endless when left out.'),
  speed: optional(number({ min: 0.001, max: 1e9 }), 'Seconds of event time a second. As fast as they are taken when left out.'),
  warm_up: withDefault(whole(0), 0, '0', 'With speed: the first so many days are history, and there at once.'),
};

export const generateFields = {
  seed: withDefault(number({ min: 0, max: 2 ** 32 - 1, integer: true }), 1, '1', 'The same seed gives the same records.'),
  count: optional(number({ min: 0, max: Number.MAX_SAFE_INTEGER, integer: true }), 'Records in all. Endless when left out.'),
  rate: optional(number({ min: 0.001, max: 1e9 }), 'Records a second. As fast as they are taken when left out.'),
  card_fraud: optional(
    object('card_fraud', cardFraudFields),
    'Instead of numbers: card payments and three kinds of fraud, as the Fraud Detection Handbook simulates them.',
  ),
  fields: required(
    expressionMap,
    'An expression for each field of the schema, over i (index from 0), u1 … u8 (uniform in [0, 1)) and n1 … n4 (standard normal); with card_fraud over i, t (epoch ms), customer, terminal, amount and scenario (0: honest, 1 to 3: fraud). A field with a default may be left out.',
  ),
};

const fields = { generate: required(object('generate', generateFields), 'What to generate.') };

export const generator: SourceSpec<typeof fields> = {
  type: 'generator',
  doc: 'Made-up records, one partition. Record i depends on the seed and i only.',
  example: `- id: made
  type: generator
  schema: transaction
  event_time: { field: event_time }
  generate:
    seed: 7
    count: 20000
    rate: 5000
    fields: { tx_id: "'t' || i", amount: "round(u1 * 100, 2)", event_time: "1700000000000 + i * 20" }`,
  delivery: 'Goes on where the last run ended.',
  fields,
  async plan({ values }, input, context) {
    const { seed, count = null, rate = null, card_fraud, fields: given } = values.generate.values;
    const { rate: rateNode, count: countNode } = values.generate.at;
    const columns = card_fraud === undefined ? drawnColumns : cardFraudColumns;
    const made = await planFields(given, columns, input, context);
    if (card_fraud !== undefined && rateNode !== undefined)
      context.report.error(rateNode, 'unknown_key', 'rate does not go with card_fraud.', 'Use card_fraud.speed.');
    if (card_fraud !== undefined && countNode !== undefined)
      context.report.error(countNode, 'unknown_key', 'count does not go with card_fraud.', 'Use card_fraud.days.');
    const cardFraud = card_fraud === undefined ? null : planCardFraud(card_fraud, context.report);
    return { type: 'generator', topic: null, path: null, format: 'json', generator: { seed, count, rate, cardFraud, fields: made } };
  },
};

function planCardFraud({ values }: Read<typeof cardFraudFields>, report: Report): CardFraudPlan {
  const { customers, terminals, start, days = null, speed = null, warm_up: warmUp } = values;
  const midnight = Date.parse(start?.text ?? '2018-04-01');
  if (start !== undefined && Number.isNaN(midnight)) report.error(start, 'bad_date', `${start.shown} is no date.`, 'Write a date as 2018-04-01.');
  return { customers, terminals, start: midnight, days, speed, warmUp };
}

async function planFields(
  given: readonly NamedExpression[],
  columns: readonly Column[],
  { schema, node }: SourceInput,
  { report, expressions }: PlanContext,
): Promise<GeneratorPlan['fields']> {
  const made = [];
  for (const { name, expr } of given) {
    const checked = await expressions.scalar(expr, { columns, broken: new Set() });
    if (schema === null) continue;
    const field = fieldOf(schema, name.text);
    if (field === null) {
      const known = columnsOf(schema).map((one) => one.name);
      report.error(name, 'unknown_column', `The schema has no field ${name.shown}.`, didYouMean(name.text, known));
    } else if (checked !== null) {
      const reason = assignable(checked.type, field);
      if (reason !== null)
        report.error(expr.locate(0, expr.text.length), 'type_error', `${typeSql(checked.type)} does not fit the field ${name.text}: ${reason}.`, 'Cast it.');
      made.push({ name: name.text, expr: checked, at: report.place(expr.locate(0, expr.text.length)) });
    }
  }
  for (const { name, hasDefault } of schema === null ? [] : columnsOf(schema)) {
    if (hasDefault || given.some((one) => one.name.text === name)) continue;
    report.error(
      headOf(node),
      'missing_key',
      `The generator has no expression for the field ${name}, which has no default.`,
      `Add ${name} under generate.fields.`,
    );
  }
  return made;
}
