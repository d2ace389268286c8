import { isSlot } from '@millrace/shared-schemas/row.ts';
import type { Column, SqlType } from '@millrace/shared-schemas/types.ts';

/**
 * The slots of one row object, each written by one definition only (static single assignment): what reads a slot never
 * sees another branch's value. `roots` follows plain copies, so that a renamed key is still known to be that key.
 */
export class Shape {
  readonly slots: string[] = [];
  readonly #taken = new Set<string>();
  readonly #roots = new Map<string, string>();

  /** A new slot, named like the column where that is free. `a0`, `a1` … stay free for the results of aggregates. */
  allocate(name: string, copyOf?: string): string {
    let slot = /^a[0-9]+$/.test(name) ? `${name}_0` : name;
    for (let i = 1; this.#taken.has(slot) || !isSlot(slot); i++) slot = `${name}_${i}`;
    this.#taken.add(slot);
    this.slots.push(slot);
    this.#roots.set(slot, copyOf === undefined ? slot : this.root(copyOf));
    return slot;
  }

  /** the slot a value was first written to */
  root(slot: string): string {
    return this.#roots.get(slot) ?? slot;
  }
}

/** Records on their way: what a step sees of them, before it is known which stage they run in. */
export interface Stream {
  /** id of the source or step they leave */
  readonly id: string;
  readonly shape: Shape;
  readonly columns: readonly Column[];
  /** columns that would be here but for a finding: nothing more is said of them */
  readonly broken: ReadonlySet<string>;
  /** the records have an event time worth the name */
  readonly timed: boolean;
  readonly late: 'dead_letter' | 'drop';
  readonly onError: OnError;
}

export type OnError = 'dead_letter' | 'drop' | 'fail';

export function columnOf(columns: readonly Column[], name: string): Column | undefined {
  return columns.find((column) => column.name === name);
}

/** Declares columns in a shape of their own. */
export function columnsIn(shape: Shape, columns: readonly { readonly name: string; readonly type: SqlType; readonly nullable: boolean }[]): Column[] {
  return columns.map(({ name, type, nullable: mayBeNull }) => ({ name, type, nullable: mayBeNull, slot: shape.allocate(name) }));
}
