import { slotGetter } from './row.ts';
import type { Column, Row, SqlType, Value } from './types.ts';

/** Puts a row's features into `into`, in the order of `columns`: numbers as doubles, TRUE as 1. False when one is NULL or not finite: the row has no score. */
export function featureReader(columns: readonly Pick<Column, 'slot' | 'type'>[]): (row: Row, into: Float64Array) => boolean {
  const parts = columns.map(({ slot, type }) => ({ get: slotGetter(slot), unit: unitOf(type) }));
  return (row, into) => {
    for (let i = 0; i < parts.length; i++) {
      const { get, unit } = parts[i];
      const value = get(row);
      const number = value === null ? Number.NaN : numberOf(value) / unit;
      if (!Number.isFinite(number)) return false;
      into[i] = number;
    }
    return true;
  };
}

function numberOf(value: Value): number {
  return typeof value === 'number' ? value : Number(value);
}

/** DECIMAL is held unscaled */
function unitOf(type: SqlType): number {
  return type.kind === 'DECIMAL' ? 10 ** type.scale : 1;
}
