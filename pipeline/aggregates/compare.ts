import type { SqlType, Value } from '@millrace/shared-schemas/types.ts';
import { type Compare, comparerOf } from '../sql/operators/compare.ts';

/** The order of a type in DuckDB, of nested types too: inside lists and structs NULL is last. */
export function comparator(type: SqlType): Compare {
  switch (type.kind) {
    case 'BLOB':
      return (a, b) => Buffer.compare(a as Uint8Array, b as Uint8Array);
    case 'LIST':
      return lists(nullsLast(comparator(type.of)));
    case 'STRUCT':
      return structs(type.fields.map((field) => ({ name: field.name, compare: nullsLast(comparator(field.type)) })));
    default:
      return comparerOf(type);
  }
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
