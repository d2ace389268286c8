import type { GeneratedField, GeneratorPlan, SourcePlan } from '@millrace/pipeline/plan.ts';
import { cardFraudColumns, drawnColumns } from '@millrace/pipeline/sources/generator.ts';
import { type CompileOptions, compile } from '@millrace/pipeline/sql/compile.ts';
import type { Clock } from '@millrace/runtime/clock.ts';
import { PlacedError } from '@millrace/runtime/placed-error.ts';
import { seededRandom } from '@millrace/runtime/random.ts';
import { fieldOf, parseSchema } from '@millrace/shared-schemas/avro.ts';
import { jsonEncoder } from '@millrace/shared-schemas/json/encoder.ts';
import { rowMaker, slotSetter } from '@millrace/shared-schemas/row.ts';
import { FlawError, type Row } from '@millrace/shared-schemas/types.ts';
import { CardFraud } from '@millrace/transport/connectors/card-fraud.ts';
import { GeneratorReader, type Pace, perSecond } from '@millrace/transport/connectors/generator.ts';
import type { Position, Reader } from '@millrace/transport/log.ts';

/** What is drawn for record i before the expressions are asked. */
interface Draw {
  readonly columns: readonly string[];
  readonly count: number | null;
  readonly pace: Pace | null;
  fill(row: Row, i: number): void;
}

function numbers(plan: GeneratorPlan): Draw {
  const drawn = drawnColumns.filter((column) => column.slot !== 'i').map(({ slot }) => ({ set: slotSetter(slot), uniform: slot.startsWith('u') }));
  const setIndex = slotSetter('i');
  return {
    columns: drawnColumns.map(({ slot }) => slot),
    count: plan.count,
    pace: plan.rate === null ? null : perSecond(plan.rate),
    fill(row, i) {
      const random = seededRandom(plan.seed, i);
      setIndex(row, i);
      for (const { set, uniform } of drawn) set(row, uniform ? random.uniform() : random.normal());
    },
  };
}

const DAY_MS = 86_400_000;

function payments({ seed }: GeneratorPlan, { speed, warmUp, ...settings }: NonNullable<GeneratorPlan['cardFraud']>): Draw {
  const simulation = new CardFraud({ seed, ...settings });
  const live = settings.start + warmUp * DAY_MS;
  return {
    columns: cardFraudColumns.map(({ slot }) => slot),
    count: simulation.count,
    pace:
      speed === null
        ? null
        : { due: (i) => Math.max(0, Math.floor((simulation.at(i).t - live) / speed)), come: (elapsed) => simulation.upTo(live + elapsed * speed) },
    fill(row, i) {
      const { t, customer, terminal, amount, scenario } = simulation.at(i);
      Object.assign(row, { i, t, customer, terminal, amount, scenario });
    },
  };
}

function drawOf(plan: GeneratorPlan): Draw {
  return plan.cardFraud === null ? numbers(plan) : payments(plan, plan.cardFraud);
}

/** records a generator makes in all; null: endless */
export function countOf(plan: GeneratorPlan): number | null {
  return drawOf(plan).count;
}

interface GeneratorContext {
  readonly clock: Clock;
  /** epoch ms at which paced records begin to come; null: now */
  readonly begun: number | null;
  readonly expressions: CompileOptions;
}

/** A generator source as a log: record i is the JSON of its expressions over what is drawn for (seed, i). */
export function openGenerated(source: SourcePlan, from: Position, { clock, begun, expressions }: GeneratorContext): Reader {
  const plan = source.generator as GeneratorPlan;
  const draw = drawOf(plan);
  const schema = parseSchema(source.schema);
  const slots = plan.fields.map((_, n) => `f${n}`);
  const row = rowMaker([...draw.columns, ...slots])();
  const made = plan.fields.map((field, n) => ({ field, set: slotSetter(slots[n] as string), value: compile(field.expr.tree, expressions) }));
  const encoded = plan.fields.map(({ name, expr }, n) => {
    const avroField = fieldOf(schema, name);
    return { name, slot: slots[n] as string, type: expr.type, ...(avroField ? { avroField } : {}) };
  });
  const encode = jsonEncoder(encoded);
  /** of which field it was: what is drawn is the same every time */
  const failed = (i: number): GeneratedField | undefined => {
    draw.fill(row, i);
    return made.find(({ set, value }, n) => {
      try {
        set(row, value(row));
        jsonEncoder([encoded[n] as (typeof encoded)[number]])(row, Buffer.alloc(source.maxRecord), 0);
        return false;
      } catch {
        return true;
      }
    })?.field;
  };
  const make = (i: number, buffer: Buffer, pos: number): number => {
    try {
      draw.fill(row, i);
      for (const { set, value } of made) set(row, value(row));
      return encode(row, buffer, pos);
    } catch (error) {
      const field = error instanceof FlawError ? failed(i) : undefined;
      if (field === undefined) throw error;
      throw new PlacedError('generator_failed', field.at, `The expression for ${field.name} of ${source.id} fails at i = ${i}: ${(error as Error).message}`, {
        cause: error,
      });
    }
  };
  // the record at `from` is due when the run begins, however long ago the ones before it came
  const done = draw.count !== null && from.offset >= draw.count;
  const start = (begun ?? clock.now()) - (draw.pace === null || done ? 0 : draw.pace.due(from.offset));
  return new GeneratorReader({ source: source.id, make, count: draw.count, pace: draw.pace, start, clock }, from);
}
