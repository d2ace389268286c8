import { type Duckdb, openDuckdb } from '@millrace/runtime/duckdb.ts';
import { FlawError, type SqlKind, type SqlType, type Value } from '@millrace/shared-schemas/types.ts';
import { expect } from 'vitest';
import type { Overload, ScalarFunction } from './function.ts';

/** Compares overloads with the real DuckDB over every combination of given arguments, the cases that raise included. */

/** A column of arguments of one type, as text that DuckDB casts to it. NULL is always added. */
export interface Column {
  readonly type: string;
  readonly values: readonly string[];
}

export interface Comparison {
  /** the call, with `$1`, `$2` … for the columns */
  readonly sql: string;
  readonly overload: Overload;
  readonly columns: readonly Column[];
  /** how the call's arguments are made of the columns' values, when it has constants too */
  readonly args?: (values: readonly Value[]) => readonly Value[];
  readonly types?: (types: readonly SqlType[]) => readonly SqlType[];
  readonly detail?: string;
  /** greatest distance between doubles in units in the last place; default 0 */
  readonly ulps?: number;
}

interface Outcome {
  readonly pairs: number;
  readonly raised: number;
  readonly differences: readonly string[];
}

export function typeOf(text: string): SqlType {
  const decimal = /^DECIMAL\((\d+),(\d+)\)$/.exec(text);
  if (decimal) return { kind: 'DECIMAL', width: Number(decimal[1]), scale: Number(decimal[2]) };
  if (text.endsWith('[]')) return { kind: 'LIST', of: typeOf(text.slice(0, -2)) };
  return { kind: text as SqlKind };
}

function typeText(type: SqlType): string {
  if (type.kind === 'DECIMAL') return `DECIMAL(${type.width},${type.scale})`;
  if (type.kind === 'LIST') return `${typeText(type.of)}[]`;
  return type.kind;
}

export function overloadNamed(functions: readonly ScalarFunction[], fn: string): Overload {
  const found = functions.flatMap((one) => one.overloads).find((overload) => overload.fn === fn);
  if (found === undefined) throw new Error(`no overload ${fn}`);
  return found;
}

/** Calls an overload as the compiled expression does. */
export function caller(overload: Overload, types: readonly SqlType[], detail?: string): (values: readonly Value[]) => Value {
  const result = typeof overload.returns === 'function' ? overload.returns(types, detail) : overload.returns;
  const fn = overload.make(types, result, detail);
  return (values) => (overload.nulls === 'propagate' && values.includes(null) ? null : fn(...values));
}

const bits = new BigInt64Array(1);
const double = new Float64Array(bits.buffer);

function ordinal(value: number): bigint {
  double[0] = value;
  return bits[0] < 0n ? -(bits[0] & 0x7fffffffffffffffn) : bits[0];
}

function near(a: Value, b: Value, ulps: number): boolean {
  if (Object.is(a, b)) return true;
  if (ulps === 0 || typeof a !== 'number' || typeof b !== 'number' || !Number.isFinite(a) || !Number.isFinite(b)) return false;
  const distance = ordinal(a) - ordinal(b);
  return distance <= BigInt(ulps) && -distance <= BigInt(ulps);
}

const RAISED = Symbol('raised');

function attempt(call: (values: readonly Value[]) => Value, values: readonly Value[]): Value | typeof RAISED {
  try {
    return call(values);
  } catch (error) {
    if (error instanceof FlawError && error.code === 'expression_failed') return RAISED;
    throw error;
  }
}

function shown(value: unknown): string {
  if (value === RAISED) return 'raises';
  if (Object.is(value, -0)) return '-0';
  return typeof value === 'string' ? JSON.stringify(value) : Array.isArray(value) ? `[${value.map(shown)}]` : String(value);
}

export interface Oracle {
  compare(comparison: Comparison): Promise<Outcome>;
  readonly duckdb: Duckdb;
  close(): void;
}

