import { isSlot } from '../row.ts';
import type { Row, Value } from '../types.ts';

function checked(slot: string): string {
  if (!isSlot(slot)) throw new Error(`not a slot name: ${JSON.stringify(slot)}`);
  return slot;
}

/**
 * A function that hands each slot of a row, in order, to its own writer. Generated, so that every load has one shape and
 * every call one target, which a loop over an array of writers would not have.
 */
export function eachSlot<S>(parts: readonly { readonly slot: string; readonly write: (sink: S, value: Value) => void }[]): (sink: S, row: Row) => void {
  const names = parts.map((_, i) => `w${i}`);
  const body = parts.map(({ slot }, i) => `w${i}(sink, row.${checked(slot)});`).join('\n');
  return new Function(...names, `return function (sink, row) {\n${body}\n};`)(...parts.map(({ write }) => write));
}

/** The counterpart: reads a value a part, in order, into its slot; a part without a slot is read and dropped. */
export function intoSlots<S>(parts: readonly { readonly slot: string | null; readonly read: (source: S) => Value }[]): (source: S, row: Row) => void {
  const names = parts.map((_, i) => `r${i}`);
  const body = parts.map(({ slot }, i) => `${slot === null ? '' : `row.${checked(slot)} = `}r${i}(source);`).join('\n');
  return new Function(...names, `return function (source, row) {\n${body}\n};`)(...parts.map(({ read }) => read));
}
