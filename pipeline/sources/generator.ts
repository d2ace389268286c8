import { assignable, columnsOf, fieldOf } from '@millrace/shared-schemas/avro.ts';
import type { Column, SqlType } from '@millrace/shared-schemas/types.ts';
import type { PlanContext } from '../flow/context.ts';
import type { GeneratorPlan } from '../plan.ts';
import { optional, required, withDefault } from '../spec/field.ts';
import { expressions as expressionMap, type NamedExpression, number, object } from '../spec/kinds.ts';
import { typeSql } from '../sql/sql-type.ts';
import { didYouMean } from '../suggest.ts';
import { headOf } from '../yaml/node.ts';
import type { SourceInput, SourceSpec } from './source.ts';

const BIGINT: SqlType = { kind: 'BIGINT' };
const DOUBLE: SqlType = { kind: 'DOUBLE' };
const column = (name: string, type: SqlType): Column => ({ name, type, nullable: false, slot: name });
const numbered = (letter: string, count: number): Column[] => Array.from({ length: count }, (_, i) => column(`${letter}${i + 1}`, DOUBLE));

/** What a generator's expressions read: the record's index `i` from 0, `u1`…`u8` uniform in [0, 1), `n1`…`n4` standard normal. */
export const generatorColumns: readonly Column[] = [column('i', BIGINT), ...numbered('u', 8), ...numbered('n', 4)];

export const generateFields = {
  seed: withDefault(number({ min: 0, max: 2 ** 32 - 1, integer: true }), 1, '1', 'The same seed gives the same records.'),
  count: optional(number({ min: 0, max: Number.MAX_SAFE_INTEGER, integer: true }), 'Records in all. Endless when left out.'),
  rate: optional(number({ min: 0.001, max: 1e9 }), 'Records a second. As fast as they are taken when left out.'),
  fields: required(
    expressionMap,
    'An expression for each field of the schema, over i (index from 0), u1 … u8 (uniform in [0, 1)) and n1 … n4 (standard normal). A field with a default may be left out.',
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
    const { seed, count = null, rate = null } = values.generate.values;
    const made = await planFields(values.generate.values.fields, input, context);
    return { type: 'generator', topic: null, path: null, format: 'json', generator: { seed, count, rate, fields: made } };
  },
};

async function planFields(
  given: readonly NamedExpression[],
  { schema, node }: SourceInput,
  { report, expressions }: PlanContext,
): Promise<GeneratorPlan['fields']> {
  const made = [];
  for (const { name, expr } of given) {
    const checked = await expressions.scalar(expr, { columns: generatorColumns, broken: new Set() });
    if (schema === null) continue;
    const field = fieldOf(schema, name.text);
    if (field === null) {
      const known = columnsOf(schema).map((one) => one.name);
      report.error(name, 'unknown_column', `The schema has no field ${name.shown}.`, didYouMean(name.text, known));
    } else if (checked !== null) {
      const reason = assignable(checked.type, field);
      if (reason !== null)
        report.error(expr.locate(0, expr.text.length), 'type_error', `${typeSql(checked.type)} does not fit the field ${name.text}: ${reason}.`, 'Cast it.');
      made.push({ name: name.text, expr: checked });
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
