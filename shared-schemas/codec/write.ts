import type { TextSpan } from '../text-span.ts';
import { FlawError, type Value } from '../types.ts';
import { type Exact, millisOf, times } from './exact.ts';
import type { AvroNode } from './node.ts';
import type { Sink } from './sink.ts';
import { toTwos } from './twos.ts';

export type Writer = (sink: Sink, value: Value) => void;

/** Writes values that are already what the node holds (`convert.ts` sees to that), in the forms of `types.ts`. */
export function writer(node: AvroNode, path: string): Writer {
  const write = plain(node, path);
  if (node.nullAt < 0) {
    return (sink, value) => {
      if (value === null) throw new FlawError('value_out_of_range', `${path} is NULL, which its schema does not allow`);
      write(sink, value);
    };
  }
  const none = node.nullAt * 2;
  const some = 2 - none;
  return (sink, value) => {
    if (value === null) sink.byte(none);
    else {
      sink.byte(some);
      write(sink, value);
    }
  };
}

function plain(node: AvroNode, path: string): Writer {
  switch (node.kind) {
    case 'boolean':
      return (sink, value) => sink.byte(value === true ? 1 : 0);
    case 'int':
    case 'date':
      return (sink, value) => sink.int(value as number);
    case 'long':
    case 'timestamp-micros':
      return (sink, value) => sink.long(value as Exact);
    case 'timestamp-millis':
      return (sink, value) => sink.long(millisOf(value as Exact));
    case 'float':
      return (sink, value) => sink.float(value as number);
    case 'double':
      return (sink, value) => sink.double(value as number);
    case 'string':
      return (sink, value) => {
        if (typeof value === 'string') sink.string(value);
        else sink.span(value as unknown as TextSpan);
      };
    case 'bytes':
      return (sink, value) => sink.bytes(value as Uint8Array);
    case 'fixed':
      return (sink, value) => sink.raw(value as Uint8Array);
    case 'enum': {
      const index = new Map(node.symbols.map((symbol, i) => [symbol, i]));
      return (sink, value) => sink.int(index.get(value as string) as number);
    }
    case 'decimal': {
      const { size } = node;
      return (sink, value) => {
        const bytes = toTwos(value as Exact, size);
        if (bytes === null) throw new FlawError('value_out_of_range', `${path}: ${value} needs more than ${size} bytes`);
        if (size === null) sink.bytes(bytes);
        else sink.raw(bytes);
      };
    }
    case 'array': {
      const item = writer(node.items, `${path}[]`);
      return (sink, value) => {
        const list = value as readonly Value[];
        if (list.length > 0) {
          sink.int(list.length);
          for (const element of list) item(sink, element);
        }
        sink.byte(0);
      };
    }
    case 'map': {
      const item = writer(node.values, `${path}[]`);
      return (sink, value) => {
        const map = value as ReadonlyMap<string, Value>;
        if (map.size > 0) {
          sink.int(map.size);
          for (const [key, element] of map) {
            sink.string(key);
            item(sink, element);
          }
        }
        sink.byte(0);
      };
    }
    case 'record': {
      const fields = node.fields.map((field) => ({ name: field.name, write: writer(field.node, `${path}.${field.name}`) }));
      return (sink, value) => {
        const struct = value as { readonly [name: string]: Value };
        for (const { name, write } of fields) write(sink, struct[name]);
      };
    }
  }
}

/** Microseconds of a timestamp-millis; null outside 64 bits. */
export function microsOfMillis(millis: Exact): Exact | null {
  const micros = times(millis, 1000);
  return typeof micros === 'bigint' && BigInt.asIntN(64, micros) !== micros ? null : micros;
}
