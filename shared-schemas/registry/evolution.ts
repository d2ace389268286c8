import type { ParsedSchema } from '../avro.ts';
import type { AvroNode, RecordNode } from '../codec/node.ts';

/** BACKWARD: the new schema reads what the old one wrote. FORWARD: the old one reads what the new one writes. FULL: both. */
export type Compatibility = 'BACKWARD' | 'FORWARD' | 'FULL' | 'NONE';

/** What breaks when `next` follows `previous`, a sentence each; empty when nothing does. */
export function incompatibilities(next: ParsedSchema, previous: ParsedSchema, compatibility: Compatibility = 'BACKWARD'): string[] {
  const reasons: string[] = [];
  if (compatibility === 'BACKWARD' || compatibility === 'FULL') reasons.push(...readability(next.root, previous.root, 'the new schema', ''));
  if (compatibility === 'FORWARD' || compatibility === 'FULL') reasons.push(...readability(previous.root, next.root, 'the old schema', ''));
  return reasons;
}

/** Why `reader` cannot read everything that `writer` writes, by Avro 1.11's rules of schema resolution; logical types must agree, or be read as what they are made of. */
function readability(reader: AvroNode, writer: AvroNode, who: string, path: string): string[] {
  const at = path === '' ? 'the record' : path;
  const reasons = writer.nullAt >= 0 && reader.nullAt < 0 ? [`${at} may be null, which ${who} does not allow`] : [];
  if (reader.kind === 'record' && writer.kind === 'record') reasons.push(...records(reader, writer, who, path));
  else if (reader.kind === 'array' && writer.kind === 'array') reasons.push(...readability(reader.items, writer.items, who, `${path}[]`));
  else if (reader.kind === 'map' && writer.kind === 'map') reasons.push(...readability(reader.values, writer.values, who, `${path}[]`));
  else if (reader.kind === 'enum' && writer.kind === 'enum') {
    const lost = reader.fallback === null ? writer.symbols.filter((symbol) => !reader.symbols.includes(symbol)) : [];
    if (lost.length > 0) reasons.push(`${at} may be ${lost.join(', ')}, which ${who} does not list`);
    reasons.push(...names(reader, writer, who, at));
  } else if (reader.kind === 'fixed' && writer.kind === 'fixed') {
    if (reader.size !== writer.size) reasons.push(`${at} is fixed of ${writer.size} bytes, ${who} reads ${reader.size}`);
    reasons.push(...names(reader, writer, who, at));
  } else if (reader.kind === 'decimal' && writer.kind === 'decimal') {
    if (reader.scale !== writer.scale || reader.precision < writer.precision) {
      reasons.push(`${at} is a decimal(${writer.precision},${writer.scale}), ${who} reads decimal(${reader.precision},${reader.scale})`);
    }
  } else if (reader.kind !== writer.kind && !PROMOTIONS.has(`${writer.kind}>${reader.kind}`)) {
    reasons.push(`${at} is ${writer.kind}, ${who} reads ${reader.kind}`);
  }
  return reasons;
}

/** Pairs `writer>reader` that resolve: Avro's own, and logical types with what they are made of. `codec/read.ts` reads each. */
const PROMOTIONS: ReadonlySet<string> = new Set([
  'int>long',
  'int>float',
  'int>double',
  'long>float',
  'long>double',
  'float>double',
  'string>bytes',
  'bytes>string',
  'int>date',
  'date>int',
  'date>long',
  'long>timestamp-millis',
  'long>timestamp-micros',
  'timestamp-millis>long',
  'timestamp-micros>long',
  'timestamp-micros>timestamp-millis',
  'timestamp-millis>timestamp-micros',
]);

const unqualified = (name: string): string => name.slice(name.lastIndexOf('.') + 1);

function names(reader: { readonly name: string }, writer: { readonly name: string }, who: string, at: string): string[] {
  return unqualified(reader.name) === unqualified(writer.name)
    ? []
    : [`${at} is named ${unqualified(writer.name)}, ${who} calls it ${unqualified(reader.name)}`];
}

function records(reader: RecordNode, writer: RecordNode, who: string, path: string): string[] {
  const reasons = names(reader, writer, who, path === '' ? 'the record' : path);
  for (const field of reader.fields) {
    const place = path === '' ? field.name : `${path}.${field.name}`;
    const written = writer.fields.find(({ name }) => name === field.name) ?? writer.fields.find(({ name }) => field.aliases.includes(name));
    if (written !== undefined) reasons.push(...readability(field.node, written.node, who, place));
    else if (field.defaultJson === undefined) reasons.push(`${place} has no default, and ${who} would miss it in what was written without it`);
  }
  return reasons;
}
