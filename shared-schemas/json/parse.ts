import { isUtf8 } from 'node:buffer';
import { BadRecord } from '../codec/bad.ts';
import { parseDate } from '../codec/civil.ts';
import { defaultOf } from '../codec/defaults.ts';
import { type Exact, exactNumber, INT_MAX, INT_MIN, LONG_MAX, LONG_MIN, scaledDigits, within } from '../codec/exact.ts';
import type { AvroField, AvroNode } from '../codec/node.ts';
import { microsOfMillis } from '../codec/write.ts';
import type { Value } from '../types.ts';

/** A number whose digits matter: made by the second parse, see {@link parseObject}. */
class Digits {
  readonly value: number;
  readonly text: string;
  constructor(value: number, text: string) {
    this.value = value;
    this.text = text;
  }
}

/** Thrown when a number was met that a double cannot hold exactly. */
const NEEDS_DIGITS = Symbol('needs digits');

/** The parse that keeps digits walks recursively, so its depth is bounded; plain parsing has no bound. */
const DEEPEST = 1000;

export type Convert = (json: unknown) => Value;

/**
 * Parses a JSON object's bytes and hands it to `take`; the second time, if `take` met a number it could not hold, with the
 * digits of all numbers kept. Throws {@link BadRecord} for what is no JSON object.
 */
export function parseObject(buffer: Buffer, start: number, end: number, take: (object: Record<string, unknown>) => void): void {
  const from = buffer[start] === 0xef && buffer[start + 1] === 0xbb && buffer[start + 2] === 0xbf ? start + 3 : start;
  const text = buffer.utf8Slice(from, end);
  if (text.includes('\ufffd') && !isUtf8(buffer.subarray(from, end))) throw new BadRecord('undecodable', 'the record is not UTF-8');
  const object = parsed(text);
  if (!isObject(object)) throw new BadRecord('schema_mismatch', `an object is expected, found ${found(object)}`);
  try {
    take(object);
  } catch (error) {
    if (error !== NEEDS_DIGITS) throw error;
    take(withDigits(text) as Record<string, unknown>);
  }
}

/** Converts one JSON text, as a cell of another format may hold. */
export function convertText(text: string, convert: Convert): Value {
  const json = parsed(text);
  try {
    return convert(json);
  } catch (error) {
    if (error !== NEEDS_DIGITS) throw error;
    return convert(withDigits(text));
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new BadRecord('undecodable', text.trim() === '' ? 'the record is empty' : `not JSON: ${error.message.slice(0, 200)}`);
  }
}

function withDigits(text: string): unknown {
  if (depthOf(text) > DEEPEST) throw new BadRecord('undecodable', `nested deeper than ${DEEPEST} levels`);
  const keep = (_key: string, value: unknown, context: { source: string }): unknown => (typeof value === 'number' ? new Digits(value, context.source) : value);
  // TypeScript does not know the third argument of ES2026's JSON.parse source text access
  return JSON.parse(text, keep as (key: string, value: unknown) => unknown);
}

function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (quoted) {
      if (code === 0x5c) i++;
      else if (code === 0x22) quoted = false;
    } else if (code === 0x22) quoted = true;
    else if (code === 0x5b || code === 0x7b) deepest = Math.max(deepest, ++depth);
    else if (code === 0x5d || code === 0x7d) depth--;
  }
  return deepest;
}

/** Looks a field up in a parsed object. What the object inherits (`constructor`) is not there. */
export function property(name: string): (object: Record<string, unknown>) => unknown {
  if (!(name in Object.prototype)) return (object) => object[name];
  return (object) => (Object.hasOwn(object, name) ? object[name] : undefined);
}

/** The value of a field, absent (undefined) or not; throws {@link BadRecord} that names the field. */
export function fieldConvert(field: AvroField, path: string): Convert {
  const convert = nodeConvert(field.node, path);
  const given = defaultOf(field);
  const absent = given === undefined && field.node.nullAt >= 0 ? null : given;
  return (json) => {
    if (json !== undefined) return convert(json);
    if (absent === undefined) throw new BadRecord('schema_mismatch', `${path} is missing`);
    return absent;
  };
}

export function nodeConvert(node: AvroNode, path: string): Convert {
  const convert = plain(node, path);
  const nullable = node.nullAt >= 0;
  return (json) => {
    if (json !== null) return convert(json);
    if (!nullable) throw mismatch(path, node, json);
    return null;
  };
}

