import type { Plan, StagePlan } from '@millrace/pipeline/plan.ts';
import { fieldOf, parseSchema } from '@millrace/shared-schemas/avro.ts';
import { columnJson, rowJson } from '@millrace/shared-schemas/json/value.ts';
import { rowMaker } from '@millrace/shared-schemas/row.ts';
import type { Column, Row, RowDecoder, Value } from '@millrace/shared-schemas/types.ts';
import type { StoredRecord } from '@millrace/transport/log.ts';

/**
 * The slots that a stage may read of what comes in: those its plan names anywhere but in what is merely visible behind a step.
 * Columns of a source that are not among them are checked and not kept.
 */
export function slotsRead(plan: Pick<Plan, 'sources'>, stage: Stage): ReadonlySet<string> {
  const read = slotsLookedAt(plan, stage);
  name(stage.outputs, read);
  return read;
}

type Stage = Pick<StagePlan, 'inputs' | 'nodes' | 'outputs'>;

/** Adds all names that a part of the plan holds. */
function name(part: unknown, to: Set<string>): void {
  if (typeof part === 'string') to.add(part);
  else if (typeof part === 'object' && part !== null) for (const inner of Object.values(part)) name(inner, to);
}

/** The same without what outputs only write. */
function slotsLookedAt(plan: Pick<Plan, 'sources'>, stage: Stage): Set<string> {
  const read = new Set<string>();
  for (const node of stage.nodes) {
    const { columns, ...rest } = node;
    name(rest, read);
    // rows that wait are kept whole
    if (node.type === 'rolling' && node.emit === 'on_watermark') name(columns, read);
  }
  for (const input of stage.inputs) if (input.kind === 'source') name(plan.sources[input.source]?.eventTime, read);
  return read;
}

/**
 * The slots of strings that a stage writes to Avro and does nothing else with: what stands in them need only be good until the record is through. None in a
 * stage behind an exchange, whose steps may keep rows back.
 */
export function slotsPassed(plan: Pick<Plan, 'sources'>, stage: Stage): ReadonlySet<string> {
  if (stage.inputs.some(({ kind }) => kind === 'exchange')) return new Set();
  const looked = slotsLookedAt(plan, stage);
  const passed = new Set<string>();
  for (const output of stage.outputs) {
    if (output.kind !== 'file') name(output.key, looked);
    const schema = output.kind === 'topic' && output.format === 'avro' ? parseSchema(output.schema) : null;
    for (const column of output.columns) {
      const text = output.kind === 'exchange' ? column.type.kind === 'VARCHAR' : schema !== null && fieldOf(schema, column.name)?.node.kind === 'string';
      if (text) passed.add(column.slot);
      else looked.add(column.slot);
    }
  }
  return passed.difference(looked);
}

/**
 * JSON of a row as it is now, for a dead letter. Columns of a source's row that were not kept come from the record it was made of, once that is at hand;
 * NULLs when that is gone.
 */
export type Told = (row: Row, columns: readonly Column[]) => (record: StoredRecord | null) => string;

/** As {@link Told}; `shape` are the slots of the source's rows, `decode` keeps all of its columns. */
export function told(
  row: Row,
  columns: readonly Column[],
  read: ReadonlySet<string>,
  shape: readonly string[],
  decode: () => RowDecoder,
): (record: StoredRecord | null) => string {
  if (columns.every(({ slot }) => read.has(slot))) return asIs(row, columns);
  const kept = columns.map((column) => (read.has(column.slot) ? columnJson(row, column) : null));
  return (record) => {
    const whole = rowMaker(shape)();
    const value = record?.value ?? null;
    const readable = value !== null && decode()(whole, Buffer.from(value), 0, value.length) === undefined;
    const missing = ({ slot }: Column): Value => (readable ? (whole[slot] ?? null) : null);
    return `{${columns.map((column, i) => kept[i] ?? columnJson({ [column.slot]: missing(column) }, column)).join()}}`;
  };
}

/** Of a row that lacks nothing. */
export function asIs(row: Row, columns: readonly Column[]): () => string {
  const text = rowJson(row, columns);
  return () => text;
}
