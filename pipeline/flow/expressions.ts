import type { ErrorCode } from '@millrace/runtime/errors.ts';
import type { Column } from '@millrace/shared-schemas/types.ts';
import type { Report } from '../report.ts';
import type { NamedExpression } from '../spec/kinds.ts';
import type { AggregateOptions } from '../sql/aggregates.ts';
import type { Checker } from '../sql/check.ts';
import type { AggregateCall, Checked, SqlFlaw } from '../sql/expr.ts';
import type { CheckedStatement } from '../sql/statement.ts';
import type { ScalarNode } from '../yaml/node.ts';
import type { Stream } from './stream.ts';

type Columns = Pick<Stream, 'columns' | 'broken'>;

export interface Aggregates {
  readonly calls: readonly AggregateCall[];
  readonly results: readonly { readonly name: string; readonly expr: Checked }[];
  /** names whose expression was refused */
  readonly broken: readonly string[];
}

/** The expressions of one file, checked against columns; flaws become findings at their place in the file. */
export class Expressions {
  readonly #checker: Checker;
  readonly #report: Report;
  /** stands where an expression was refused; no plan with it is ever given out */
  readonly nothing: Checked = { sql: 'NULL', type: { kind: 'BOOLEAN' }, nullable: true, tree: { op: 'literal', text: null, type: { kind: 'BOOLEAN' } } };

  constructor(checker: Checker, report: Report) {
    this.#checker = checker;
    this.#report = report;
  }

  /** Null when there are flaws; they are reported. */
  async scalar(node: ScalarNode, columns: Columns): Promise<Checked | null> {
    return this.#scalar(node, columns);
  }

  async #scalar(node: ScalarNode, columns: Columns, expect?: 'BOOLEAN'): Promise<Checked | null> {
    const answer = await this.#checker.scalar(node.text, columns.columns, expect);
    if (answer.ok) return answer.checked;
    if (this.#tell(node, answer.flaw, columns)) return null;
    // a column that is missing for another finding hides what is wrong besides: look again as if it were there
    const guessed = [...columns.broken].map((name) => ({ name, type: { kind: 'BIGINT' } as const, nullable: true, slot: name }));
    const again = await this.#checker.scalar(node.text, [...columns.columns, ...guessed], expect);
    if (!again.ok && again.flaw.code === 'unknown_column') this.#tell(node, again.flaw, columns);
    return null;
  }

  /** An expression that has to be BOOLEAN. */
  async condition(node: ScalarNode, columns: Columns): Promise<Checked> {
    return (await this.#scalar(node, columns, 'BOOLEAN')) ?? this.nothing;
  }

  /** Aggregates of a window or rolling step; `keys` may be used beside them. */
  async aggregates(items: readonly NamedExpression[], columns: Columns, keys: readonly Column[], options: AggregateOptions): Promise<Aggregates> {
    const written = (some: readonly NamedExpression[]) => some.map(({ name, expr }) => ({ name: name.text, sql: expr.text }));
    const answer = await this.#checker.aggregates(written(items), columns.columns, keys, options);
    if (answer.ok) return { ...answer.aggregates, broken: [] };
    const broken = new Set(answer.flaws.map(({ name }) => name));
    for (const { name, flaw } of answer.flaws) {
      const item = items.find((one) => one.name.text === name);
      if (item !== undefined) this.#tell(item.expr, flaw, columns);
    }
    const rest = items.filter(({ name }) => !broken.has(name.text));
    const again = await this.#checker.aggregates(written(rest), columns.columns, keys, options);
    return again.ok ? { ...again.aggregates, broken: [...broken] } : { calls: [], results: [], broken: items.map(({ name }) => name.text) };
  }

  /** One SELECT over a batch of the columns; null when there is a flaw, which is reported. */
  async statement(node: ScalarNode, table: string, columns: Columns): Promise<CheckedStatement | null> {
    const answer = await this.#checker.statement(node.text, table, columns.columns);
    if (answer.ok) return answer.statement;
    this.#tell(node, answer.flaw, columns);
    return null;
  }

  /** False when the flaw is only the echo of another. */
  #tell(node: ScalarNode, flaw: SqlFlaw, { broken }: Columns): boolean {
    const named = node.text.slice(flaw.start, flaw.end).replaceAll('"', '').toLowerCase();
    if (flaw.code === 'unknown_column' && [...broken].some((name) => name.toLowerCase() === named)) return false;
    this.#report.error(node.locate(flaw.start, flaw.end), flaw.code as ErrorCode, flaw.message, flaw.hint);
    return true;
  }
}
