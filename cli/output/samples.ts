import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { plainStyle } from './color.ts';
import { time } from './numbers.ts';
import { renderTable, type TableColumn } from './table.ts';
import { cut, widthOf } from './width.ts';

/** How much of a file's end is read to find its last lines. */
const TAIL_BYTES = 64 * 1024;
/** characters of `2026-01-05 ` */
const DAY = 11;

/** The last `n` whole lines of a file, oldest first; none when it cannot be read. */
export function lastLines(path: string, n: number): string[] {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return [];
  }
  try {
    const { size } = fstatSync(file);
    const from = Math.max(0, size - TAIL_BYTES);
    const buffer = Buffer.alloc(size - from);
    const read = readSync(file, buffer, 0, buffer.length, from);
    const text = buffer.toString('utf8', 0, read);
    const lines = text.split('\n').slice(from > 0 ? 1 : 0);
    return lines.filter((line) => line.trim() !== '').slice(-n);
  } finally {
    closeSync(file);
  }
}

/** JSON rows as a table of at most `columns` width, those columns that are `times` readable; lines that are no objects stay as they are. */
export function renderRows(lines: readonly string[], columns: number, times: ReadonlySet<string>): string[] {
  const rows = lines.map(parse);
  if (rows.some((row) => row === null)) return lines.map((line) => cut(line, columns));
  const names = [...new Set(rows.flatMap((row) => Object.keys(row as object)))];
  const table = (short: boolean): string[] => {
    const drawn = names.map((name) =>
      drawColumn(
        name,
        rows.map((row) => row?.[name]),
        times.has(name),
        short,
      ),
    );
    return renderTable(
      drawn.map(({ column }) => column),
      rows.map((_, i) => drawn.map(({ cells }) => cells[i])),
      plainStyle,
    );
  };
  const full = table(false);
  return (full.some((line) => widthOf(line) > columns) ? table(true) : full).map((line) => cut(line, columns));
}

/** A column's cells: numbers with as many decimals each, points below one another; times of one day `short`, without the day. */
function drawColumn(title: string, values: readonly unknown[], isTime: boolean, short: boolean): { readonly column: TableColumn; readonly cells: string[] } {
  const isNumber = !isTime && values.every((value) => typeof value === 'number');
  const cells = values.map((value) => cell(value, isTime));
  if (isNumber) {
    const decimals = Math.max(...cells.map((text) => text.split('.')[1]?.length ?? 0));
    for (const [i, text] of cells.entries()) if (/^-?\d+(\.\d+)?$/.test(text)) cells[i] = Number(text).toFixed(decimals);
  }
  const sameDay = isTime && short && cells.every((text) => text.length > DAY && text.slice(0, DAY) === cells[0].slice(0, DAY));
  return { column: { title, align: isNumber ? 'right' : 'left', max: 32 }, cells: sameDay ? cells.map((text) => text.slice(DAY)) : cells };
}

function parse(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line, exact);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** Integers that a number cannot hold, in full digits. */
function exact(_: string, value: unknown, context?: { source?: string }): unknown {
  return typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? '') ? context?.source : value;
}

function cell(value: unknown, isTime: boolean): string {
  if (value === undefined) return '';
  if (typeof value === 'number' && isTime) return time(value);
  if (typeof value === 'number' && !Number.isInteger(value)) return String(Math.round(value * 1e6) / 1e6);
  return typeof value === 'string' ? value : JSON.stringify(value);
}
