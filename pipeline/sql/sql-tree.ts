import type { Duckdb } from '@millrace/runtime/duckdb.ts';
import type { SqlFlaw } from './expr.ts';

/**
 * A node of DuckDB's own tree, as `json_serialize_sql` gives it. Only fields that are read are named. Every number is text: the tree
 * holds 64- and 128-bit numbers (and Infinity) that `JSON.parse` would bend.
 */
export interface SqlNode {
  readonly class: string;
  readonly type: string;
  readonly alias?: string;
  /** bytes of UTF-8 from the start of the statement; 2^64 − 1 for a node that stands nowhere */
  readonly query_location: string;
  readonly children?: readonly SqlNode[];
  readonly column_names?: readonly string[];
  readonly value?: { readonly type: SqlNodeType; readonly is_null: boolean; readonly value?: unknown };
  readonly function_name?: string;
  readonly schema?: string;
  readonly catalog?: string;
  readonly is_operator?: boolean;
  readonly distinct?: boolean;
  readonly filter?: SqlNode | null;
  readonly order_bys?: { readonly orders?: readonly { readonly expression: SqlNode }[] };
  readonly left?: SqlNode;
  readonly right?: SqlNode;
  readonly child?: SqlNode;
  readonly cast_type?: SqlNodeType;
  readonly try_cast?: boolean;
  readonly input?: SqlNode;
  readonly lower?: SqlNode;
  readonly upper?: SqlNode;
  readonly case_checks?: readonly { readonly when_expr: SqlNode; readonly then_expr: SqlNode }[];
  readonly else_expr?: SqlNode;
}

export interface SqlNodeType {
  readonly id: string;
  readonly type_info?: {
    readonly width?: string;
    readonly scale?: string;
    readonly name?: string;
    readonly child_type?: SqlNodeType;
    readonly child_types?: readonly { readonly first: string; readonly second: SqlNodeType }[];
  } | null;
}

/** Where a token stands in the user's text: UTF-16, as JavaScript and editors count. */
export interface Place {
  readonly start: number;
  readonly end: number;
}

const prefix = 'SELECT ';

/** Longer than anything a person writes, short enough that no parser's stack is at risk. */
export const maxLength = 100_000;
const maxHeight = 1_200;
const tooDeep = 'The expression nests too deep.';

const numbers = /"(?:[^"\\]|\\.)*"|-?(?:\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|Infinity|inf|NaN|nan)/g;

/** JSON with every bare number in quotes. */
export function parseDigits(json: string): unknown {
  return JSON.parse(json.replace(numbers, (token) => (token.startsWith('"') ? token : `"${token}"`)));
}

/** Height of a tree, measured without recursion. */
function height(root: unknown): number {
  let level: unknown[] = [root];
  let levels = 0;
  while (level.length > 0) {
    const next: unknown[] = [];
    for (const value of level) {
      if (typeof value === 'object' && value !== null)
        for (const child of Object.values(value)) if (typeof child === 'object' && child !== null) next.push(child);
    }
    level = next;
    levels++;
  }
  return levels;
}

const template = parseDigits(
  '{"type":"SELECT_NODE","modifiers":[],"cte_map":{"map":[]},"from_table":{"type":"EMPTY","alias":"","sample":null,"query_location":18446744073709551615},"where_clause":null,"group_expressions":[],"group_sets":[],"aggregate_handling":"STANDARD_HANDLING","having":null,"sample":null,"qualify":null}',
) as Record<string, unknown>;

function flaw(code: string, message: string, place: Place, hint?: string): { readonly ok: false; readonly flaw: SqlFlaw } {
  return { ok: false, flaw: { code, message, ...(hint === undefined ? {} : { hint }), start: place.start, end: place.end } };
}

/** The token at a UTF-16 position: a quoted name or text, a word, a number, or one sign. */
export function tokenEnd(text: string, start: number): number {
  const token = /^(?:"(?:[^"]|"")*"|'(?:[^']|'')*'|[\p{L}_][\p{L}\p{N}_$]*|\d[\w.]*|[<>=!~|&*/%+-]+|.)/su.exec(text.slice(start, start + 1000));
  return start + (token === null ? 0 : token[0].length);
}

/** The user's text, and where the tree's byte positions are in it. */
export class SqlText {
  readonly text: string;
  readonly #bytes: Buffer;

  constructor(text: string) {
    this.text = text;
    this.#bytes = Buffer.from(prefix + text, 'utf8');
  }

  get whole(): Place {
    return { start: 0, end: this.text.length };
  }

  /** UTF-16 position of a byte position of the statement; −1 for none. */
  at(location: string | undefined): number {
    const byte = Number(location);
    if (location === undefined || !(byte >= prefix.length) || byte > this.#bytes.length) return -1;
    return this.#bytes.toString('utf8', 0, byte).length - prefix.length;
  }

  token(location: string | undefined): Place | null {
    const start = this.at(location);
    return start < 0 || start > this.text.length ? null : { start, end: tokenEnd(this.text, start) };
  }
}

/**
 * Parses one expression with DuckDB. What is no single expression (a second statement, an alias, a FROM …) is a flaw, and so is text
 * too long or too deep.
 */
export async function parseSql(
  duckdb: Duckdb,
  text: SqlText,
): Promise<{ readonly ok: true; readonly node: SqlNode } | { readonly ok: false; readonly flaw: SqlFlaw }> {
  if (text.text.includes('\0')) return flaw('sql_syntax', 'An expression cannot hold the character U+0000.', text.whole);
  if (text.text.trim() === '') return flaw('sql_syntax', 'The expression is empty.', text.whole);
  if (text.text.length > maxLength)
    return flaw('sql_too_complex', `The expression has ${text.text.length} characters; at most ${maxLength} are accepted.`, text.whole);
  let json: string;
  try {
    json = (await duckdb.query('SELECT json_serialize_sql($1::VARCHAR)', [prefix + text.text])).rows[0][0] as string;
  } catch (error) {
    return flaw('sql_syntax', firstLine(error), text.whole);
  }
  let parsed: { error: boolean; error_message?: string; position?: string; statements?: { node: Record<string, unknown> }[] };
  try {
    parsed = parseDigits(json) as typeof parsed;
  } catch {
    return flaw('sql_too_complex', 'The expression is too complex.', text.whole);
  }
  if (parsed.error) {
    const message = parsed.error_message ?? 'cannot be parsed';
    if (message.startsWith('Only SELECT')) return flaw('sql_syntax', 'One expression is expected, not several statements.', text.whole);
    if (/depth limit|memory exhausted/.test(message)) return flaw('sql_too_complex', tooDeep, text.whole);
    return flaw('sql_syntax', `The expression cannot be parsed: ${message}.`, text.token(parsed.position) ?? text.whole);
  }
  const statements = parsed.statements ?? [];
  const notOne = 'One expression is expected: no second one, no alias, no clause of a query.';
  if (statements.length !== 1) return flaw('sql_syntax', notOne, text.whole);
  const node = statements[0].node;
  const list = node.select_list as SqlNode[] | undefined;
  for (const [key, expected] of Object.entries(template)) {
    if (JSON.stringify(node[key]) !== JSON.stringify(expected)) return flaw('sql_syntax', notOne, text.whole);
  }
  if (list === undefined || list.length !== 1 || (list[0].alias ?? '') !== '') return flaw('sql_syntax', notOne, text.whole);
  if (height(list[0]) > maxHeight) return flaw('sql_too_complex', tooDeep, text.whole);
  return { ok: true, node: list[0] };
}

/** DuckDB's message without its excerpt of the query. */
export function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n')[0];
}
