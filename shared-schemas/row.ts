import type { Row } from './types.ts';

const SLOT = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Whether a name may be a slot: an Avro name that means nothing to JavaScript's objects. */
export function isSlot(name: string): boolean {
  return SLOT.test(name) && !(name in Object.prototype);
}

function checked(slot: string): string {
  if (!isSlot(slot)) throw new Error(`not a slot name: ${JSON.stringify(slot)}`);
  return slot;
}

/**
 * A maker of rows that all share one hidden class: generated, because a loop over names would make a dictionary. Slots begin as NULL; those in
 * `numbers` as 0.5, so that V8 keeps their numbers in place instead of making an object of each. They take any value all the same.
 */
export function rowMaker(slots: readonly string[], numbers?: ReadonlySet<string>): () => Row {
  const body = slots.map((slot) => `this.${checked(slot)} = ${numbers?.has(slot) ? '0.5' : 'null'};`).join('\n');
  const Shape = new Function(body) as unknown as new () => Row;
  return () => new Shape();
}

/** Reads one slot. Each getter is its own function, so each load site sees one shape and stays fast. */
export function slotGetter(slot: string): (row: Row) => Row[string] {
  return new Function('row', `return row.${checked(slot)};`) as (row: Row) => Row[string];
}

/** Writes one slot; see {@link slotGetter}. */
export function slotSetter(slot: string): (row: Row, value: Row[string]) => void {
  return new Function('row', 'value', `row.${checked(slot)} = value;`) as (row: Row, value: Row[string]) => void;
}
