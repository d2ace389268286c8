import type { SqlKind, SqlType } from '@millrace/shared-schemas/types.ts';
import { type IntegerKind, integerKinds } from './functions/value.ts';
import { decimal, decimalShape, integerRange, isInteger, isNumeric, maxDecimalWidth, sameType } from './sql-type.ts';

/**
 * A type while an expression is being bound. As in DuckDB, a bare constant is not yet of a type: `1` fits any number it can be,
 * `'x'` any type at all, and NULL everything.
 */
export type OpenType =
  | SqlType
  | { readonly kind: 'NULL' }
  | { readonly kind: 'STRING_LITERAL' }
  | { readonly kind: 'INTEGER_LITERAL'; readonly value: bigint; readonly of: IntegerKind };

/** The type a constant has when nothing asks for another. */
export function closed(type: OpenType): SqlType {
  switch (type.kind) {
    case 'NULL':
      return { kind: 'INTEGER' };
    case 'STRING_LITERAL':
      return { kind: 'VARCHAR' };
    case 'INTEGER_LITERAL':
      return { kind: type.of };
    default:
      return type;
  }
}

/** A bare constant's own type; other types, NULL too, as they are. */
function settled(type: OpenType): OpenType {
  return type.kind === 'NULL' ? type : closed(type);
}

/** What overloads of DuckDB's functions may ask for, unsigned integers and INTERVAL included: those make calls ambiguous. */
export type Wanted = SqlKind | 'DECIMAL' | 'LIST' | 'any' | 'UTINYINT' | 'USMALLINT' | 'UINTEGER' | 'UBIGINT' | 'UHUGEINT' | 'INTERVAL';

const unsigned: Readonly<Record<string, number>> = { UTINYINT: 8, USMALLINT: 16, UINTEGER: 32, UBIGINT: 64, UHUGEINT: 128 };

function targetCost(kind: string): number {
  switch (kind) {
    case 'BIGINT':
      return 101;
    case 'INTEGER':
      return 102;
    case 'HUGEINT':
      return 103;
    case 'DOUBLE':
      return 104;
    case 'DECIMAL':
      return 105;
    case 'TIMESTAMP':
      return 120;
    case 'VARCHAR':
      return 149;
    case 'any':
      return 5;
    case 'LIST':
    case 'STRUCT':
    case 'MAP':
      return 160;
    default:
      return 110;
  }
}

function literalFits(value: bigint, kind: string): boolean {
  if (kind === 'FLOAT' || kind === 'DOUBLE') return true;
  if (kind in unsigned) return value >= 0n && value < 1n << BigInt(unsigned[kind]);
  if (!isInteger({ kind })) return false;
  const range = integerRange(kind as IntegerKind);
  return value >= range.min && value <= range.max;
}

/**
 * What it costs to turn a value of one type into another without being asked, by DuckDB's rules; −1 when that is not done. The
 * cheapest overload wins; two of the same cost are ambiguous.
 */
export function implicitCost(from: OpenType, to: Wanted | OpenType['kind']): number {
  if (from.kind === 'NULL' || to === 'any') return targetCost(to);
  if (from.kind === 'STRING_LITERAL') {
    if (to === 'DECIMAL' || to === 'LIST' || to === 'STRUCT' || to === 'MAP') return -1;
    return to === 'VARCHAR' ? 1 : 20;
  }
  if (from.kind === 'INTEGER_LITERAL') {
    if (from.of === to) return 0;
    if (literalFits(from.value, to)) return targetCost(to) - 90;
    return implicitCost({ kind: from.of }, to);
  }
  if (from.kind === to) return 0;
  if (isInteger(from)) {
    const wider = isInteger({ kind: to }) && integerKinds.indexOf(to as IntegerKind) > integerKinds.indexOf(from.kind);
    return wider || to === 'FLOAT' || to === 'DOUBLE' || to === 'DECIMAL' ? targetCost(to) : -1;
  }
  if (from.kind === 'FLOAT') return to === 'DOUBLE' ? targetCost(to) : -1;
  if (from.kind === 'DECIMAL') return to === 'FLOAT' || to === 'DOUBLE' ? targetCost(to) : -1;
  if (from.kind === 'DATE') return to === 'TIMESTAMP' ? targetCost(to) : -1;
  return -1;
}

function grown(exact: OpenType, type: SqlType & { kind: 'DECIMAL' }): SqlType {
  const shape = decimalShape(closed(exact));
  if (shape === null || shape.width <= type.width - type.scale) return type;
  return decimal(Math.min(shape.width + type.scale, maxDecimalWidth), type.scale);
}

