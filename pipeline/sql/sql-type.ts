import type { SqlKind, SqlType } from '@millrace/shared-schemas/types.ts';
import { type IntegerKind, integerBits, integerKinds } from './functions/value.ts';

/** Lowest and highest value of an integer type. */
export function integerRange(kind: IntegerKind): { readonly min: bigint; readonly max: bigint } {
  const half = 1n << BigInt(integerBits[kind] - 1);
  return { min: -half, max: half - 1n };
}

export function isInteger(type: { readonly kind: string }): type is { readonly kind: IntegerKind } {
  return (integerKinds as readonly string[]).includes(type.kind);
}

export function isNumeric(type: { readonly kind: string }): boolean {
  return isInteger(type) || type.kind === 'DECIMAL' || type.kind === 'FLOAT' || type.kind === 'DOUBLE';
}

export function decimal(width: number, scale: number): SqlType {
  return { kind: 'DECIMAL', width, scale };
}

export const maxDecimalWidth = 38;

/** Digits that a DECIMAL needs to hold an integer type; null for a type that is no exact number. */
export function decimalShape(type: {
  readonly kind: string;
  readonly width?: number;
  readonly scale?: number;
}): { readonly width: number; readonly scale: number } | null {
  switch (type.kind) {
    case 'NULL':
      return { width: 0, scale: 0 };
    case 'BOOLEAN':
      return { width: 1, scale: 0 };
    case 'TINYINT':
      return { width: 3, scale: 0 };
    case 'SMALLINT':
      return { width: 5, scale: 0 };
    case 'INTEGER':
      return { width: 10, scale: 0 };
    case 'BIGINT':
      return { width: 19, scale: 0 };
    case 'HUGEINT':
      return { width: 38, scale: 0 };
    case 'DECIMAL':
      return { width: type.width as number, scale: type.scale as number };
    default:
      return null;
  }
}

/** The integer DuckDB keeps a DECIMAL of this width in: some casts are left out where both sides share it. */
export function decimalStorage(width: number): 16 | 32 | 64 | 128 {
  return width <= 4 ? 16 : width <= 9 ? 32 : width <= 18 ? 64 : 128;
}

/** Bits of the integer DuckDB keeps an exact number in. */
export function storageBits(type: SqlType): number {
  if (type.kind === 'DECIMAL') return decimalStorage(type.width);
  return isInteger(type) ? integerBits[type.kind] : 0;
}

function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A type as SQL, such as `DECIMAL(18,2)` or `STRUCT("a" INTEGER)[]`. */
export function typeSql(type: SqlType): string {
  switch (type.kind) {
    case 'DECIMAL':
      return `DECIMAL(${type.width},${type.scale})`;
    case 'LIST':
      return `${typeSql(type.of)}[]`;
    case 'STRUCT':
      return `STRUCT(${type.fields.map((field) => `${quotedName(field.name)} ${typeSql(field.type)}`).join(', ')})`;
    case 'MAP':
      return `MAP(VARCHAR, ${typeSql(type.of)})`;
    default:
      return type.kind;
  }
}

export function sameType(a: SqlType, b: SqlType): boolean {
  if (a.kind !== b.kind) return false;
  switch (a.kind) {
    case 'DECIMAL': {
      const other = b as typeof a;
      return a.width === other.width && a.scale === other.scale;
    }
    case 'LIST':
    case 'MAP':
      return sameType(a.of, (b as typeof a).of);
    case 'STRUCT': {
      const fields = (b as typeof a).fields;
      return a.fields.length === fields.length && a.fields.every((field, i) => field.name === fields[i].name && sameType(field.type, fields[i].type));
    }
    default:
      return true;
  }
}

const plainKinds: Readonly<Record<SqlKind, true>> = {
  BOOLEAN: true,
  TINYINT: true,
  SMALLINT: true,
  INTEGER: true,
  BIGINT: true,
  HUGEINT: true,
  FLOAT: true,
  DOUBLE: true,
  VARCHAR: true,
  BLOB: true,
  DATE: true,
  TIMESTAMP: true,
};

export function isPlainKind(name: string): name is SqlKind {
  return Object.hasOwn(plainKinds, name);
}
