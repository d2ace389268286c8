import { isSlot } from '@millrace/shared-schemas/row.ts';
import type { Report } from '../report.ts';
import { didYouMean } from '../suggest.ts';
import { parseDuration, parseSize } from '../units.ts';
import { describe, headOf, type MapNode, type Node, type ScalarNode } from '../yaml/node.ts';
import { type Fields, type JsonSchema, type Kind, type Read, readFields } from './field.ts';

function wrong(node: Node, what: string, report: Report): undefined {
  if (node.kind === 'scalar' && node.unresolved) return undefined;
  report.error(
    headOf(node),
    'wrong_type',
    `Expected ${what}, found ${describe(node)}.`,
    node.kind === 'scalar' && node.value !== null ? undefined : `Write ${what}.`,
  );
  return undefined;
}

const unresolved = (node: Node): boolean => node.kind === 'scalar' && node.unresolved;

/** A scalar that is text, not a number, boolean or null. */
function textNode(node: Node, what: string, report: Report): ScalarNode | undefined {
  if (unresolved(node)) return undefined;
  if (node.kind !== 'scalar') return wrong(node, what, report);
  if (typeof node.value === 'string') return node;
  if (node.value === null) return wrong(node, what, report);
  report.error(node, 'wrong_type', `Expected ${what}, found ${describe(node)}.`, `Quote it: "${node.shown}".`);
  return undefined;
}

/** Any text; the node itself, so that findings can point into it. */
export function text(what: string): Kind<ScalarNode> {
  return { what, schema: { type: 'string' }, read: (node, report) => textNode(node, what, report) };
}

const NAME_SCHEMA: JsonSchema = { type: 'string', pattern: '^[A-Za-z_][A-Za-z0-9_]*$' };

function nameNode(node: Node, what: string, report: Report): ScalarNode | undefined {
  const found = textNode(node, what, report);
  return found === undefined ? undefined : checkName(found, report);
}

/** Reports a name that cannot be a column of a row. */
function checkName(node: ScalarNode, report: Report): ScalarNode | undefined {
  if (isSlot(node.text)) return node;
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(node.text)) report.error(node, 'reserved_name', `${node.shown} means something to JavaScript and cannot be a column.`);
  else report.error(node, 'bad_name', `${JSON.stringify(node.shown)} cannot be a column's name.`);
  return undefined;
}

/** The name of a column. */
export function name(what = 'the name of a column'): Kind<ScalarNode> {
  return { what, schema: NAME_SCHEMA, read: (node, report) => nameNode(node, what, report) };
}

/** Text that has to match a pattern: ids, topics, the pipeline's name. */
export function pattern(what: string, expression: RegExp, rule: string): Kind<ScalarNode> {
  return {
    what,
    schema: { type: 'string', pattern: expression.source },
    read(node, report) {
      const found = textNode(node, what, report);
      if (found === undefined || expression.test(found.text)) return found;
      report.error(found, 'bad_name', `${JSON.stringify(found.shown)} cannot be ${what}.`, rule);
      return undefined;
    },
  };
}

export const id = pattern(
  'an id',
  /^[A-Za-z_][A-Za-z0-9_-]{0,99}$/,
  'An id is made of letters, digits, _ and -, begins with a letter, and has at most 100 characters.',
);
export const topicName = pattern(
  'the name of a topic',
  /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/,
  'A topic is named with letters, digits, ".", "_" and "-", at most 249 of them.',
);

function list<T>(what: string, one: (node: Node, report: Report) => T | undefined): (node: Node, report: Report) => T[] | undefined {
  return (node, report) => {
    if (unresolved(node)) return undefined;
    if (node.kind !== 'list') return wrong(node, what, report);
    return node.items.map((item) => one(item, report)).filter((item) => item !== undefined);
  };
}

function nonEmpty<T extends Node>(read: (node: Node, report: Report) => T[] | undefined, what: string): (node: Node, report: Report) => T[] | undefined {
  return (node, report) => {
    if (node.kind === 'list' && node.items.length === 0) return wrong(node, what, report);
    const found = read(node, report);
    const seen = new Set<string>();
    for (const item of found ?? []) {
      if (item.kind !== 'scalar') continue;
      if (seen.has(item.text)) report.error(item, 'duplicate_column', `${item.shown} stands twice in this list.`, 'Keep one of the two.');
      seen.add(item.text);
    }
    return found;
  };
}

/** One name, or a list of them: a key. */
export function oneOrMore(what: string): Kind<ScalarNode[]> {
  const many = nonEmpty(
    list(what, (node, report) => nameNode(node, 'the name of a column', report)),
    what,
  );
  return {
    what,
    schema: { anyOf: [NAME_SCHEMA, { type: 'array', items: NAME_SCHEMA, minItems: 1 }] },
    placeholder: [],
    read(node, report) {
      if (node.kind !== 'scalar') return many(node, report);
      const one = nameNode(node, what, report);
      return one === undefined ? undefined : [one];
    },
  };
}

