/** A span of the file's text: UTF-16 positions, `end` behind the last. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** A YAML document as plain nodes with positions, all a reader of pipeline files needs. Aliases are already followed. */
export type Node = ScalarNode | ListNode | MapNode;

export interface ScalarNode extends Range {
  readonly kind: 'scalar';
  /** the scalar's text, after substitution of variables */
  readonly text: string;
  /** that text typed by YAML's core schema when it was unquoted, else the text itself */
  readonly value: string | number | boolean | null;
  /** as written in the file, for messages: never a variable's value */
  readonly shown: string;
  readonly plain: boolean;
  /** names a variable that is not set: already reported, so nothing else is said of it */
  readonly unresolved: boolean;
  /** where a span of `text` stands in the file, through quotes, escapes, folding and variables */
  locate(start: number, end: number): Range;
}

interface ListNode extends Range {
  readonly kind: 'list';
  readonly items: readonly Node[];
}

export interface MapNode extends Range {
  readonly kind: 'map';
  readonly entries: readonly Entry[];
}

export interface Entry {
  readonly key: ScalarNode;
  readonly value: Node;
}

/** The value of a key, or undefined. Never looks at anything but the entries, so `__proto__` is a name like any other. */
export function entryOf(node: MapNode, key: string): Entry | undefined {
  return node.entries.find((entry) => entry.key.text === key);
}

/** What stands in a message for a node's kind. */
export function describe(node: Node): string {
  if (node.kind === 'list') return 'a list';
  if (node.kind === 'map') return 'a mapping';
  if (node.value === null) return 'nothing';
  if (typeof node.value === 'string') return `the text ${JSON.stringify(node.shown)}`;
  return `${typeof node.value === 'number' ? 'the number' : 'the boolean'} ${node.shown}`;
}

/** Where to point when a whole node is meant: a collection's first token, or the scalar. */
export function headOf(node: Node): Range {
  if (node.kind === 'scalar') return node;
  if (node.kind === 'map' && node.entries.length > 0 && node.entries[0].key.start === node.start) return node.entries[0].key;
  return { start: node.start, end: node.start + 1 };
}

/** Plain data of a node. Objects have no prototype's keys to trip over: `__proto__` becomes an own property. */
export function toData(node: Node): unknown {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'list') return node.items.map(toData);
  const data: Record<string, unknown> = {};
  for (const { key, value } of node.entries)
    Object.defineProperty(data, key.text, { value: toData(value), enumerable: true, configurable: true, writable: true });
  return data;
}