type Combine = (left: OpenType, right: OpenType) => OpenType | null;

function combineEqual(left: OpenType, right: OpenType, again: Combine): OpenType | null {
  switch (left.kind) {
    case 'STRING_LITERAL':
      return { kind: 'VARCHAR' };
    case 'INTEGER_LITERAL':
      return again({ kind: left.of }, { kind: (right as typeof left).of });
    case 'DECIMAL': {
      const other = right as typeof left;
      const whole = Math.max(left.width - left.scale, other.width - other.scale);
      const scale = Math.max(left.scale, other.scale);
      return whole + scale > maxDecimalWidth ? decimal(maxDecimalWidth, maxDecimalWidth - whole) : decimal(whole + scale, scale);
    }
    case 'LIST': {
      const of = again(left.of, (right as typeof left).of);
      return of === null ? null : { kind: 'LIST', of: closed(of) };
    }
    case 'STRUCT':
    case 'MAP':
      return sameType(left, right as SqlType) ? left : null;
    default:
      return left;
  }
}

function combineUnequal(left: OpenType, right: OpenType, again: Combine): OpenType | null {
  if (left.kind === 'NULL') return settled(right);
  if (right.kind === 'NULL') return settled(left);
  if (left.kind === 'STRING_LITERAL') return settled(right);
  if (right.kind === 'STRING_LITERAL') return settled(left);
  const there = implicitCost(left, right.kind);
  const back = implicitCost(right, left.kind);
  if (there >= 0 && (there < back || back < 0)) return right.kind === 'DECIMAL' ? grown(left, right) : right;
  if (back >= 0) return left.kind === 'DECIMAL' ? grown(right, left) : left;
  if (left.kind === 'INTEGER_LITERAL') return again({ kind: left.of }, right);
  if (right.kind === 'INTEGER_LITERAL') return again(left, { kind: right.of });
  if (left.kind === 'BOOLEAN' && isInteger(right)) return right;
  if (right.kind === 'BOOLEAN' && isInteger(left)) return left;
  return null;
}

function combine(left: OpenType, right: OpenType, again: Combine): OpenType | null {
  return left.kind === right.kind ? combineEqual(left, right, again) : combineUnequal(left, right, again);
}

/** The type that values of both take together in CASE, coalesce, greatest and least; null when there is none. */
export function commonType(left: OpenType, right: OpenType): OpenType | null {
  return combine(left, right, commonType);
}

const scores: Readonly<Record<string, number>> = {
  NULL: 0,
  STRING_LITERAL: 0,
  INTEGER_LITERAL: 0,
  BOOLEAN: 10,
  TINYINT: 12,
  SMALLINT: 14,
  INTEGER: 16,
  BIGINT: 18,
  HUGEINT: 20,
  DECIMAL: 21,
  FLOAT: 22,
  DOUBLE: 23,
  DATE: 52,
  TIMESTAMP: 55,
  VARCHAR: 77,
  BLOB: 101,
  STRUCT: 125,
  LIST: 126,
  MAP: 127,
};

function forcedType(left: OpenType, right: OpenType): OpenType {
  return combine(left, right, forcedType) ?? (scores[left.kind] < scores[right.kind] ? right : left);
}

function comparesAsItself(type: OpenType): boolean {
  return type.kind === 'BOOLEAN' || isNumeric(type) || type.kind === 'DATE' || type.kind === 'TIMESTAMP' || type.kind === 'INTEGER_LITERAL';
}

/** The type that two values are compared as; null when DuckDB asks for a cast. Equality unites more than order does. */
export function comparisonType(left: OpenType, right: OpenType, equality: boolean): OpenType | null {
  const type = equality ? forcedType(left, right) : commonType(left, right);
  if (type === null) return null;
  if (type.kind === 'DECIMAL') {
    const a = decimalShape(settled(left));
    const b = decimalShape(settled(right));
    if (a === null || b === null) return type;
    const scale = Math.max(a.scale, b.scale);
    const width = Math.max(scale + Math.max(a.width - a.scale, b.width - b.scale), a.width, b.width);
    return decimal(Math.min(width, maxDecimalWidth), scale);
  }
  if (type.kind === 'VARCHAR') {
    if (left.kind !== 'VARCHAR' && comparesAsItself(left)) return settled(left);
    if (right.kind !== 'VARCHAR' && comparesAsItself(right)) return settled(right);
  }
  return type;
}