/** A list of names. */
export function names(what: string): Kind<ScalarNode[]> {
  const read = nonEmpty(
    list(what, (node, report) => nameNode(node, 'the name of a column', report)),
    what,
  );
  return { what, schema: { type: 'array', items: NAME_SCHEMA, minItems: 1 }, placeholder: [], read };
}

/** `from`: an id or a list of ids. */
export const fromIds: Kind<ScalarNode[]> = {
  what: 'an id, or a list of ids',
  schema: { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' }, minItems: 1 }] },
  read(node, report) {
    const what = 'an id, or a list of ids';
    if (node.kind === 'scalar') {
      const one = textNode(node, what, report);
      return one === undefined ? undefined : [one];
    }
    return nonEmpty(
      list(what, (item) => textNode(item, 'an id', report)),
      what,
    )(node, report);
  },
};

interface DurationLimits {
  /** the least allowed; default 0 */
  readonly min?: number;
}

export function duration(limits: DurationLimits = {}): Kind<number> {
  const min = limits.min ?? 0;
  const what = 'a duration such as 250ms, 2s, 1m, 1h or 7d';
  return {
    what,
    schema: { type: 'string', pattern: min < 0 ? '^-?[0-9]+(\\.[0-9]+)?(ms|s|m|h|d)$' : '^[0-9]+(\\.[0-9]+)?(ms|s|m|h|d)$' },
    placeholder: Math.max(min, 1),
    read(node, report) {
      if (unresolved(node)) return undefined;
      if (node.kind !== 'scalar' || typeof node.value === 'boolean' || node.value === null) return wrong(node, what, report);
      const value = parseDuration(node.text);
      if (value !== null && value >= min) return value;
      const hint = typeof node.value === 'number' ? `Add the unit: ${node.shown}ms, ${node.shown}s …` : undefined;
      if (value === null) report.error(node, 'bad_duration', `${node.shown} is no duration.`, hint);
      else
        report.error(
          node,
          'bad_duration',
          min > 0 && value === 0 ? 'The duration has to be above zero.' : 'The duration cannot be negative.',
          'Use a longer duration.',
        );
      return undefined;
    },
  };
}

export function size(): Kind<number> {
  const what = 'a size such as 512KiB or 64MiB';
  return {
    what,
    schema: { type: 'string', pattern: '^[0-9]+(\\.[0-9]+)?(B|KiB|MiB|GiB)$' },
    placeholder: 1,
    read(node, report) {
      if (unresolved(node)) return undefined;
      if (node.kind !== 'scalar' || typeof node.value === 'boolean' || node.value === null) return wrong(node, what, report);
      const value = parseSize(node.text);
      if (value !== null && value > 0) return value;
      report.error(node, 'bad_size', `${node.shown} is no size.`);
      return undefined;
    },
  };
}

export function number(limits: { min: number; max: number; integer?: boolean }): Kind<number> {
  const what = limits.min === limits.max ? `the number ${limits.min}` : `${limits.integer ? 'a whole number' : 'a number'} from ${limits.min} to ${limits.max}`;
  return {
    what,
    schema: { type: limits.integer ? 'integer' : 'number', minimum: limits.min, maximum: limits.max },
    placeholder: Math.max(limits.min, 1),
    read(node, report) {
      if (unresolved(node)) return undefined;
      if (node.kind !== 'scalar' || typeof node.value !== 'number') return wrong(node, what, report);
      const fits = node.value >= limits.min && node.value <= limits.max && (!limits.integer || Number.isSafeInteger(node.value));
      if (fits) return node.value;
      report.error(node, 'bad_number', `${node.shown} is not ${what}.`, `Use ${what}.`);
      return undefined;
    },
  };
}

/** One of a few words. Words of the language that this version lacks are named as such. YAML's null is the word `null`. */
export function oneOf<const T extends string>(values: readonly T[], notYet: readonly string[] = []): Kind<T> {
  const what = `one of ${values.join(', ')}`;
  return {
    what,
    schema: { enum: values.includes('null' as T) ? [...values, null] : values },
    placeholder: values[0],
    read(node, report) {
      if (unresolved(node)) return undefined;
      if (node.kind !== 'scalar') return wrong(node, what, report);
      if (node.value === null && node.text === '') return wrong(node, what, report);
      const word = node.text;
      if ((values as readonly string[]).includes(word)) return word as T;
      if (notYet.includes(word)) report.error(node, 'not_yet', `${word} is not built yet.`, `Built: ${values.join(', ')}.`);
      else report.error(node, 'bad_enum', `${node.shown} is none of ${values.join(', ')}.`, didYouMean(word, values));
      return undefined;
    },
  };
}

/** `true` or `false`, unquoted. */
export function flag(): Kind<boolean> {
  const what = 'true or false';
  return {
    what,
    schema: { type: 'boolean' },
    read(node, report) {
      if (node.kind === 'scalar' && typeof node.value === 'boolean') return node.value;
      return wrong(node, what, report);
    },
  };
}

/** Either of two kinds: the second for scalars, the first for everything else. */
export function orScalar<T, S>(kind: Kind<T>, scalar: Kind<S>): Kind<T | S> {
  return {
    what: `${scalar.what}, or ${kind.what}`,
    schema: { anyOf: [scalar.schema, kind.schema] },
    read: (node, report) => (node.kind === 'scalar' ? scalar : kind).read(node, report),
  };
}

/** One or more of a kind. */
export function listOf<T>(kind: Kind<T>, what: string): Kind<T[]> {
  return {
    what,
    schema: { type: 'array', items: kind.schema, minItems: 1 },
    read(node, report) {
      if (node.kind !== 'list') return wrong(node, what, report);
      if (node.items.length === 0) report.error(headOf(node), 'wrong_type', 'The list is empty.', `Write ${what}.`);
      return node.items.map((item) => kind.read(item, report)).filter((item) => item !== undefined);
    },
  };
}

/** SQL. An unquoted number, true, false or null is an expression too. */
export const expression: Kind<ScalarNode> = {
  what: 'an expression',
  schema: { type: ['string', 'number', 'boolean', 'null'] },
  read(node, report) {
    if (unresolved(node)) return undefined;
    if (node.kind !== 'scalar') return wrong(node, 'an expression', report);
    if (node.text.trim() === '' || node.text === '~') return wrong({ ...node, value: null }, 'an expression', report);
    return node;
  },
};

export interface NamedExpression {
  readonly name: ScalarNode;
  readonly expr: ScalarNode;
}

/** New columns and their expressions, in order. */
export const expressions: Kind<NamedExpression[]> = {
  what: 'a mapping of column names to expressions',
  schema: { type: 'object', additionalProperties: expression.schema, minProperties: 1 },
  placeholder: [],
  read(node, report) {
    const what = 'a mapping of column names to expressions';
    if (node.kind !== 'map' || node.entries.length === 0) return wrong(node, what, report);
    const found: NamedExpression[] = [];
    for (const { key, value } of node.entries) {
      const column = key.unresolved ? undefined : checkName(key, report);
      const expr = expression.read(value, report);
      if (column !== undefined && expr !== undefined) found.push({ name: column, expr });
    }
    return found;
  },
};

/** A mapping with keys of its own. */
export function object<F extends Fields>(what: string, fields: F): Kind<Read<F>> {
  return {
    what: `a mapping (${Object.keys(fields).join(', ')})`,
    schema: objectSchema(fields),
    read: (node, report) =>
      node.kind === 'map' ? (readFields(node, fields, report, what) ?? undefined) : wrong(node, `a mapping of ${Object.keys(fields).join(', ')}`, report),
  };
}

/** A variable may stand for any scalar that is not just text. */
function orVariable(schema: JsonSchema): JsonSchema {
  const strict = schema.pattern !== undefined || schema.enum !== undefined || schema.type === 'integer' || schema.type === 'number';
  return strict ? { anyOf: [schema, { type: 'string', pattern: '\\$\\{' }] } : schema;
}

export function objectSchema(fields: Fields): JsonSchema {
  const properties = Object.entries(fields).map(([key, field]) => [key, { description: field.doc, ...orVariable(field.kind.schema) }] as const);
  const needed = Object.entries(fields).filter(([, field]) => field.need === 'required');
  return {
    type: 'object',
    properties: Object.fromEntries(properties),
    ...(needed.length > 0 ? { required: needed.map(([key]) => key) } : {}),
    additionalProperties: false,
  };
}

/** A mapping or list that something else looks into. */
export function mapping(what: string, schema: JsonSchema): Kind<MapNode> {
  return { what, schema, read: (node, report) => (node.kind === 'map' ? node : wrong(node, what, report)) };
}

export function items(what: string, schema: JsonSchema, least: number): Kind<MapNode[]> {
  return {
    what,
    schema: { type: 'array', items: schema, minItems: least },
    placeholder: [],
    read(node, report) {
      if (node.kind !== 'list' || node.items.length < least) return wrong(node, what, report);
      return node.items.filter((item): item is MapNode => {
        if (item.kind !== 'map') wrong(item, 'a mapping', report);
        return item.kind === 'map';
      });
    },
  };
}

/** A part of the language that this version lacks: named, never passed over. */
export function notYet(what: string): Kind<never> {
  return {
    what: `${what} (not built yet)`,
    schema: { not: {} },
    read(node, report) {
      report.error(headOf(node), 'not_yet', `${what}: not built yet.`);
      return undefined;
    },
  };
}
