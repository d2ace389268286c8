import type { SqlType } from '../types.ts';

/**
 * An Avro schema with its names resolved and its logical types decided: what readers and writers are compiled from.
 * `nullAt` is the index of null in the union `[null, X]` or `[X, null]` that the node stands for, −1 for X alone.
 */
export type AvroNode = { readonly nullAt: -1 | 0 | 1 } & (
  | { readonly kind: PlainKind }
  | { readonly kind: 'fixed'; readonly name: string; readonly size: number }
  /** `size` bytes of a fixed, or null for bytes; scale 0 and precision 39 is HUGEINT */
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number; readonly size: number | null }
  | { readonly kind: 'enum'; readonly name: string; readonly symbols: readonly string[]; readonly fallback: string | null }
  | { readonly kind: 'array'; readonly items: AvroNode }
  | { readonly kind: 'map'; readonly values: AvroNode }
  | RecordNode
);

type PlainKind = 'boolean' | 'int' | 'long' | 'float' | 'double' | 'string' | 'bytes' | 'date' | 'timestamp-millis' | 'timestamp-micros';

export interface RecordNode {
  readonly kind: 'record';
  readonly nullAt: -1 | 0 | 1;
  readonly name: string;
  readonly fields: readonly AvroField[];
}

export interface AvroField {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly node: AvroNode;
  /** as the schema's JSON has it; undefined when there is none */
  readonly defaultJson: unknown;
}

const KINDS: Readonly<Record<PlainKind | 'enum' | 'fixed', SqlType>> = {
  boolean: { kind: 'BOOLEAN' },
  int: { kind: 'INTEGER' },
  long: { kind: 'BIGINT' },
  float: { kind: 'FLOAT' },
  double: { kind: 'DOUBLE' },
  string: { kind: 'VARCHAR' },
  enum: { kind: 'VARCHAR' },
  bytes: { kind: 'BLOB' },
  fixed: { kind: 'BLOB' },
  date: { kind: 'DATE' },
  'timestamp-millis': { kind: 'TIMESTAMP' },
  'timestamp-micros': { kind: 'TIMESTAMP' },
};

/** The SQL type in which values of the node are held. */
export function sqlTypeOf(node: AvroNode): SqlType {
  switch (node.kind) {
    case 'decimal':
      return node.precision > 38 ? { kind: 'HUGEINT' } : { kind: 'DECIMAL', width: node.precision, scale: node.scale };
    case 'array':
      return { kind: 'LIST', of: sqlTypeOf(node.items) };
    case 'map':
      return { kind: 'MAP', of: sqlTypeOf(node.values) };
    case 'record':
      return { kind: 'STRUCT', fields: node.fields.map(({ name, node: field }) => ({ name, type: sqlTypeOf(field) })) };
    default:
      return KINDS[node.kind];
  }
}

/** A SQL type as people write it, for messages. */
export function typeText(type: SqlType): string {
  switch (type.kind) {
    case 'DECIMAL':
      return `DECIMAL(${type.width},${type.scale})`;
    case 'LIST':
      return `${typeText(type.of)}[]`;
    case 'MAP':
      return `MAP(VARCHAR, ${typeText(type.of)})`;
    case 'STRUCT':
      return `STRUCT(${type.fields.map((field) => `${field.name} ${typeText(field.type)}`).join(', ')})`;
    default:
      return type.kind;
  }
}
