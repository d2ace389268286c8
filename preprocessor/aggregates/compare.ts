import { compareUtf8 } from '@millrace/shared-schemas/keys.ts';
import type { SqlType, Value } from '@millrace/shared-schemas/types.ts';

/** Negative, 0 or positive as a sorts before, with or behind b; neither is NULL. */
export type Compare = (a: Value, b: Value) => number;

/** The order of a type in DuckDB: NaN behind all numbers, text by its UTF-8 bytes, and inside lists and structs NULL last. */
export function comparator(type: SqlType): Compare {
  switch (type.kind) {
    case 'VARCHAR':
      return (a, b) => compareUtf8(a as string, b as string);
    case 'FLOAT':
    case 'DOUBLE':
      return (a, b) => compareDoubles(a as number, b as number);
    case 'BLOB':
      return (a, b) => Buffer.compare(a as Uint8Array, b as Uint8Array);
    case 'LIST':
      return lists(nullsLast(comparator(type.of)));
    case 'STRUCT':
      return structs(type.fields.map((field) => ({ name: field.name, compare: nullsLast(comparator(field.type)) })));
    case 'MAP':
      throw new Error('maps have no order');
    default:
      // booleans, and integers in either form
      return (a, b) => ((a as number) < (b as number) ? -1 : (a as number) > (b as number) ? 1 : 0);
  }
}

function compareDoubles(a: number, b: number): number {
  if (a < b) return -1;
  if (a > b) return 1;
  if (a === b) return 0;
  return (Number.isNaN(a) ? 1 : 0) - (Number.isNaN(b) ? 1 : 0);
}

function nullsLast(compare: Compare): Compare {
  return (a, b) => {
    if (a === null || b === null) return (a === null ? 1 : 0) - (b === null ? 1 : 0);
    return compare(a, b);
  };
}

function lists(compare: Compare): Compare {
  return (a, b) => {
    const left = a as readonly Value[];
    const right = b as readonly Value[];
    for (let i = 0; i < left.length && i < right.length; i++) {
      const order = compare(left[i], right[i]);
      if (order !== 0) return order;
    }
    return left.length - right.length;
  };
}

function structs(fields: readonly { readonly name: string; readonly compare: Compare }[]): Compare {
  return (a, b) => {
    const left = a as { readonly [field: string]: Value };
    const right = b as { readonly [field: string]: Value };
    for (const { name, compare } of fields) {
      const order = compare(left[name], right[name]);
      if (order !== 0) return order;
    }
    return 0;
  };
}
