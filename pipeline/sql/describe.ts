import type { Duckdb } from '@millrace/runtime/duckdb.ts';
import type { Column } from '@millrace/shared-schemas/types.ts';
import { foldName } from './names.ts';
import { firstLine } from './sql-tree.ts';
import { typeSql } from './sql-type.ts';

function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** DuckDB's own view of an expression's type, over an empty table of the same columns. */
export class Describer {
  readonly #duckdb: Duckdb;
  readonly #tables = new Map<string, Promise<string>>();

  constructor(duckdb: Duckdb) {
    this.#duckdb = duckdb;
  }

  #table(columns: readonly Column[]): Promise<string> {
    const seen = new Set<string>();
    const fields: string[] = [];
    for (const column of columns) {
      // names that differ in case only cannot share a table; the binder refuses them when they are used
      if (seen.has(foldName(column.name))) continue;
      seen.add(foldName(column.name));
      fields.push(`${quotedName(column.name)} ${typeSql(column.type)}`);
    }
    const shape = fields.join(', ') || '"no column" INTEGER';
    let table = this.#tables.get(shape);
    if (table === undefined) {
      const name = `"millrace shape ${this.#tables.size}"`;
      table = this.#duckdb.query(`CREATE TABLE ${name} (${shape})`).then(() => name);
      this.#tables.set(shape, table);
    }
    return table;
  }

  /** The type as DuckDB writes it, or the first line of its refusal. `keys`: what the rows are grouped by. */
  async typeOf(sql: string, columns: readonly Column[], keys: readonly Column[] | null): Promise<{ readonly type: string } | { readonly error: string }> {
    const table = await this.#table(columns);
    const group = keys === null || keys.length === 0 ? '' : ` GROUP BY ${keys.map((key) => quotedName(key.name)).join(', ')}`;
    try {
      const { rows } = await this.#duckdb.query(`DESCRIBE SELECT (${sql}\n) FROM ${table}${group}`);
      return { type: rows[0][1] as string };
    } catch (error) {
      return { error: firstLine(error) };
    }
  }
}

/** A type in the spelling DESCRIBE uses. */
export function describedAs(text: string): string {
  return text.replaceAll('"', '').replaceAll(', ', ',');
}
