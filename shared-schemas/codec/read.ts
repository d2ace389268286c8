import type { Value } from '../types.ts';
import { BadRecord } from './bad.ts';
import { defaultOf } from './defaults.ts';
import { type Exact, INT_MAX, INT_MIN, within } from './exact.ts';
import type { AvroNode, RecordNode } from './node.ts';
import type { Source } from './source.ts';
import { fromTwos } from './twos.ts';
import { microsOfMillis } from './write.ts';

export type Read = (source: Source) => Value;

/** Reads what was written under `from` as what `to` holds, by Avro's rules of schema resolution. Throws {@link BadRecord} when they cannot be resolved. */
function reader(from: AvroNode, to: AvroNode, path: string): Read {
  const read = plain(from, to, path);
  const { nullAt } = from;
  if (nullAt < 0) return read;
  const nullable = to.nullAt >= 0;
  return (source) => {
    const branch = source.count();
    if (branch !== 0 && branch !== 1) throw new BadRecord('undecodable', `${path}: no branch ${branch} in its union`);
    if (branch !== nullAt) return read(source);
    if (!nullable) throw new BadRecord('schema_mismatch', `${path} is null, which the schema does not allow`);
    return null;
  };
}

function plain(from: AvroNode, to: AvroNode, path: string): Read {
  if (from.kind !== to.kind) return promoted(from, to, path);
  switch (from.kind) {
    case 'boolean':
      return (source) => {
        const byte = source.byte();
        if (byte > 1) throw new BadRecord('undecodable', `${path}: ${byte} is no boolean`);
        return byte === 1;
      };
    case 'int':
    case 'date':
      return (source) => int(source, path);
    case 'long':
    case 'timestamp-micros':
      return (source) => source.long();
    case 'timestamp-millis':
      return (source) => {
        const micros = microsOfMillis(source.long());
        if (micros === null) throw new BadRecord('schema_mismatch', `${path}: the time is beyond what a timestamp holds`);
        return micros;
      };
    case 'float':
      return (source) => source.float();
    case 'double':
      return (source) => source.double();
    case 'string':
      return (source) => source.string();
    case 'bytes':
      return (source) => source.bytes();
    case 'fixed': {
      const { size } = from;
      if (size !== (to as { size: number }).size) throw unresolved(from, to, path);
      return (source) => source.raw(size);
    }
    case 'decimal':
      return decimal(from, to as AvroNode & { kind: 'decimal' }, path);
    case 'enum':
      return symbol(from, to as AvroNode & { kind: 'enum' }, path);
    case 'array':
      return list(from.items, reader(from.items, (to as typeof from).items, `${path}[]`), path);
    case 'map':
      return map(from.values, reader(from.values, (to as typeof from).values, `${path}[]`), path);
    case 'record':
      return struct(from, to as RecordNode, path);
  }
}

function int(source: Source, path: string): number {
  const value = source.long();
  if (!within(value, INT_MIN, INT_MAX)) throw new BadRecord('undecodable', `${path}: ${value} is beyond int`);
  return value as number;
}

function unresolved(from: AvroNode, to: AvroNode, path: string): BadRecord {
  return new BadRecord('schema_mismatch', `${path} was written as ${from.kind} and cannot be read as ${to.kind}`);
}

/** Avro's promotions, and those between a logical type and the one it is made of. */
function promoted(from: AvroNode, to: AvroNode, path: string): Read {
  const read = plain(from, from, path);
  switch (`${from.kind}>${to.kind}`) {
    case 'int>long':
    case 'int>double':
    case 'float>double':
    case 'int>date':
    case 'date>int':
    case 'date>long':
    case 'long>timestamp-micros':
    case 'timestamp-micros>long':
    case 'timestamp-micros>timestamp-millis':
    case 'timestamp-millis>timestamp-micros':
      return read;
    case 'int>float':
    case 'long>float':
      return (source) => Math.fround(Number(read(source)));
    case 'long>double':
      return (source) => Number(read(source));
    case 'long>timestamp-millis':
      return plain(to, to, path);
    case 'timestamp-millis>long':
      return (source) => source.long();
    case 'string>bytes':
      return (source) => source.bytes();
    case 'bytes>string':
      return (source) => source.string();
    default:
      throw unresolved(from, to, path);
  }
}

