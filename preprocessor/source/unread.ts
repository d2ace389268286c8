import type { Plan, StagePlan } from '@millrace/pipeline/plan.ts';
import { columnJson, rowJson } from '@millrace/shared-schemas/json/value.ts';
import { rowMaker } from '@millrace/shared-schemas/row.ts';
import type { Column, Row, RowDecoder, Value } from '@millrace/shared-schemas/types.ts';
import type { StoredRecord } from '@millrace/transport/log.ts';

/**
 * The slots that a stage may read of what comes in: those its plan names anywhere but in what is merely visible behind a step.
 * Columns of a source that are not among them are checked and not kept.
 */
export function slotsRead(plan: Pick<Plan, 'sources'>, stage: Pick<StagePlan, 'inputs' | 'nodes' | 'outputs'>): ReadonlySet<string> {
  const read = new Set<string>();
  const visit = (part: unknown): void => {
    if (typeof part === 'string') read.add(part);
    else if (typeof part === 'object' && part !== null) Object.values(part).forEach(visit);
  };
  for (const node of stage.nodes) {
    const { columns, ...rest } = node;
    visit(rest);
    // rows that wait are kept whole
    if (node.type === 'rolling' && node.emit === 'on_watermark') visit(columns);
  }
  visit(stage.outputs);
  for (const input of stage.inputs) if (input.kind === 'source') visit(plan.sources[input.source]?.eventTime);
  return read;
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
