import type { Column, SqlType } from '@millrace/shared-schemas/types.ts';
import { BindError, type Bound } from './bound.ts';
import type { Expr } from './expr.ts';
import { clockNames } from './refusals.ts';
import type { Place, SqlNode, SqlText } from './sql-tree.ts';
import { typeSql } from './sql-type.ts';

/** As DuckDB folds identifiers: ASCII letters only. */
export function foldName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length];
}

/** A known name near to a wrong one, or null. */
function nearest(wrong: string, known: readonly string[]): string | null {
  const folded = foldName(wrong);
  let best: string | null = null;
  let least = Math.max(1, Math.floor(wrong.length / 3)) + 1;
  for (const name of known) {
    const far = distance(folded, foldName(name));
    if (far < least) {
      least = far;
      best = name;
    }
  }
  return best;
}

export function meant(wrong: string, known: readonly string[], noun: string): string {
  const near = nearest(wrong, known);
  if (near !== null) return `Did you mean ${near}?`;
  const shown = known.slice(0, 12).join(', ');
  return known.length === 0 ? `There are no ${noun}s here.` : `Known ${noun}s: ${shown}${known.length > 12 ? ', …' : ''}.`;
}

/** Where each part of `a.b."c d"` stands, from the place of the first. */
function partPlaces(text: string, start: number, count: number): Place[] {
  const places: Place[] = [];
  let at = start;
  for (let i = 0; i < count; i++) {
    const part = /^(?:\s*\.\s*)?("(?:[^"]|"")*"|[^\s."()[\],+*/%<>=!|&^~@#;:'-]+)/u.exec(text.slice(at, at + 1000));
    if (part === null) break;
    at += part[0].length;
    places.push({ start: at - part[1].length, end: at });
  }
  return places;
}

/** The columns an expression may name, found as DuckDB finds them: by case-insensitive name. */
export class Scope {
  readonly columns: readonly Column[];
  readonly #byName = new Map<string, Column[]>();

  constructor(columns: readonly Column[]) {
    this.columns = columns;
    for (const column of columns) {
      const name = foldName(column.name);
      this.#byName.set(name, [...(this.#byName.get(name) ?? []), column]);
    }
  }

  find(name: string): readonly Column[] {
    return this.#byName.get(foldName(name)) ?? [];
  }
}

/** One field of a struct. */
export function bindField(of: Bound, name: string, place: Place): Bound {
  if (of.type.kind !== 'STRUCT')
    throw new BindError(
      'type_error',
      `${JSON.stringify(name)} is asked of a value that is no struct${of.type.kind === 'NULL' ? '' : ` but ${typeSql(of.expr.type)}`}.`,
      place,
    );
  const fields = of.type.fields.filter((field) => foldName(field.name) === foldName(name));
  if (fields.length === 0)
    throw new BindError(
      'unknown_column',
      `The struct has no field ${name}.`,
      place,
      meant(
        name,
        of.type.fields.map((field) => field.name),
        'field',
      ),
    );
  const expr: Expr = { op: 'call', fn: 'struct_extract', args: [of.expr], detail: fields[0].name, type: fields[0].type };
  return { expr, type: fields[0].type as SqlType, nullable: true, place };
}

/** A column, or a path into one. */
export function bindName(node: SqlNode, scope: Scope, text: SqlText): Bound {
  const path = node.column_names ?? [];
  const start = text.at(node.query_location);
  const places = start < 0 ? [] : partPlaces(text.text, start, path.length);
  const place = places[0] ?? text.whole;
  const found = scope.find(path[0]);
  if (found.length === 0) {
    if (path.length === 1 && clockNames.has(foldName(path[0]))) {
      throw new BindError('unsupported_function', `${path[0]} reads the clock or the session: a record's result may only depend on the record.`, place);
    }
    throw new BindError(
      'unknown_column',
      `There is no column ${path[0]}.`,
      place,
      meant(
        path[0],
        scope.columns.map((column) => column.name),
        'column',
      ),
    );
  }
  if (found.length > 1)
    throw new BindError('unknown_column', `Several columns are called ${path[0]} but for upper and lower case, which SQL does not tell apart.`, place);
  const column = found[0];
  let bound: Bound = { expr: { op: 'column', slot: column.slot, type: column.type }, type: column.type, nullable: column.nullable, place };
  for (let i = 1; i < path.length; i++) bound = bindField(bound, path[i], places[i] ?? place);
  return { ...bound, place: { start: place.start, end: (places.at(-1) ?? place).end } };
}
