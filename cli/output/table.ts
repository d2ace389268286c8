import type { Style } from './color.ts';
import { cut, widthOf } from './width.ts';

export interface TableColumn {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** a longer cell is cut with an ellipsis */
  readonly max?: number;
}

/** Lines of a table: titles, then one line a row, columns two spaces apart, no trailing blanks. Cells have no line breaks and no escapes. */
export function renderTable(columns: readonly TableColumn[], rows: readonly (readonly string[])[], style: Style, indent = ''): string[] {
  const cells = rows.map((row) => columns.map((column, i) => cut(oneLine(row[i] ?? ''), column.max ?? Number.POSITIVE_INFINITY)));
  const widths = columns.map((column, i) => Math.max(widthOf(column.title), ...cells.map((row) => widthOf(row[i]))));
  const line = (row: readonly string[]): string => (indent + row.map((cell, i) => pad(cell, widths[i], columns[i].align ?? 'left')).join('  ')).trimEnd();
  return [style.dim(line(columns.map((column) => column.title))), ...cells.map(line)];
}

function pad(text: string, width: number, align: 'left' | 'right'): string {
  const blanks = ' '.repeat(Math.max(0, width - widthOf(text)));
  return align === 'right' ? blanks + text : text + blanks;
}

/** Data must not move the cursor: control characters become their visible pictures. */
export function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, (char) => (char < '\u0020' ? String.fromCharCode(0x2400 + char.charCodeAt(0)) : '·'));
}
