import type { Value } from '../types.ts';
import { type Exact, times } from './exact.ts';
import type { AvroField, AvroNode } from './node.ts';
import { fromTwos } from './twos.ts';

/** The value a schema gives an absent field, or undefined when it has none. One object for all records: values are never changed. */
export function defaultOf(field: AvroField): Value | undefined {
  return field.defaultJson === undefined ? undefined : value(field.node, field.defaultJson);
}

/** Avro's JSON of a default: bytes, fixed and decimals are strings of code points 0 to 255, numbers are of the underlying type. */
function value(node: AvroNode, json: unknown): Value {
  if (json === null) return null;
  switch (node.kind) {
    case 'boolean':
    case 'string':
    case 'enum':
    case 'double':
      return json as Value;
    case 'float':
      return Math.fround(json as number);
    case 'int':
    case 'long':
    case 'date':
    case 'timestamp-micros':
      return (json as number) + 0;
    case 'timestamp-millis':
      return times(json as Exact, 1000);
    case 'bytes':
    case 'fixed':
      return new Uint8Array(Buffer.from(json as string, 'latin1'));
    case 'decimal':
      return fromTwos(Buffer.from(json as string, 'latin1'));
    case 'array':
      return (json as unknown[]).map((item) => value(node.items, item));
    case 'map':
      return new Map(Object.entries(json as object).map(([key, item]) => [key, value(node.values, item)]));
    case 'record': {
      const given = json as Record<string, unknown>;
      const struct: { [name: string]: Value } = {};
      for (const field of node.fields)
        struct[field.name] = Object.hasOwn(given, field.name) ? value(field.node, given[field.name]) : (defaultOf(field) ?? null);
      return struct;
    }
  }
}
