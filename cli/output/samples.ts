import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { plainStyle } from './color.ts';
import { time } from './numbers.ts';
import { renderTable } from './table.ts';
import { cut } from './width.ts';

/** How much of a file's end is read to find its last lines. */
const TAIL_BYTES = 64 * 1024;

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
  const cells = rows.map((row) => names.map((name) => cell((row as Record<string, unknown>)[name], times.has(name))));
  const isNumber = (i: number): boolean => rows.every((row) => typeof (row as Record<string, unknown>)[names[i]] === 'number') && !times.has(names[i]);
  const table = renderTable(
    names.map((name, i) => ({ title: name, align: isNumber(i) ? 'right' : 'left', max: 32 })),
    cells,
    plainStyle,
  );
  return table.map((line) => cut(line, columns));
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
