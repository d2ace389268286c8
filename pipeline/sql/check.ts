import { openDuckdb } from '@millrace/runtime/duckdb.ts';
import type { Column, SqlType } from '@millrace/shared-schemas/types.ts';
import { AggregateCalls, type AggregateOptions, bindKey, refuseAggregate } from './aggregates.ts';
import { type BindContext, bindRoot } from './bind.ts';
import { BindError, type Bound, castTo } from './bound.ts';
import { Describer, describedAs } from './describe.ts';
import type { Checked, CheckedAggregates, SqlFlaw } from './expr.ts';
import { intervalsOf } from './interval.ts';
import { bindName, Scope } from './names.ts';
import { type Place, parseSql, type SqlNode, SqlText } from './sql-tree.ts';
import { typeSql } from './sql-type.ts';
import { type CheckedStatement, StatementChecker } from './statement.ts';

type ScalarResult = { readonly ok: true; readonly checked: Checked } | { readonly ok: false; readonly flaw: SqlFlaw };

/** A `select` as the file has it; flaws are told per entry. */
type AggregateResult =
  | { readonly ok: true; readonly aggregates: CheckedAggregates }
  | { readonly ok: false; readonly flaws: readonly { readonly name: string; readonly flaw: SqlFlaw }[] };

type StatementResult = { readonly ok: true; readonly statement: CheckedStatement } | { readonly ok: false; readonly flaw: SqlFlaw };

export interface Checker {
  /** Checks one scalar expression over the columns; with `expect`, one that a value of that type is needed from. */
  scalar(sql: string, columns: readonly Column[], expect?: SqlType['kind']): Promise<ScalarResult>;
  /**
   * Checks a whole `select` or `add`. Aggregates read `columns`, which hold the keys too; what stands outside them may read only
   * aggregates and `keys`. The calls' results go to slots that no key has.
   */
  aggregates(
    select: readonly { readonly name: string; readonly sql: string }[],
    columns: readonly Column[],
    keys: readonly Column[],
    options?: AggregateOptions,
  ): Promise<AggregateResult>;
  /** Checks one SELECT over a batch: rows of these columns as a table of that name. */
  statement(sql: string, table: string, columns: readonly Column[]): Promise<StatementResult>;
  close(): void;
}

type Root = Bound & { readonly type: SqlType };
type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly flaw: SqlFlaw };

function outcome<T>(work: () => T): Outcome<T> {
  try {
    return { ok: true, value: work() };
  } catch (error) {
    if (error instanceof BindError) return { ok: false, flaw: error.flaw };
    throw error;
  }
}

/** Where a refusal of DuckDB's points is not told: the whole text is marked. */
function refused(code: string, message: string, place: Place, hint?: string): Outcome<never> {
  return { ok: false, flaw: { code, message, ...(hint === undefined ? {} : { hint }), start: place.start, end: place.end } };
}

function expected(root: Root, expect: SqlType['kind'] | undefined, sql: string): Outcome<Root> {
  if (expect === undefined || root.type.kind === expect) return { ok: true, value: root };
  if (expect === 'BOOLEAN' && root.expr.op === 'literal' && root.expr.text === null) {
    const type: SqlType = { kind: 'BOOLEAN' };
    return { ok: true, value: { ...castTo({ ...root, type: { kind: 'NULL' } }, type), type } };
  }
  return refused('type_error', `A value of type ${expect} is needed here, not ${typeSql(root.type)}.`, { start: 0, end: sql.length });
}

function checkedOf(sql: string, root: Root): Checked {
  return { sql, type: root.type, nullable: root.nullable, tree: root.expr };
}

/** Opens the checker: DuckDB parses, and gives its word on every type. Close it when the plan is made. */
export async function openChecker(): Promise<Checker> {
  const duckdb = await openDuckdb({ threads: 1 });
  // millrace's own functions, for DuckDB to type
  await duckdb.query('CREATE MACRO mask(text, keep) AS left(text, CAST(keep AS BIGINT)); CREATE MACRO hmac(text) AS sha256(text)');
  const describer = new Describer(duckdb);
  const statements = new StatementChecker(duckdb);

  /** A column may have the name of a word of SQL, such as `at` or `order`: then it has to stand in quotes. */
  async function withReserved(flaw: SqlFlaw, sql: string, columns: readonly Column[]): Promise<SqlFlaw> {
    if (flaw.code !== 'sql_syntax' || flaw.hint !== undefined) return flaw;
    const words = new Set((sql.match(/[A-Za-z_]\w*/g) ?? []).map((word) => word.toLowerCase()));
    for (const { name } of columns) {
      if (!/^[A-Za-z_]\w*$/.test(name) || !words.has(name.toLowerCase())) continue;
      if (!(await parseSql(duckdb, new SqlText(name))).ok) return { ...flaw, hint: `${name} is a word of SQL: as a column write "${name}", in double quotes.` };
    }
    return flaw;
  }

  /** Parses and binds one text, and compares the type with DuckDB's own. `keys`: what it is grouped by, when it is. */
  async function bound(sql: string, columns: readonly Column[], keys: readonly Column[] | null, more: Partial<BindContext>): Promise<Outcome<Root>> {
    const text = new SqlText(sql);
    const parsed = await parseSql(duckdb, text);
    if (!parsed.ok) return { ok: false, flaw: await withReserved(parsed.flaw, sql, columns) };
    const context: BindContext = { text, scope: new Scope(columns), intervals: await intervalsOf(duckdb, parsed.node), ...more };
    const root = outcome(() => bindRoot(parsed.node, context));
    if (!root.ok) return root;
    const described = await describer.typeOf(sql, columns, keys);
    if ('error' in described)
      return refused(/^Parser Error/.test(described.error) ? 'sql_syntax' : 'type_error', described.error.replace(/^\w+ Error: /, ''), text.whole);
    const own = typeSql(root.value.type);
    if (describedAs(described.type) === describedAs(own)) return root;
    return refused(
      'unsupported_expression',
      `DuckDB types this ${described.type}, the record stage ${own}: it cannot be run exactly.`,
      text.whole,
      'An explicit cast may settle it.',
    );
  }

  return {
    async scalar(sql, columns, expect) {
      const root = await bound(sql, columns, null, { aggregate: refuseAggregate });
      const result = root.ok ? expected(root.value, expect, sql) : root;
      return result.ok ? { ok: true, checked: checkedOf(sql, result.value) } : result;
    },

    async aggregates(select, columns, keys, options = {}) {
      const keySlots = new Set(keys.map((key) => key.slot));
      const calls = new AggregateCalls(keySlots, options);
      const results: { name: string; expr: Checked }[] = [];
      const flaws: { name: string; flaw: SqlFlaw }[] = [];
      for (const { name, sql } of select) {
        const root = await bound(sql, columns, keys, {
          aggregate: (node, context) => calls.bind(node, context),
          column: (node: SqlNode, context) =>
            bindKey(
              bindName({ ...node, column_names: node.column_names?.slice(0, 1) }, context.scope, context.text),
              keySlots,
              node.column_names?.[0] ?? '',
              () => bindName(node, context.scope, context.text),
            ),
        });
        if (root.ok) results.push({ name, expr: checkedOf(sql, root.value) });
        else flaws.push({ name, flaw: root.flaw });
      }
      return flaws.length > 0 ? { ok: false, flaws } : { ok: true, aggregates: { calls: calls.calls, results } };
    },

    statement: (sql, table, columns) => statements.check(sql, table, columns),

    close: () => duckdb.close(),
  };
}
