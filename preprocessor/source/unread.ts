import type { Plan, StagePlan } from '@millrace/pipeline/plan.ts';
import { rowMaker } from '@millrace/shared-schemas/row.ts';
import type { Column, Row, RowDecoder } from '@millrace/shared-schemas/types.ts';
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

/** Gives a source's row the columns that were not kept, from the record it was made of, for a dead letter. NULLs when that is gone. */
export type Complete = (row: Row, columns: readonly Column[], record: StoredRecord | null) => Row;

/** As {@link Complete}; `shape` are the slots of the source's rows, `decode` keeps all of its columns. */
export function completed(
  row: Row,
  columns: readonly Column[],
  record: StoredRecord | null,
  read: ReadonlySet<string>,
  shape: readonly string[],
  decode: () => RowDecoder,
): Row {
  const missing = columns.filter(({ slot }) => !read.has(slot));
  if (missing.length === 0) return row;
  const whole = rowMaker(shape)();
  const value = record?.value ?? null;
  const flaw = value === null ? null : decode()(whole, Buffer.from(value), 0, value.length);
  return { ...row, ...Object.fromEntries(missing.map(({ slot }) => [slot, flaw === undefined ? (whole[slot] ?? null) : null])) };
}