function decimal(from: AvroNode & { kind: 'decimal' }, to: AvroNode & { kind: 'decimal' }, path: string): Read {
  if (from.scale !== to.scale || from.precision > to.precision) throw unresolved(from, to, path);
  const { size, precision, scale } = from;
  // 39 digits are how HUGEINT is written, whose own bounds are tighter
  const high = precision > 38 ? 2n ** 127n - 1n : 10n ** BigInt(precision) - 1n;
  const low = precision > 38 ? -high - 1n : -high;
  return (source) => {
    const value: Exact = fromTwos(size === null ? source.bytes() : source.raw(size));
    if (!within(value, low, high)) throw new BadRecord('undecodable', `${path}: the value is beyond DECIMAL(${precision},${scale})`);
    return value;
  };
}

function symbol(from: AvroNode & { kind: 'enum' }, to: AvroNode & { kind: 'enum' }, path: string): Read {
  const values = from.symbols.map((name) => (to.symbols.includes(name) ? name : to.fallback));
  return (source) => {
    const index = source.count();
    const value = values[index];
    if (value === undefined) throw new BadRecord('undecodable', `${path}: no symbol ${index} in its enum`);
    if (value === null) throw new BadRecord('schema_mismatch', `${path}: ${from.symbols[index]} is no symbol of ${to.name}`);
    return value;
  };
}

/** The fewest bytes a value can take, so that a count of items can be checked before any is made. */
function leastSize(node: AvroNode): number {
  if (node.nullAt >= 0) return 1;
  if (node.kind === 'fixed') return node.size;
  if (node.kind === 'decimal') return node.size ?? 1;
  if (node.kind === 'record') return node.fields.reduce((sum, field) => sum + leastSize(field.node), 0);
  return node.kind === 'float' ? 4 : node.kind === 'double' ? 8 : 1;
}

const MOST_EMPTY_ITEMS = 100_000;

/** Calls `item` for each entry of an array's or a map's blocks. */
function blocks(source: Source, least: number, path: string, item: () => void): void {
  let total = 0;
  for (;;) {
    let count = source.count();
    if (count === 0) return;
    if (count < 0) {
      count = -count;
      source.count();
    }
    total += count;
    if (least > 0 ? count > (source.end - source.pos) / least : total > MOST_EMPTY_ITEMS)
      throw new BadRecord('undecodable', `${path}: ${count} items in ${source.end - source.pos} bytes`);
    for (let i = 0; i < count; i++) item();
  }
}

function list(node: AvroNode, read: Read, path: string): Read {
  const least = leastSize(node);
  return (source) => {
    const result: Value[] = [];
    blocks(source, least, path, () => result.push(read(source)));
    return result;
  };
}

function map(node: AvroNode, read: Read, path: string): Read {
  const least = leastSize(node) + 1;
  return (source) => {
    const result = new Map<string, Value>();
    blocks(source, least, path, () => {
      const key = source.string();
      result.set(key, read(source));
    });
    return result;
  };
}

/** A reader per written field, then one per field that only the reader's schema has: its default. `field` null: read and dropped. */
function fields(from: RecordNode, to: RecordNode, path = ''): { field: string | null; read: Read }[] {
  const at = path === '' ? '' : `${path}.`;
  const taken = new Set<string>();
  const parts = from.fields.map((written) => {
    const field = to.fields.find((candidate) => candidate.name === written.name) ?? to.fields.find((candidate) => candidate.aliases.includes(written.name));
    if (field === undefined || taken.has(field.name)) return { field: null, read: reader(written.node, written.node, at + written.name) };
    taken.add(field.name);
    return { field: field.name, read: reader(written.node, field.node, at + field.name) };
  });
  for (const field of to.fields) {
    if (taken.has(field.name)) continue;
    const value = defaultOf(field);
    if (value === undefined) throw new BadRecord('schema_mismatch', `${at}${field.name} is not in the schema the record was written with, and has no default`);
    parts.push({ field: field.name, read: () => value });
  }
  return parts;
}

function struct(from: RecordNode, to: RecordNode, path: string): Read {
  const parts = fields(from, to, path);
  const order = to.fields.map(({ name }) => name);
  return (source) => {
    const result: { [name: string]: Value } = {};
    for (const name of order) result[name] = null;
    for (const { field, read } of parts) {
      const value = read(source);
      if (field !== null) result[field] = value;
    }
    return result;
  };
}

export const resolvingReader = { reader, fields };
