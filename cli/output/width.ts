import { stripVTControlCharacters } from 'node:util';

/** Columns a text takes on a terminal: escapes none, East Asian wide characters and emoji two, combining marks none. */
export function widthOf(text: string): number {
  let width = 0;
  for (const char of stripVTControlCharacters(text)) width += /[\p{Mn}\p{Me}\p{Cf}]/u.test(char) ? 0 : isWide(char.codePointAt(0) as number) ? 2 : 1;
  return width;
}

/** Cuts a text without escapes to `width` columns, the last one an ellipsis. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let out = '';
  let used = 0;
  for (const char of text) {
    used += widthOf(char);
    if (used > width - 1) break;
    out += char;
  }
  return `${out}…`;
}

/** Ranges of Unicode's EastAsianWidth.txt that are W or F, the blocks in practical use. */
function isWide(code: number): boolean {
  return (
    code >= 0x1100 &&
    (code <= 0x115f ||
      (code >= 0x2e80 && code <= 0xa4cf) ||
      (code >= 0xac00 && code <= 0xd7a3) ||
      (code >= 0xf900 && code <= 0xfaff) ||
      (code >= 0xfe30 && code <= 0xfe6f) ||
      (code >= 0xff00 && code <= 0xff60) ||
      (code >= 0xffe0 && code <= 0xffe6) ||
      (code >= 0x1f300 && code <= 0x1f64f) ||
      (code >= 0x1f900 && code <= 0x1f9ff) ||
      (code >= 0x20000 && code <= 0x3fffd))
  );
}
