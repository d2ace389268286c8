import { dateText } from '../codec/civil.ts';
import { decimalText, type Exact, millisOf } from '../codec/exact.ts';
import type { AvroNode } from '../codec/node.ts';
import type { SqlType, Value } from '../types.ts';

/**
 * How a value looks in JSON. Without a schema: TIMESTAMP as epoch ms, BLOB as base64. Under an Avro schema: what a reader of
 * JSON with that schema takes, so timestamp-micros as epoch µs and bytes as Avro's string of code points 0 to 255.
 */
export type JsonForm =
  | { readonly kind: 'boolean' | 'integer' | 'double' | 'string' | 'base64' | 'latin1' | 'date' | 'millis' }
  | { readonly kind: 'decimal'; readonly scale: number }
  | { readonly kind: 'list'; readonly of: JsonForm }
  | { readonly kind: 'map'; readonly of: JsonForm }
  | { readonly kind: 'struct'; readonly fields: readonly { readonly name: string; readonly form: JsonForm }[] };

export function formOfType(type: SqlType): JsonForm {
  switch (type.kind) {
    case 'BOOLEAN':
      return { kind: 'boolean' };
    case 'FLOAT':
    case 'DOUBLE':
      return { kind: 'double' };
    case 'VARCHAR':
      return { kind: 'string' };
    case 'BLOB':
      return { kind: 'base64' };
    case 'DATE':
      return { kind: 'date' };
    case 'TIMESTAMP':
      return { kind: 'millis' };
    case 'DECIMAL':
      return { kind: 'decimal', scale: type.scale };
    case 'LIST':
      return { kind: 'list', of: formOfType(type.of) };
    case 'MAP':
      return { kind: 'map', of: formOfType(type.of) };
    case 'STRUCT':
      return { kind: 'struct', fields: type.fields.map((field) => ({ name: field.name, form: formOfType(field.type) })) };
    default:
      return { kind: 'integer' };
  }
}

export function formOfNode(node: AvroNode): JsonForm {
  switch (node.kind) {
    case 'boolean':
    case 'date':
      return { kind: node.kind };
    case 'int':
    case 'long':
    case 'timestamp-micros':
      return { kind: 'integer' };
    case 'timestamp-millis':
      return { kind: 'millis' };
    case 'float':
    case 'double':
      return { kind: 'double' };
    case 'string':
    case 'enum':
      return { kind: 'string' };
    case 'bytes':
    case 'fixed':
      return { kind: 'latin1' };
    case 'decimal':
      return { kind: 'decimal', scale: node.scale };
    case 'array':
      return { kind: 'list', of: formOfNode(node.items) };
    case 'map':
      return { kind: 'map', of: formOfNode(node.values) };
    case 'record':
      return { kind: 'struct', fields: node.fields.map((field) => ({ name: field.name, form: formOfNode(field.node) })) };
  }
}

/** JSON has no NaN and no infinities: they are strings. −0 stays. */
export function doubleText(value: number): string {
  if (Number.isFinite(value)) return Object.is(value, -0) ? '-0' : String(value);
  return `"${value}"`;
}

/** Compact JSON of one value; null for NULL. */
export function jsonText(value: Value, form: JsonForm): string {
  if (value === null) return 'null';
  switch (form.kind) {
    case 'boolean':
    case 'integer':
      return String(value);
    case 'double':
      return doubleText(value as number);
    case 'string':
      return JSON.stringify(value);
    case 'base64':
      return `"${Buffer.from(value as Uint8Array).toString('base64')}"`;
    case 'latin1':
      return JSON.stringify(Buffer.from(value as Uint8Array).toString('latin1'));
    case 'date':
      return `"${dateText(value as number)}"`;
    case 'millis':
      return String(millisOf(value as Exact));
    case 'decimal':
      return decimalText(value as Exact, form.scale);
    case 'list':
      return `[${(value as readonly Value[]).map((item) => jsonText(item, form.of)).join()}]`;
    case 'map':
      return `{${Array.from(value as ReadonlyMap<string, Value>, ([key, item]) => `${JSON.stringify(key)}:${jsonText(item, form.of)}`).join()}}`;
    case 'struct': {
      const struct = value as { readonly [name: string]: Value };
      return `{${form.fields.map((field) => `${JSON.stringify(field.name)}:${jsonText(struct[field.name], field.form)}`).join()}}`;
    }
  }
}