function plain(node: AvroNode, path: string): Convert {
  switch (node.kind) {
    case 'boolean':
      return (json) => (typeof json === 'boolean' ? json : bad(path, node, json));
    case 'string':
      return (json) => (typeof json === 'string' ? wellFormed(json, path) : bad(path, node, json));
    case 'enum': {
      const symbols = new Set<unknown>(node.symbols);
      return (json) => (symbols.has(json) ? (json as string) : bad(path, node, json));
    }
    case 'double':
      return (json) => {
        const value = numberOf(json);
        return value === undefined || !Number.isFinite(value) ? bad(path, node, json) : value;
      };
    case 'float':
      return (json) => {
        const value = numberOf(json);
        const rounded = Math.fround(value ?? Number.NaN);
        return Number.isFinite(rounded) ? rounded : bad(path, node, json);
      };
    case 'int':
      return (json) => integer(json, INT_MIN, INT_MAX) ?? bad(path, node, json);
    case 'long':
    case 'timestamp-micros':
      return (json) => integer(json, LONG_MIN, LONG_MAX) ?? bad(path, node, json);
    case 'timestamp-millis':
      return (json) => {
        const millis = integer(json, LONG_MIN, LONG_MAX);
        return (millis === null ? null : microsOfMillis(millis)) ?? bad(path, node, json);
      };
    case 'date':
      return (json) => (typeof json === 'string' ? parseDate(json) : integer(json, INT_MIN, INT_MAX)) ?? bad(path, node, json);
    case 'bytes':
    case 'fixed': {
      const size = node.kind === 'fixed' ? node.size : null;
      return (json) =>
        typeof json === 'string' && isLatin1(json) && (size === null || json.length === size)
          ? new Uint8Array(Buffer.from(json, 'latin1'))
          : bad(path, node, json);
    }
    case 'decimal':
      return decimal(node, path);
    case 'array': {
      const item = nodeConvert(node.items, `${path}[]`);
      return (json) => (Array.isArray(json) ? json.map(item) : bad(path, node, json));
    }
    case 'map': {
      const item = nodeConvert(node.values, `${path}[]`);
      return (json) => (isObject(json) ? new Map(Object.entries(json).map(([key, value]) => [wellFormed(key, path), item(value)])) : bad(path, node, json));
    }
    case 'record': {
      const fields = node.fields.map((field) => ({ name: field.name, get: property(field.name), convert: fieldConvert(field, `${path}.${field.name}`) }));
      return (json) => {
        if (!isObject(json)) return bad(path, node, json);
        const struct: { [name: string]: Value } = {};
        for (const { name, get, convert } of fields) struct[name] = convert(get(json));
        return struct;
      };
    }
  }
}

function decimal(node: AvroNode & { kind: 'decimal' }, path: string): Convert {
  const limit = 10n ** BigInt(node.precision) - 1n;
  return (json) => {
    if (typeof json === 'number') throw NEEDS_DIGITS;
    const text = json instanceof Digits ? json.text : json;
    const unscaled = typeof text === 'string' ? scaledDigits(text, node.scale) : null;
    return unscaled !== null && within(unscaled, -limit, limit) ? unscaled : bad(path, node, json);
  };
}

function isObject(json: unknown): json is Record<string, unknown> {
  return typeof json === 'object' && json !== null && !Array.isArray(json) && !(json instanceof Digits);
}

function numberOf(json: unknown): number | undefined {
  if (typeof json === 'number') return json;
  return json instanceof Digits ? json.value : undefined;
}

/** An integer-valued number (5, 5.0 and 5e0 are one number in JSON) within bounds; null for anything else. */
function integer(json: unknown, lo: bigint, hi: bigint): Exact | null {
  let value: Exact | null = null;
  if (typeof json === 'number') {
    if (Number.isSafeInteger(json)) value = exactNumber(json);
    else if (Math.abs(json) < 2 ** 64 && Number.isInteger(json)) throw NEEDS_DIGITS;
  } else if (json instanceof Digits) {
    value = Number.isSafeInteger(json.value) ? exactNumber(json.value) : scaledDigits(json.text, 0);
  }
  return value !== null && within(value, lo, hi) ? value : null;
}

function isLatin1(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0xff) return false;
  return true;
}

/** Half a surrogate pair is no character: no UTF-8 holds it, so it would change on its way. */
function wellFormed(text: string, path: string): string {
  if (!text.isWellFormed()) throw new BadRecord('undecodable', `${path} holds half a surrogate pair`);
  return text;
}

function bad(path: string, node: AvroNode, json: unknown): never {
  throw mismatch(path, node, json);
}

/** The flaw of a value that is not what its field holds. */
export function mismatch(path: string, node: AvroNode, json: unknown): BadRecord {
  const name =
    node.kind === 'enum'
      ? `one of ${node.symbols.join(', ')}`
      : node.kind === 'decimal'
        ? `a decimal of ${node.precision} digits, ${node.scale} of them decimals`
        : node.kind;
  return new BadRecord('schema_mismatch', `${path}: ${name} is expected, found ${found(json)}`);
}

function found(json: unknown): string {
  if (json === null) return 'null';
  if (json instanceof Digits) return `number ${json.text.slice(0, 60)}`;
  if (Array.isArray(json)) return 'an array';
  if (typeof json === 'object') return 'an object';
  const text = typeof json === 'number' ? String(json) : JSON.stringify(json);
  return `${typeof json} ${text.length > 60 ? `${text.slice(0, 60)}…` : text}`;
}
