import type { Duckdb } from '@millrace/runtime/duckdb.ts';
import { isSlot } from '@millrace/shared-schemas/row.ts';
import type { Column, SqlType } from '@millrace/shared-schemas/types.ts';
import { BindError } from './bound.ts';
import type { SqlFlaw } from './expr.ts';
import { foldName } from './names.ts';
import { clockNames, refusedFunctions } from './refusals.ts';
import { maxLength, type Place, parseDigits, tokenEnd } from './sql-tree.ts';
import { typeSql } from './sql-type.ts';
import { parseType } from './type-text.ts';

/** A SELECT over one batch that lint has accepted. */
export interface CheckedStatement {
  readonly columns: readonly { readonly name: string; readonly type: SqlType; readonly nullable: true }[];
  /** what in it sees more than one row, so that the limits of batches show: `ORDER BY`, `a window function` … */
  readonly limits: readonly string[];
}

type Answer = { readonly ok: true; readonly statement: CheckedStatement } | { readonly ok: false; readonly flaw: SqlFlaw };

type Tree = Readonly<Record<string, unknown>>;

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value);
const quotedName = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** The text of a statement, and where the tree's byte positions are in it. */
class StatementText {
  readonly text: string;
  readonly #bytes: Buffer;

  constructor(text: string) {
    this.text = text;
    this.#bytes = Buffer.from(text, 'utf8');
  }

  get whole(): Place {
    return { start: 0, end: this.text.length };
  }

