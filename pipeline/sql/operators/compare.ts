import type { SqlType, Value } from '@millrace/shared-schemas/types.ts';

/** Order and equality of values of one type, neither of them NULL, as DuckDB has them. */

/** By code point, which is the order of the UTF-8 bytes. UTF-16 units differ from it only above U+D7FF. */
function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    let x = a.charCodeAt(i);
    let y = b.charCodeAt(i);
    if (x === y) continue;
    if (x >= 0xd800 && y >= 0xd800) {
      // surrogates stand for code points above all other units
      x = x >= 0xe000 ? x - 0x800 : x + 0x2000;
      y = y >= 0xe000 ? y - 0x800 : y + 0x2000;
    }
    return x - y;
  }
  return a.length - b.length;
}

/** NaN equals itself and comes after everything else; both zeros are one. */
function compareFloating(a: number, b: number): number {
  if (a < b) return -1;
  if (a > b) return 1;
  if (a === b) return 0;
  return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
}

function compareExact(a: number | bigint, b: number | bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export type Compare = (a: Value, b: Value) => number;

export function comparerOf(type: SqlType): Compare {
  switch (type.kind) {
    case 'VARCHAR':
      return compareText as unknown as Compare;
    case 'FLOAT':
    case 'DOUBLE':
      return compareFloating as unknown as Compare;
    case 'BLOB':
    case 'LIST':
    case 'STRUCT':
    case 'MAP':
      throw new Error(`no order of ${type.kind}`);
    default:
      // booleans too: false < true
      return compareExact as unknown as Compare;
  }
}

/** Equality that is quicker than an order. */
export function equalOf(type: SqlType): (a: Value, b: Value) => boolean {
  if (type.kind === 'FLOAT' || type.kind === 'DOUBLE') return (a, b) => a === b || (Number.isNaN(a) && Number.isNaN(b));
  return (a, b) => a === b;
}
