import { MillraceError } from '@millrace/runtime/errors.ts';
import type { AvroField, AvroNode, RecordNode } from './node.ts';

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const PRIMITIVES = ['boolean', 'int', 'long', 'float', 'double', 'string', 'bytes'] as const;

type Json = { readonly [key: string]: unknown };

interface Scope {
  /** by full name; 'open' while its own definition is being read */
  readonly names: Map<string, AvroNode | 'open'>;
  readonly namespace: string;
}

function invalid(path: string, what: string): MillraceError {
  return new MillraceError('schema_invalid', path === '' ? what : `${path}: ${what}`);
}

/** Resolves a schema's JSON to nodes, with an error that names the place. Unknown logical types (uuid and time-* too) stand for what they are made of, as Avro says. */
export function buildRecord(json: unknown): RecordNode {
  const node = build(json, '', { names: new Map(), namespace: '' });
  if (node.kind !== 'record' || node.nullAt >= 0) throw invalid('', `a record is expected, this is ${node.kind}`);
  return node;
}

function build(json: unknown, path: string, scope: Scope): AvroNode {
  if (Array.isArray(json)) return union(json, path, scope);
  if (typeof json === 'string') return reference(json, path, scope);
  if (typeof json !== 'object' || json === null) throw invalid(path, `a type is expected, not ${JSON.stringify(json) ?? 'nothing'}`);
  const schema = json as Json;
  switch (schema.type) {
    case 'record':
      return record(schema, path, scope);
    case 'enum': {
      const { symbols } = schema;
      if (!Array.isArray(symbols) || symbols.length === 0 || !symbols.every((symbol) => typeof symbol === 'string'))
        throw invalid(path, 'an enum needs a list of symbols');
      const fallback = typeof schema.default === 'string' ? schema.default : null;
      return define(schema, path, scope, (name) => ({ nullAt: -1, kind: 'enum', name, symbols, fallback }));
    }
    case 'fixed': {
      const size = schema.size;
      if (typeof size !== 'number' || !Number.isInteger(size) || size < 0) throw invalid(path, 'a fixed needs a size');
      return define(schema, path, scope, (name) =>
        schema.logicalType === 'decimal' ? decimal(schema, path, size) : { nullAt: -1, kind: 'fixed', name, size },
      );
    }
    case 'array':
      return { nullAt: -1, kind: 'array', items: build(schema.items, `${path}[]`, scope) };
    case 'map':
      return { nullAt: -1, kind: 'map', values: build(schema.values, `${path}[]`, scope) };
    default:
      return logical(schema, build(schema.type, path, scope), path);
  }
}

function logical(schema: Json, node: AvroNode, path: string): AvroNode {
  const { nullAt } = node;
  switch (schema.logicalType) {
    case 'date':
      return node.kind === 'int' ? { nullAt, kind: 'date' } : node;
    case 'timestamp-millis':
    case 'timestamp-micros':
      return node.kind === 'long' ? { nullAt, kind: schema.logicalType } : node;
    case 'decimal':
      return node.kind === 'bytes' ? decimal(schema, path, null) : node;
    default:
      return node;
  }
}

function decimal(schema: Json, path: string, size: number | null): AvroNode {
  const { precision, scale = 0 } = schema;
  const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isInteger(value) && value >= 0;
  if (!isCount(precision) || precision === 0) throw invalid(path, 'a decimal needs a precision above 0');
  if (!isCount(scale) || scale > precision) throw invalid(path, 'a decimal needs a scale from 0 to its precision');
  if (precision > 39 || (precision === 39 && scale > 0)) throw invalid(path, `a decimal of ${precision} digits: at most 38 can be held`);
  return { nullAt: -1, kind: 'decimal', precision, scale, size };
}

function union(branches: readonly unknown[], path: string, scope: Scope): AvroNode {
  const nullAt = branches.indexOf('null');
  const only = branches.length === 2 && nullAt >= 0 ? branches[1 - nullAt] : 'null';
  if (only === 'null') {
    const shown = JSON.stringify(branches);
    throw new MillraceError(
      'union_unsupported',
      `${path}: only unions of null and one other type are read, this is ${shown.length > 100 ? `${shown.slice(0, 100)}…` : shown}`,
    );
  }
  const node = build(only, path, scope);
  if (node.nullAt >= 0) throw invalid(path, 'a union directly inside a union');
  return { ...node, nullAt: nullAt as 0 | 1 };
}

function reference(name: string, path: string, scope: Scope): AvroNode {
  for (const kind of PRIMITIVES) if (name === kind) return { nullAt: -1, kind };
  const found = scope.names.get(fullName(name, scope.namespace)) ?? scope.names.get(name);
  if (found === 'open') throw invalid(path, `${name} contains itself, and recursive types have no columns`);
  if (found === undefined) throw invalid(path, name === 'null' ? 'null alone is no type of a column' : `no type is named ${name}`);
  return found;
}

function fullName(name: string, namespace: string): string {
  return name.includes('.') || namespace === '' ? name : `${namespace}.${name}`;
}

function define<N extends AvroNode>(schema: Json, path: string, scope: Scope, make: (name: string, inner: Scope) => N): N {
  const { name } = schema;
  if (typeof name !== 'string' || !name.split('.').every((part) => NAME.test(part)))
    throw invalid(path, `${String(schema.type)} needs a name of letters, digits and _, not ${JSON.stringify(name) ?? 'none'}`);
  const own = typeof schema.namespace === 'string' ? schema.namespace : scope.namespace;
  const full = fullName(name, own);
  if (scope.names.has(full)) throw invalid(path, `a second type is named ${full}`);
  scope.names.set(full, 'open');
  const dot = full.lastIndexOf('.');
  const node = make(full, { names: scope.names, namespace: dot < 0 ? '' : full.slice(0, dot) });
  scope.names.set(full, node);
  return node;
}

function record(schema: Json, path: string, scope: Scope): RecordNode {
  const { fields } = schema;
  if (!Array.isArray(fields)) throw invalid(path, 'a record needs a list of fields');
  return define(schema, path, scope, (name, inner) => {
    const seen = new Set<string>();
    const field = (json: Json, i: number): AvroField => {
      const at = path === '' ? '' : `${path}.`;
      if (typeof json !== 'object' || json === null || typeof json.name !== 'string' || !NAME.test(json.name)) {
        throw invalid(`${at}fields[${i}]`, `a field needs a name of letters, digits and _, not ${JSON.stringify(json?.name) ?? 'none'}`);
      }
      const place = at + json.name;
      if (seen.has(json.name)) throw invalid(place, 'a second field of this name');
      if (json.name === '__proto__') throw invalid(place, 'this name is not allowed');
      seen.add(json.name);
      if (json.type === undefined) throw invalid(place, 'the field has no type');
      const aliases = Array.isArray(json.aliases) ? json.aliases.filter((alias) => typeof alias === 'string') : [];
      return { name: json.name, aliases, node: build(json.type, place, inner), defaultJson: json.default };
    };
    return { nullAt: -1, kind: 'record', name, fields: fields.map(field) };
  });
}
