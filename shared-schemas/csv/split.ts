import { isUtf8 } from 'node:buffer';
import { BadRecord } from '../codec/bad.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const NEWLINE = 0x0a;
const RETURN = 0x0d;

/**
 * Where the record that begins at `from` ends: the position of its newline, −1 when [from, end) holds none (at the end of a
 * file the rest is the record). A newline inside quotes belongs to its cell. A CR before the newline is the record's last byte;
 * decoders ignore it.
 */
export function csvRecordEnd(buffer: Buffer, from: number, end: number): number {
  let pos = from;
  for (;;) {
    if (pos < end && buffer[pos] === QUOTE) {
      pos = closingQuote(buffer, pos + 1, end) + 1;
      if (pos === 0) return -1;
    }
    // what stands unquoted, up to the next cell
    while (pos < end && buffer[pos] !== COMMA && buffer[pos] !== NEWLINE) pos++;
    if (pos >= end) return -1;
    if (buffer[pos] === NEWLINE) return pos;
    pos++;
  }
}

/** The quote that ends a cell (not one of a doubled pair); −1 when there is none. */
function closingQuote(buffer: Buffer, from: number, end: number): number {
  let pos = from;
  for (;;) {
    pos = buffer.indexOf(QUOTE, pos);
    if (pos < 0 || pos >= end) return -1;
    if (pos + 1 >= end || buffer[pos + 1] !== QUOTE) return pos;
    pos += 2;
  }
}

/**
 * The cells of one record by RFC 4180, null for one that is empty and not quoted. Throws {@link BadRecord} for a quote inside
 * an unquoted cell, anything between a closing quote and the comma, a quote that is not closed, or bytes that are not UTF-8.
 */
export function csvCells(buffer: Buffer, start: number, end: number): (string | null)[] {
  let last = end;
  if (last > start && buffer[last - 1] === NEWLINE) last--;
  if (last > start && buffer[last - 1] === RETURN) last--;
  if (!isUtf8(buffer.subarray(start, last))) throw new BadRecord('undecodable', 'the record is not UTF-8');
  const cells: (string | null)[] = [];
  let pos = start;
  for (;;) {
    if (buffer[pos] === QUOTE && pos < last) {
      const close = closingQuote(buffer, pos + 1, last);
      if (close < 0) throw new BadRecord('undecodable', `cell ${cells.length + 1} has no closing quote`);
      if (close + 1 < last && buffer[close + 1] !== COMMA) throw new BadRecord('undecodable', `cell ${cells.length + 1} goes on behind its closing quote`);
      cells.push(buffer.utf8Slice(pos + 1, close).replaceAll('""', '"'));
      pos = close + 1;
    } else {
      let to = pos;
      while (to < last && buffer[to] !== COMMA) {
        if (buffer[to] === QUOTE) throw new BadRecord('undecodable', `cell ${cells.length + 1} has a quote inside and is not quoted`);
        to++;
      }
      cells.push(to === pos ? null : buffer.utf8Slice(pos, to));
      pos = to;
    }
    if (pos >= last) return cells;
    pos++; // the comma: another cell follows, if an empty one
  }
}

/** A cell as it is written: quoted when it is empty or holds a comma, a quote or a line break. */
export function csvCell(text: string): string {
  return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
