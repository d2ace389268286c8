import type { SqlType, Value } from '@millrace/shared-schemas/types.ts';
import type { Expr } from './expr.ts';
import { exact } from './functions/value.ts';

type Literal = Expr & { readonly op: 'literal' };

/** A value as a literal of the tree. Scalars only. */
export function literalOf(value: Value, type: SqlType): Literal {
  if (value === null) return { op: 'literal', text: null, type };
  return { op: 'literal', text: Object.is(value, -0) ? '-0' : String(value), type };
}

/** The value of a literal of the tree, in the form rows hold. */
export function literalValue(literal: Literal): Value {
  const { text, type } = literal;
  if (text === null) return null;
  switch (type.kind) {
    case 'BOOLEAN':
      return text === 'true';
    case 'VARCHAR':
      return text;
    case 'FLOAT':
      return Math.fround(Number(text));
    case 'DOUBLE':
      return Number(text);
    case 'BLOB':
    case 'LIST':
    case 'STRUCT':
    case 'MAP':
      throw new Error(`no literal of type ${type.kind}`);
    default:
      return exact(BigInt(text));
  }
}
