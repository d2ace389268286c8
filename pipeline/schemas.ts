import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { MillraceError } from '@millrace/runtime/errors.ts';
import { columnsOf, type ParsedSchema, parseSchema } from '@millrace/shared-schemas/avro.ts';
import { isSlot } from '@millrace/shared-schemas/row.ts';
import { decodeUtf8, whyUnreadable } from './files.ts';
import type { Report } from './report.ts';
import { entryOf, headOf, type MapNode, type Node, toData } from './yaml/node.ts';

/** A schema of the file's `schemas`; null when a finding says why it cannot be used. */
export type Schemas = ReadonlyMap<string, ParsedSchema | null>;

const PRIMITIVE = new Set(['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string']);

/** Avro's types in YAML: `type: [null, string]` unquoted is the same as quoted. */
function yamlTypes(json: unknown): unknown {
  if (Array.isArray(json)) return json.map((one) => (one === null ? 'null' : yamlTypes(one)));
  if (typeof json !== 'object' || json === null) return json;
  return Object.fromEntries(
    Object.entries(json).map(([key, value]) => {
      if (key === 'type' || key === 'items' || key === 'values') return [key, value === null ? 'null' : yamlTypes(value)];
      return [key, key === 'fields' && Array.isArray(value) ? value.map(yamlTypes) : value];
    }),
  );
}

/**
 * Puts the schemas of the file in place of their names: a type that is neither Avro's nor defined before in the same schema
 * may be the name of another schema of the file. Avro wants a definition once, so later uses stay names.
 */
class Linker {
  readonly #raw: ReadonlyMap<string, unknown>;
  readonly #defined = new Set<string>();
  readonly #open = new Set<string>();

  constructor(raw: ReadonlyMap<string, unknown>) {
    this.#raw = raw;
  }

  link(json: unknown): unknown {
    if (typeof json === 'string') return this.#named(json);
    if (Array.isArray(json)) return json.map((one) => this.link(one));
    if (typeof json !== 'object' || json === null) return json;
    const object = json as Record<string, unknown>;
    if (typeof object.name === 'string' && object.type !== undefined) this.#defined.add(object.name);
    const linked: Record<string, unknown> = { ...object };
    if (object.items !== undefined) linked.items = this.link(object.items);
    if (object.values !== undefined) linked.values = this.link(object.values);
    if (Array.isArray(object.fields)) linked.fields = object.fields.map((field) => this.#field(field));
    if (typeof object.type === 'object') linked.type = this.link(object.type);
    return linked;
  }

  #field(field: unknown): unknown {
    if (typeof field !== 'object' || field === null || !('type' in field)) return field;
    return { ...field, type: this.link(field.type) };
  }

  #named(name: string): unknown {
    const found = this.#raw.get(name);
    if (PRIMITIVE.has(name) || this.#defined.has(name) || found === undefined || this.#open.has(name)) return name;
    const full = (found as { name?: unknown } | null)?.name;
    if (typeof full === 'string' && this.#defined.has(full)) return full;
    this.#open.add(name);
    const linked = this.link(found);
    this.#open.delete(name);
    return linked;
  }
}

/** Reads every schema under `schemas`, by file or inline. */
export function loadSchemas(node: MapNode | undefined, directory: string, report: Report): Schemas {
  const raw = new Map<string, unknown>();
  const nodes = new Map<string, Node>();
  const schemas = new Map<string, ParsedSchema | null>();
  for (const { key, value } of node?.entries ?? []) {
    schemas.set(key.text, null);
    const json = rawSchema(value, directory, report);
    if (json === undefined) continue;
    raw.set(key.text, json);
    nodes.set(key.text, value);
  }
  for (const [name, json] of raw) {
    const others = new Map([...raw].filter(([other]) => other !== name));
    try {
      const schema = parseSchema(new Linker(others).link(json));
      if (hasGoodNames(name, schema, nodes.get(name) as Node, report)) schemas.set(name, schema);
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error;
      const at = nodes.get(name) as Node;
      report.error(placeIn(at, error.message), error.code, `Schema ${name}: ${error.message}${/[.!?]$/.test(error.message) ? '' : '.'}`, error.hint);
    }
  }
  return schemas;
}

/** Fields become columns: their names must not differ in case only, nor mean something to JavaScript. */
function hasGoodNames(schema: string, parsed: ParsedSchema, node: Node, report: Report): boolean {
  const seen = new Map<string, string>();
  let good = true;
  for (const { name } of columnsOf(parsed)) {
    const place = placeIn(node, `${name}: `);
    const other = seen.get(name.toLowerCase());
    if (!isSlot(name)) report.error(place, 'reserved_name', `Schema ${schema}: ${name} means something to JavaScript and cannot be a column.`);
    else if (other !== undefined) report.error(place, 'duplicate_column', `Schema ${schema}: ${other} and ${name} are the same name in SQL.`);
    else {
      seen.set(name.toLowerCase(), name);
      continue;
    }
    good = false;
  }
  return good;
}

function rawSchema(node: Node, directory: string, report: Report): unknown {
  if (node.kind !== 'map') {
    report.error(headOf(node), 'wrong_type', 'A schema is { file: … } or an Avro schema of type record.', 'Write { file: transaction.avsc }.');
    return undefined;
  }
  const file = entryOf(node, 'file');
  if (file === undefined) return yamlTypes(toData(node));
  for (const { key } of node.entries) if (key !== file.key) report.error(key, 'unknown_key', 'A schema by file has no other keys.');
  if (file.value.kind !== 'scalar' || typeof file.value.value !== 'string') {
    report.error(headOf(file.value), 'wrong_type', 'Expected the path of an Avro schema.');
    return undefined;
  }
  if (file.value.unresolved) return undefined;
  try {
    return JSON.parse(decodeUtf8(readFileSync(resolve(directory, file.value.text))).text);
  } catch (error) {
    if (error instanceof SyntaxError)
      report.error(file.value, 'schema_invalid', `${file.value.shown} is no JSON: ${error.message}.`, 'An Avro schema file (.avsc) is JSON.');
    else report.error(file.value, 'unreadable_file', `${file.value.shown}: ${whyUnreadable(error)}.`);
    return undefined;
  }
}

/** The node of the field that a schema error names first (`items[].price: …`), else the schema's own. */
function placeIn(node: Node, message: string): Node | ReturnType<typeof headOf> {
  const path = /^([A-Za-z_][A-Za-z0-9_]*)[^:\s]*: /.exec(message)?.[1];
  const fields = node.kind === 'map' ? entryOf(node, 'fields')?.value : undefined;
  if (path === undefined || fields?.kind !== 'list') return headOf(node);
  for (const field of fields.items) {
    const name = field.kind === 'map' ? entryOf(field, 'name')?.value : undefined;
    if (name?.kind === 'scalar' && name.text === path) return name;
  }
  return headOf(node);
}
