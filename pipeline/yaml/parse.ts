import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Pair, parseAllDocuments, type Scalar, type Node as YamlNode } from 'yaml';
import type { Report } from '../report.ts';
import type { Entry, MapNode, Node, Range, ScalarNode } from './node.ts';
import { type ScalarStyle, scalarMap } from './scalar-map.ts';
import { type Environment, substitute } from './substitute.ts';
import { typed } from './typed.ts';

/** Nodes a file may have, aliases followed: far above any pipeline, far below what a nest of aliases can ask for. */
const MAX_NODES = 100_000;
const MAX_DEPTH = 200;

class TooMuch extends Error {}

const STYLE: Readonly<Record<string, ScalarStyle>> = { QUOTE_SINGLE: 'single', QUOTE_DOUBLE: 'double', BLOCK_LITERAL: 'block', BLOCK_FOLDED: 'block' };

/** Turns the library's tree into ours: aliases followed, variables filled in, unquoted scalars typed, what we do not use refused. */
class Converter {
  readonly #document: Document;
  readonly #text: string;
  readonly #env: Environment;
  readonly #report: Report;
  readonly #within = new Set<unknown>();
  #count = 0;

  constructor(document: Document, text: string, env: Environment, report: Report) {
    this.#document = document;
    this.#text = text;
    this.#env = env;
    this.#report = report;
  }

  node(node: unknown, at: number): Node {
    if (++this.#count > MAX_NODES || this.#within.size > MAX_DEPTH) throw new TooMuch();
    if (isAlias(node)) return this.#alias(node, rangeOf(node, at));
    if (!isScalar(node) && !isMap(node) && !isSeq(node)) return this.#empty(at);
    const range = rangeOf(node, at);
    if (
      typeof node.tag === 'string' &&
      this.#text
        .slice(0, range.start)
        .trimEnd()
        .match(/![^\s]*(\s+&\S+)?$/)
    ) {
      this.#report.error(range, 'unsupported_yaml', `Tags are not used in pipeline files: ${node.tag}`);
    }
    if (isScalar(node)) return this.#scalar(node, range);
    this.#within.add(node);
    const made: Node = isSeq(node)
      ? { kind: 'list', ...range, items: node.items.map((item) => this.node(item, range.end)) }
      : { kind: 'map', ...range, entries: this.#entries(node.items as Pair[], range) };
    this.#within.delete(node);
    return made;
  }

  #alias(node: YamlNode, range: Range): Node {
    const target = isAlias(node) ? node.resolve(this.#document) : undefined;
    if (target === undefined || this.#within.has(target)) {
      this.#report.error(range, 'yaml_syntax', target === undefined ? 'The alias names no anchor before it.' : 'The alias stands inside what it names.');
      return this.#empty(range.start, true);
    }
    return this.node(target, range.start);
  }

  #empty(at: number, unresolved = false): ScalarNode {
    return { kind: 'scalar', start: at, end: at, text: '', value: null, shown: '', plain: true, unresolved, locate: () => ({ start: at, end: at }) };
  }

  #scalar(node: Scalar, range: Range): ScalarNode {
    const style = STYLE[node.type ?? ''] ?? 'plain';
    const written = String(node.value ?? '');
    const filled = substitute(written, this.#env);
    const map = scalarMap(written, this.#text, range.start, range.end, style);
    for (const flaw of filled.flaws) {
      const message = flaw.code === 'undefined_variable' ? `The variable ${flaw.name} is not set.` : `${flaw.name} is no variable.`;
      this.#report.error(map(flaw.start, flaw.end), flaw.code, message);
    }
    return {
      kind: 'scalar',
      ...range,
      text: filled.text,
      value: style === 'plain' ? typed(filled.text) : filled.text,
      shown: written,
      plain: style === 'plain',
      unresolved: filled.flaws.length > 0,
      locate: (start, end) => {
        const back = filled.back(start, end);
        return map(back.start, back.end);
      },
    };
  }

  #entries(pairs: readonly Pair[], range: Range): Entry[] {
    const entries: Entry[] = [];
    const seen = new Map<string, Range>();
    let at = range.start;
    for (const pair of pairs) {
      const key = this.node(pair.key, at);
      const value = this.node(pair.value, key.end + 1);
      at = value.end;
      if (key.kind !== 'scalar') this.#report.error(key, 'unsupported_yaml', 'A key has to be a plain text.');
      else if (key.plain && key.text === '<<')
        this.#report.error(key, 'unsupported_yaml', 'Merge keys (<<) are not used in pipeline files.', 'Write the keys out.');
      else if (seen.has(key.text)) this.#report.error(key, 'duplicate_key', `The key ${key.shown} stands twice in this mapping.`);
      else {
        seen.set(key.text, key);
        entries.push({ key, value });
      }
    }
    return entries;
  }
}

function rangeOf(node: { range?: readonly number[] | null }, at: number): Range {
  return node.range ? { start: node.range[0], end: node.range[1] } : { start: at, end: at };
}

/**
 * Reads one YAML document. Findings go to the report; gives null when there is no mapping to look into. YAML errors end it
 * there: what follows a broken place cannot be trusted.
 */
export function parseYaml(text: string, env: Environment, report: Report): MapNode | null {
  const documents = parse(text, report);
  if (documents === null) return null;
  const [document, second] = documents;
  // one error: what follows a broken place is mostly its echo
  const [error] = documents.flatMap((one) => one.errors).toSorted((a, b) => a.pos[0] - b.pos[0]);
  if (error !== undefined) {
    const [start, end] = error.pos;
    const variable =
      start > 0 && text.slice(start - 1, start + 1) === '${'
        ? 'Inside { } and [ ] a variable has to be quoted; where a number goes, write it unquoted on a line of its own.'
        : undefined;
    report.error({ start, end }, 'yaml_syntax', error.code === 'RESOURCE_EXHAUSTION' ? 'The file is nested too deeply.' : `${error.message}.`, variable);
    return null;
  }
  if (second !== undefined) {
    const start = second.range?.[0] ?? 0;
    report.error({ start, end: start + 1 }, 'unsupported_yaml', 'The file holds several YAML documents.', 'Keep one document a file.');
    return null;
  }
  if (document === undefined || document.contents === null) {
    report.error({ start: 0, end: 1 }, 'missing_key', 'The file is empty.', 'Begin with version: 1 and name: …');
    return null;
  }
  let root: Node;
  try {
    root = new Converter(document, text, env, report).node(document.contents, 0);
  } catch (error) {
    if (!(error instanceof TooMuch)) throw error;
    report.error({ start: 0, end: 1 }, 'unsupported_yaml', 'The file is too large or nested too deeply, its aliases counted.');
    return null;
  }
  if (root.kind === 'map') return root;
  report.error({ start: root.start, end: root.start + 1 }, 'wrong_type', 'The file has to be a mapping of keys.', 'Begin with version: 1 and name: …');
  return null;
}

function parse(text: string, report: Report): Document[] | null {
  try {
    const options = { schema: 'failsafe', uniqueKeys: false, prettyErrors: false, logLevel: 'silent', lineCounter: new LineCounter() } as const;
    const documents = parseAllDocuments(text, options);
    return 'empty' in documents ? [] : (documents as Document[]);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    report.error({ start: 0, end: 1 }, 'yaml_syntax', 'The file is nested too deeply.');
    return null;
  }
}