export async function openOracle(): Promise<Oracle> {
  const duckdb = await openDuckdb();
  let tables = 0;

  /** Every row's value, `RAISED` where DuckDB raises: all at once if none does, else through TRY and its NULLs one by one. */
  async function answers(call: string, from: string, ids: readonly string[]): Promise<{ type: string; values: (Value | typeof RAISED)[] }> {
    const order = ids.join(', ');
    const all = (expression: string, where = 'true') => duckdb.query(`SELECT ${expression} FROM ${from} WHERE ${where} ORDER BY ${order}`);
    const one = async (at: readonly unknown[]): Promise<Value | typeof RAISED> => {
      // MATERIALIZED keeps the one row a column: a constant would be folded by other code
      const row = `WITH one AS MATERIALIZED (SELECT * FROM ${from} WHERE ${ids.map((id, i) => `${id} = ${at[i]}`).join(' AND ')})`;
      const names = ids.map((_, i) => `i${i}, v${i}`).join(', ');
      try {
        return (await duckdb.query(`${row} SELECT ${call.replaceAll(/\bt(\d+)\.v/g, 'v$1')} FROM (SELECT * FROM one) AS one(${names})`)).rows[0][0] as Value;
      } catch {
        return RAISED;
      }
    };
    const known = new Map<string, Value | typeof RAISED>();
    const note = async (rows: readonly (readonly unknown[])[]) => {
      for (const [value, ...at] of rows) known.set(at.join(), value === null ? await one(at) : (value as Value));
    };
    try {
      const { columns, rows } = await all(call);
      return { type: columns[0].type, values: rows.map(([value]) => value as Value) };
    } catch {
      // `>` keeps this from being folded; only the type and the rows' numbers are wanted
      const { columns, rows } = await all(`CASE WHEN random() > 2 THEN ${call} END, ${order}`);
      try {
        await note((await all(`TRY(${call}), ${order}`)).rows);
      } catch {
        // TRY does not catch errors of syntax, such as that of a pattern: go by the last column's values, and one by one where one raises
        const last = ids[ids.length - 1];
        for (const value of new Set(rows.map((row) => row[row.length - 1]))) {
          try {
            for (const [answer, ...at] of (await all(`${call}, ${order}`, `${last} = ${value}`)).rows) known.set(at.join(), answer as Value);
          } catch {
            await note(rows.filter((row) => row[row.length - 1] === value));
          }
        }
      }
      return { type: columns[0].type, values: rows.map(([, ...at]) => known.get(at.join()) as Value | typeof RAISED) };
    }
  }

  return {
    duckdb,
    close: () => duckdb.close(),
    async compare({ sql, overload, columns, args = (values) => values, types = (given) => given, detail, ulps = 0 }) {
      const lists: Value[][] = [];
      const names: string[] = [];
      for (const [i, { type, values: texts }] of columns.entries()) {
        const name = `g${tables++}`;
        names.push(`${name} AS t${i}`);
        const rows = [...texts.map((text) => `'${text.replaceAll("'", "''")}'`), 'NULL'].map((literal, n) => `(${n}, ${literal})`);
        await duckdb.query(`CREATE TABLE ${name} AS SELECT i, v::${type} AS v FROM (VALUES ${rows.join(', ')}) AS t(i, v)`);
        lists.push((await duckdb.query(`SELECT v FROM ${name} ORDER BY i`)).rows.map(([value]) => value as Value));
      }
      const call = sql.replaceAll(/\$(\d)/g, (_, n) => `t${Number(n) - 1}.v`);
      const expected = await answers(
        call,
        names.join(', '),
        columns.map((_, i) => `t${i}.i`),
      );
      const argTypes = types(columns.map(({ type }) => typeOf(type)));
      const ours = caller(overload, argTypes, detail);
      const result = typeof overload.returns === 'function' ? overload.returns(argTypes, detail) : overload.returns;
      const differences: string[] = [];
      if (typeText(result) !== expected.type) differences.push(`${sql} is ${expected.type}, not ${typeText(result)}`);
      let combinations: Value[][] = [[]];
      for (const list of lists) combinations = combinations.flatMap((head) => list.map((value) => [...head, value]));
      let raised = 0;
      for (const [i, values] of combinations.entries()) {
        const answer = attempt(ours, args(values));
        const right = expected.values[i];
        if (right === RAISED) raised++;
        const same = answer === right || (answer !== RAISED && right !== RAISED && near(answer, right, ulps));
        if (!same) differences.push(`${sql} of (${values.map(shown).join(', ')}): ${shown(right)}, not ${shown(answer)}`);
      }
      return { pairs: combinations.length, raised, differences };
    },
  };
}

/** Runs comparisons and expects no difference; `raises` names how many answers at least must be errors, so that they are known to be drawn. */
export async function expectSame(oracle: Oracle, comparisons: readonly Comparison[], { raises = 0 } = {}): Promise<void> {
  const differences: string[] = [];
  let raised = 0;
  for (const comparison of comparisons) {
    const outcome = await oracle.compare(comparison);
    differences.push(...outcome.differences);
    raised += outcome.raised;
  }
  expect(differences).toEqual([]);
  expect(raised).toBeGreaterThanOrEqual(raises);
}
