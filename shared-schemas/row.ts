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

type Shape = new () => Row;

const shapes = new Map<string, Shape>();

/**
 * A maker of rows, which have one hidden class wherever the slots are the same: V8 takes functions made of equal texts for one, and what all tasks of a thread run through is to see
 * one class. Generated, because a loop over names would make a dictionary. Slots begin as NULL; those in `numbers` as 0.5, so that V8 keeps their numbers in place instead of making
 * an object of each. They take any value all the same.
 */
export function rowMaker(slots: readonly string[], numbers?: ReadonlySet<string>): () => Row {
  const body = slots.map((slot) => `this.${checked(slot)} = ${numbers?.has(slot) ? '0.5' : 'null'};`).join('\n');
  const Shape = shapes.get(body) ?? (new Function(body) as unknown as Shape);
  shapes.set(body, Shape);
  return () => new Shape();
}

/** Reads one slot. All getters of a name are one function to V8: it stays fast where few shapes have a slot of that name. */
export function slotGetter(slot: string): (row: Row) => Row[string] {
  return new Function('row', `return row.${checked(slot)};`) as (row: Row) => Row[string];
}

/** Writes one slot; see {@link slotGetter}. */
export function slotSetter(slot: string): (row: Row, value: Row[string]) => void {
  return new Function('row', 'value', `row.${checked(slot)} = value;`) as (row: Row, value: Row[string]) => void;
}
