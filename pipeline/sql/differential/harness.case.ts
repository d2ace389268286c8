import { type Duckdb, openDuckdb, type PlainValue } from '@millrace/runtime/duckdb.ts';
import type { Random } from '@millrace/runtime/random.ts';
import { rowMaker } from '@millrace/shared-schemas/row.ts';
import { FlawError, type Row, type Value } from '@millrace/shared-schemas/types.ts';
import { compile, compilePredicate } from '../compile.ts';
import type { Checked, Expr } from '../expr.ts';
import { typeSql } from '../sql-type.ts';
import type { Drawn } from './expressions.case.ts';
import { columns, rowSql } from './rows.case.ts';

/** What an expression gave for one row: a value, or that it raised. */
export type Outcome = { readonly value: PlainValue | Value } | { readonly raised: string };

/** The table in DuckDB, and the same rows as the record stage has them. */
export class Bench {
  readonly duckdb: Duckdb;
  readonly rows: readonly Row[];

  private constructor(duckdb: Duckdb, rows: readonly Row[]) {
    this.duckdb = duckdb;
    this.rows = rows;
  }

  /** Without its optimizer DuckDB evaluates every part; with it, it leaves out what it finds it does not need, failing or not. */
  static async open(chance: Random, count: number, optimizer: boolean): Promise<Bench> {
    const duckdb = await openDuckdb({ optimizer });
    const fields = columns.map((column) => `"${column.name}" ${typeSql(column.type)}`);
    await duckdb.query(`CREATE TABLE t (${fields.join(', ')}, id INTEGER)`);
    const rows = Array.from({ length: count }, (_, i) => `${rowSql(chance).slice(0, -1)}, ${i})`);
    await duckdb.query(`INSERT INTO t VALUES ${rows.join(',\n')}`);
    // a row on its own: filtered from a larger table, DuckDB may still evaluate its neighbours
    for (let id = 0; id < count; id++) await duckdb.query(`CREATE TABLE row_${id} AS SELECT * FROM t WHERE id = ${id}`);
    const stored = await duckdb.query(`SELECT * FROM t ORDER BY id`);
    const make = rowMaker(columns.map((column) => column.slot));
    const own = stored.rows.map((cells) => {
      const row = make();
      for (const [i, column] of columns.entries()) row[column.slot] = cells[i] as Value;
      return row;
    });
    return new Bench(duckdb, own);
  }

  close(): void {
    this.duckdb.close();
  }

  /** DuckDB's outcomes for each expression and row. Where a whole query fails for one of its rows, the rows are asked one by one. */
  async answers(expressions: readonly string[]): Promise<readonly (readonly Outcome[])[]> {
    const together = await this.#whole(expressions);
    if (together !== null) return together;
    if (expressions.length > 1) {
      const half = expressions.length >> 1;
      return [...(await this.answers(expressions.slice(0, half))), ...(await this.answers(expressions.slice(half)))];
    }
    const outcomes: Outcome[] = [];
    for (let id = 0; id < this.rows.length; id++) {
      try {
        outcomes.push({ value: (await this.duckdb.query(`SELECT ${expressions[0]} FROM row_${id}`)).rows[0][0] });
      } catch (error) {
        outcomes.push({ raised: (error as Error).message.split('\n')[0] });
      }
    }
    return [outcomes];
  }

  async #whole(expressions: readonly string[]): Promise<Outcome[][] | null> {
    try {
      const { rows } = await this.duckdb.query(`SELECT ${expressions.join(',\n')} FROM t ORDER BY id`);
      return expressions.map((_, i) => rows.map((row) => ({ value: row[i] })));
    } catch {
      return null;
    }
  }

  /** Ours. A predicate has to agree with its own expression. */
  own(checked: Checked): readonly Outcome[] {
    const evaluate = compile(checked.tree);
    const holds = checked.type.kind === 'BOOLEAN' ? compilePredicate(checked.tree) : null;
    return this.rows.map((row) => {
      const outcome = attempt(() => evaluate(row));
      if (holds !== null) {
        const test = attempt(() => holds(row));
        const agrees = 'raised' in outcome ? 'raised' in test : 'value' in test && test.value === (outcome.value === true);
        if (!agrees) throw new Error(`predicate and expression differ: ${checked.sql}`);
      }
      return outcome;
    });
  }
}

function attempt(work: () => Value): Outcome {
  try {
    return { value: work() };
  } catch (error) {
    if (error instanceof FlawError) return { raised: error.message };
    throw error;
  }
}

/** Functions of the C library, where two right implementations may differ in the last digits. */
const library = /\b(?:cbrt|exp|ln|log|log2|log10|pow|power|sin|cos|tan|asin|acos|atan|atan2)\(/;

/** Equal, for doubles bit for bit (all NaNs are one); 1e-12 apart at most, relatively, where the C library was asked. */
export function sameOutcome(drawn: Drawn, theirs: Outcome, ours: Outcome): boolean {
  // DuckDB evaluates the two halves of a BETWEEN in an order of its own
  if ('raised' in theirs !== 'raised' in ours && drawn.sql.includes('BETWEEN')) return true;
  if (wraps(drawn, theirs, ours)) return true;
  if ('raised' in theirs || 'raised' in ours) return 'raised' in theirs && 'raised' in ours;
  return sameValue(theirs.value, ours.value, library.test(drawn.sql) ? 1e-12 : 0);
}

/** A double just below the top of an integer type: DuckDB wraps round on this processor, here it fails. See the page's list of differences. */
function wraps(drawn: Drawn, theirs: Outcome, ours: Outcome): boolean {
  const failed = 'raised' in ours || ours.value === null;
  return failed && 'value' in theirs && [-128, -32_768, -2_147_483_648].includes(theirs.value as number) && drawn.sql.includes('CAST(');
}

function sameValue(a: PlainValue | Value, b: PlainValue | Value, tolerance: number): boolean {
  if (Object.is(a, b)) return true;
  // the sign of a NaN is the processor's, and shows in its text only
  if (typeof a === 'string' && typeof b === 'string') return a.replaceAll('-nan', 'nan') === b;
  if (typeof a === 'number' && typeof b === 'number') return Math.abs(a - b) <= tolerance * Math.abs(a);
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((value, i) => sameValue(value, b[i], tolerance));
  if (typeof a === 'object' && typeof b === 'object' && a !== null && b !== null && !(a instanceof Map)) {
    const [x, y] = [a, b] as unknown as Record<string, Value>[];
    return Object.keys(x).every((key) => sameValue(x[key], y[key], tolerance));
  }
  return false;
}

function kindOf(expr: Expr): string {
  return expr.type.kind;
}

/** Every part of a tree by name and types, such as `add.integer(INTEGER, INTEGER)`. */
export function parts(expr: Expr, found: (part: string, short: string) => void): void {
  const children = expr.op === 'cast' ? [expr.arg] : expr.op === 'case' ? [...expr.when.flat(), expr.otherwise] : 'args' in expr ? expr.args : [];
  if (expr.op === 'call') found(`${expr.fn}(${expr.args.map(kindOf).join(', ')})`, `${expr.fn}`);
  else if (expr.op === 'cast') found(`cast ${kindOf(expr.arg)} → ${kindOf(expr)}${expr.safe ? ' safe' : ''}`, 'cast');
  else found(`${expr.op} ${kindOf(expr)}`, expr.op);
  for (const child of children) parts(child, found);
}
