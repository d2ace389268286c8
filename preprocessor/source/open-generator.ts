import type { SourcePlan } from '@millrace/pipeline/plan.ts';
import { generatorColumns } from '@millrace/pipeline/sources/generator.ts';
import { type CompileOptions, compile } from '@millrace/pipeline/sql/compile.ts';
import type { Clock } from '@millrace/runtime/clock.ts';
import { seededRandom } from '@millrace/runtime/random.ts';
import { fieldOf, parseSchema } from '@millrace/shared-schemas/avro.ts';
import { jsonEncoder } from '@millrace/shared-schemas/json/encoder.ts';
import { rowMaker, slotSetter } from '@millrace/shared-schemas/row.ts';
import { GeneratorReader } from '@millrace/transport/connectors/generator.ts';
import type { Position, Reader } from '@millrace/transport/log.ts';

/** A generator source as a log: record i is the JSON of its expressions over (seed, i). */
export function openGenerated(source: SourcePlan, from: Position, clock: Clock, expressions: CompileOptions): Reader {
  const plan = source.generator as NonNullable<SourcePlan['generator']>;
  const schema = parseSchema(source.schema);
  const slots = plan.fields.map((_, n) => `f${n}`);
  const row = rowMaker([...generatorColumns.map((column) => column.slot), ...slots])();
  const made = plan.fields.map(({ expr }, n) => ({ set: slotSetter(slots[n] as string), value: compile(expr.tree, expressions) }));
  const encode = jsonEncoder(
    plan.fields.map(({ name, expr }, n) => {
      const avroField = fieldOf(schema, name);
      return { name, slot: slots[n] as string, type: expr.type, ...(avroField ? { avroField } : {}) };
    }),
  );
  const drawn = generatorColumns.filter((column) => column.slot !== 'i').map(({ slot }) => ({ set: slotSetter(slot), uniform: slot.startsWith('u') }));
  const setIndex = slotSetter('i');
  const make = (i: number, buffer: Buffer, pos: number): number => {
    const random = seededRandom(plan.seed, i);
    setIndex(row, i);
    for (const { set, uniform } of drawn) set(row, uniform ? random.uniform() : random.normal());
    for (const { set, value } of made) set(row, value(row));
    return encode(row, buffer, pos);
  };
  // the record at `from` is due now, however long ago the ones before it came
  const start = clock.now() - (plan.rate === null ? 0 : (from.offset / plan.rate) * 1000);
  return new GeneratorReader({ source: source.id, make, count: plan.count, rate: plan.rate, start, clock }, from);
}