  token(location: unknown): Place {
    const byte = Number(location);
    if (location === undefined || !(byte <= this.#bytes.length)) return this.whole;
    return this.from(this.#bytes.toString('utf8', 0, byte).length);
  }

  from(start: number): Place {
    return start >= this.text.length ? this.whole : { start, end: tokenEnd(this.text, start) };
  }
}

interface Functions {
  readonly aggregates: ReadonlySet<string>;
  /** those whose answer is not up to their arguments alone, as DuckDB knows them, and macros that read the session */
  readonly volatile: ReadonlySet<string>;
}

const VOLATILE = `stability <> 'CONSISTENT' OR (function_type = 'macro'
  AND regexp_matches(function_name, '^(pg_|inet_|has_|current_|session_|user$|ago$|col_description|obj_description|shobj_description)'))`;

/** the same for every DuckDB of a process, and slow to ask for */
let functions: Functions | undefined;

async function readFunctions(duckdb: Duckdb): Promise<Functions> {
  const { rows } = await duckdb.query(
    `SELECT lower(function_name), bool_or(function_type = 'aggregate'), coalesce(bool_or(${VOLATILE}), false) FROM duckdb_functions() GROUP BY 1`,
  );
  const named = (column: number): ReadonlySet<string> => new Set(rows.filter((row) => row[column] === true).map(([name]) => String(name)));
  return { aggregates: named(1), volatile: named(2) };
}

/** Checks statements against an empty table of the rows' types, in a DuckDB of the checker's. */
export class StatementChecker {
  readonly #duckdb: Duckdb;

  constructor(duckdb: Duckdb) {
    this.#duckdb = duckdb;
  }

  /** One SELECT that reads nothing but `table`, whose rows have `columns`, and gives columns that a row can hold. */
  async check(sql: string, table: string, columns: readonly Column[]): Promise<Answer> {
    const text = new StatementText(sql);
    try {
      const limits = await this.#walk(text, table);
      return { ok: true, statement: { columns: await this.#result(text, table, columns), limits } };
    } catch (error) {
      if (error instanceof BindError) return { ok: false, flaw: error.flaw };
      throw error;
    }
  }

  async #walk(text: StatementText, table: string): Promise<string[]> {
    const node = await this.#parse(text);
    functions ??= await readFunctions(this.#duckdb);
    const { volatile, aggregates } = functions;
    const common = new Set<string>();
    const nodes: Tree[] = [];
    const todo: unknown[] = [node];
    while (todo.length > 0) {
      const next = todo.pop();
      if (Array.isArray(next)) todo.push(...next);
      else if (isTree(next)) {
        nodes.push(next);
        for (const { key } of mapEntries(next)) common.add(foldName(String(key)));
        todo.push(...Object.values(next));
      }
    }
    const flaws = nodes.flatMap((one) => flawOf(one, { text, table, common, volatile }) ?? []);
    const [first] = flaws.toSorted((a, b) => a.flaw.start - b.flaw.start);
    if (first !== undefined) throw first;
    return limitsOf(nodes, aggregates);
  }

  async #parse(text: StatementText): Promise<unknown> {
    const { text: sql, whole } = text;
    if (sql.includes('\0')) throw new BindError('sql_syntax', 'A statement cannot hold the character U+0000.', whole);
    if (sql.length > maxLength) throw new BindError('sql_too_complex', `The statement has ${sql.length} characters; at most ${maxLength} are accepted.`, whole);
    let parsed: { error: boolean; error_message?: string; position?: string; statements?: { node: unknown }[] };
    try {
      parsed = parseDigits((await this.#duckdb.query('SELECT json_serialize_sql($1::VARCHAR)', [sql])).rows[0][0] as string) as typeof parsed;
    } catch {
      throw new BindError('sql_too_complex', 'The statement is too complex.', whole);
    }
    if (parsed.error) {
      const message = parsed.error_message ?? 'cannot be parsed';
      if (message.startsWith('Only SELECT')) throw new BindError('unsupported_statement', 'Only a SELECT can stand here.', whole);
      throw new BindError('sql_syntax', `The statement cannot be parsed: ${message}.`, parsed.position === undefined ? whole : text.token(parsed.position));
    }
    const statements = parsed.statements ?? [];
    if (statements.length !== 1) throw new BindError('unsupported_statement', `One SELECT is expected, here are ${statements.length} statements.`, whole);
    return statements[0].node;
  }

  /** Runs it over no rows: DuckDB's own word on names and types. */
  async #result(text: StatementText, table: string, columns: readonly Column[]): Promise<CheckedStatement['columns']> {
    const fields = columns.map(({ name, type }) => `${quotedName(name)} ${typeSql(type)}`).join(', ');
    await this.#duckdb.query(`CREATE TEMP TABLE ${quotedName(table)} (${fields})`);
    let found: readonly { readonly name: string; readonly type: string }[];
    try {
      found = (await this.#duckdb.query(text.text)).columns;
    } catch (error) {
      throw refusal(error, text);
    } finally {
      await this.#duckdb.query(`DROP TABLE temp.${quotedName(table)}`);
    }
    const seen = new Set<string>();
    return found.map(({ name, type }) => {
      const held = parseType(type);
      if (!isSlot(name))
        throw new BindError('bad_name', `The result has a column called ${JSON.stringify(name)}, which is no name.`, text.whole, 'Name it with AS.');
      if (held === null)
        throw new BindError('unsupported_type', `The result's column ${name} is ${type}, which no record can hold.`, text.whole, castHint(name, type));
      if (seen.has(foldName(name)))
        throw new BindError('duplicate_column', `The result has two columns called ${name}.`, text.whole, 'Name one of them with AS.');
      seen.add(foldName(name));
      return { name, type: held, nullable: true };
    });
  }
}

interface Surroundings {
  readonly text: StatementText;
  readonly table: string;
  /** names of common table expressions */
  readonly common: ReadonlySet<string>;
  readonly volatile: ReadonlySet<string>;
}

function mapEntries(node: Tree): readonly { readonly key: unknown }[] {
  const map = isTree(node.cte_map) ? node.cte_map.map : undefined;
  return Array.isArray(map) ? map.filter(isTree).map(({ key }) => ({ key })) : [];
}

/** What one node of the tree may not be. */
function flawOf(node: Tree, { text, table, common, volatile }: Surroundings): BindError | null {
  const place = text.token(node.query_location);
  const refuse = (message: string, hint?: string): BindError => new BindError('unsupported_statement', message, place, hint);
  const only = `It sees the table ${table} alone, the rows of one batch.`;
  if (isTree(node.sample)) return refuse('A sample is drawn by chance, and a batch that is run again has to give the same.');
  switch (node.type) {
    case 'TABLE_FUNCTION':
      return refuse(`The statement cannot read the table function ${String((node.function as Tree | undefined)?.function_name)}.`, only);
    case 'SHOW_REF':
      return refuse('Only a SELECT can stand here.');
    case 'BASE_TABLE': {
      const name = String(node.table_name);
      const plain = (node.schema_name ?? '') === '' && (node.catalog_name ?? '') === '';
      if (plain && (foldName(name) === foldName(table) || common.has(foldName(name)))) return null;
      return refuse(`The statement reads ${[node.catalog_name, node.schema_name, name].filter(Boolean).join('.')}.`, only);
    }
    case 'COLUMN_REF': {
      const names = Array.isArray(node.column_names) ? node.column_names : [];
      return names.length === 1 && clockNames.has(foldName(String(names[0]))) ? clockFlaw(String(names[0]), place) : null;
    }
    default:
  }
  if (node.class === 'PARAMETER') return refuse('A statement has no parameters.');
  if (node.class !== 'FUNCTION' && node.class !== 'WINDOW') return null;
  const name = foldName(String(node.function_name));
  if (name === 'mask' || name === 'hmac') return refuse(`${name} is millrace's own, and DuckDB does not have it.`, 'Compute it in a map step.');
  if (name === 'reservoir_quantile' || volatile.has(name) || (refusedFunctions[name] ?? '').startsWith('it reads the clock')) return clockFlaw(name, place);
  return null;
}

function clockFlaw(name: string, place: Place): BindError {
  return new BindError('unsupported_function', `${name} reads the clock, chance or the session, and a batch that is run again has to give the same.`, place);
}

/** The forms by which one row's result depends on others. */
function limitsOf(nodes: readonly Tree[], aggregates: ReadonlySet<string>): string[] {
  const found = new Set<string>();
  for (const node of nodes) {
    if (node.class === 'WINDOW') found.add('window functions');
    if (node.class === 'FUNCTION' && aggregates.has(foldName(String(node.function_name)))) found.add('aggregates');
    if (Array.isArray(node.group_expressions) && node.group_expressions.length > 0) found.add('GROUP BY');
    if (node.type === 'DISTINCT_MODIFIER') found.add('DISTINCT');
    if (node.type === 'LIMIT_MODIFIER' || node.type === 'LIMIT_PERCENT_MODIFIER') found.add('LIMIT');
    if (node.type === 'JOIN') found.add('joins');
    if (node.type === 'SET_OPERATION_NODE' && node.setop_all !== true) found.add('set operations');
    if (node.class === 'SUBQUERY') found.add('subqueries');
  }
  return [...found].sort();
}

function castHint(name: string, type: string): string {
  const to: Readonly<Record<string, string>> = {
    'TIMESTAMP WITH TIME ZONE': 'TIMESTAMP',
    UTINYINT: 'SMALLINT',
    USMALLINT: 'INTEGER',
    UINTEGER: 'BIGINT',
    UBIGINT: 'HUGEINT',
    UHUGEINT: 'HUGEINT',
  };
  return `Cast it: CAST(… AS ${Object.hasOwn(to, type) ? to[type] : 'VARCHAR'}) AS ${name}.`;
}

/** DuckDB's refusal, at the place its caret points to. */
function refusal(error: unknown, text: StatementText): BindError {
  const message = error instanceof Error ? error.message : String(error);
  const [first] = message.split('\n');
  const shown = first.replace(/^[A-Za-z ]*Error: /, '');
  const caret = /\n\nLINE (\d+): ([^\n]*)\n( *)\^/.exec(message);
  const hint = /\nDid you mean "([^"]+)"/.exec(message)?.[1] ?? /\nCandidate bindings: "([^"]+)"/.exec(message)?.[1];
  const code = /^Binder Error: Referenced column/.test(first) ? 'unknown_column' : /^Parser Error/.test(first) ? 'sql_syntax' : 'type_error';
  return new BindError(code, shown, caret === null ? text.whole : placeOf(caret, text), hint === undefined ? undefined : `Did you mean ${hint}?`);
}

/** Long lines are cut at both ends in DuckDB's excerpt: its words are looked up in the line. */
function placeOf([, line, excerpt, blanks]: RegExpExecArray, text: StatementText): Place {
  const lines = text.text.split('\n');
  const number = Number(line);
  const before = lines.slice(0, number - 1).reduce((sum, one) => sum + one.length + 1, 0);
  const shown = excerpt.replace(/^\.\.\.|\.\.\.$/g, '');
  const cut = (lines[number - 1] ?? '').indexOf(shown);
  if (cut < 0) return text.whole;
  const column = blanks.length - `LINE ${line}: `.length - (excerpt.startsWith('...') ? 3 : 0);
  return text.from(before + cut + Math.max(0, column));
}
