import type { Report } from '../report.ts';
import { didYouMean } from '../suggest.ts';
import { type Entry, entryOf, headOf, type MapNode, type Node } from '../yaml/node.ts';

export type JsonSchema = Readonly<Record<string, unknown>>;

/** A kind of value a key can take: how it is read, and how it is told to people and editors. */
export interface Kind<T> {
  /** for messages and docs, with an article: `a duration such as 10s` */
  readonly what: string;
  readonly schema: JsonSchema;
  /** Reports what is wrong; undefined when there is no value. */
  read(node: Node, report: Report): T | undefined;
  /** stands in for a value that was refused, so that the rest of its step is still checked */
  readonly placeholder?: T;
}

/** One key of a construct. */
export interface Field<T> {
  readonly kind: Kind<T>;
  readonly doc: string;
  readonly need: 'required' | 'optional' | 'default';
  /** the default, as a user would write it */
  readonly shown?: string;
  readonly value?: T;
}

export interface RequiredField<T> extends Field<T> {
  readonly need: 'required';
}
export interface OptionalField<T> extends Field<T> {
  readonly need: 'optional';
}
export interface DefaultField<T> extends Field<T> {
  readonly need: 'default';
}

export type Fields = Readonly<Record<string, Field<unknown>>>;

export function required<T>(kind: Kind<T>, doc: string): RequiredField<T> {
  return { kind, doc, need: 'required' };
}
export function optional<T>(kind: Kind<T>, doc: string): OptionalField<T> {
  return { kind, doc, need: 'optional' };
}
export function withDefault<T>(kind: Kind<T>, value: T, shown: string, doc: string): DefaultField<T> {
  return { kind, doc, need: 'default', value, shown };
}

type ValueOf<F> = F extends OptionalField<infer T> ? T | undefined : F extends Field<infer T> ? T : never;

/** The values of a construct, and where each was written (undefined: left out). */
export interface Read<F extends Fields> {
  readonly values: { readonly [K in keyof F]: ValueOf<F[K]> };
  readonly at: { readonly [K in keyof F]: Node | undefined };
  readonly node: MapNode;
}

/**
 * Reads the keys of a mapping: unknown keys, missing keys and unfit values are reported, all of them. Null when a required
 * value is missing for which nothing can stand in.
 */
export function readFields<F extends Fields>(node: MapNode, fields: F, report: Report, what: string): Read<F> | null {
  for (const { key } of node.entries) {
    if (!Object.hasOwn(fields, key.text) && !key.unresolved)
      report.error(key, 'unknown_key', `${what} has no key ${key.shown}.`, didYouMean(key.text, Object.keys(fields)));
  }
  const values: Record<string, unknown> = {};
  const at: Record<string, Node | undefined> = {};
  let complete = true;
  for (const [name, field] of Object.entries(fields)) {
    const value = readField(node, entryOf(node, name), name, field, report, what);
    at[name] = entryOf(node, name)?.value;
    values[name] = value;
    if (value === undefined && field.need === 'required') complete = false;
  }
  return complete ? ({ values, at, node } as unknown as Read<F>) : null;
}

function readField(node: MapNode, entry: Entry | undefined, name: string, field: Field<unknown>, report: Report, what: string): unknown {
  if (entry === undefined) {
    if (field.need === 'required') report.error(headOf(node), 'missing_key', `${what} needs ${name}: ${field.kind.what}.`);
    return field.need === 'required' ? field.kind.placeholder : field.value;
  }
  return field.kind.read(entry.value, report) ?? field.kind.placeholder ?? field.value;
}
