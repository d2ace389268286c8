/**
 * From a position in a scalar's text to the place in the file it was read from. Folding, indentation and line breaks only
 * ever change white space, so all other characters stand in the source in the same order; aligning on them is exact for
 * every token, and white space maps to the white space around it.
 */
export type ScalarStyle = 'plain' | 'single' | 'double' | 'block';

/** What one piece of source stands for in the text. */
interface Atom {
  readonly text: string;
  readonly at: number;
  readonly length: number;
}

const ESCAPE: Readonly<Record<string, string>> = {
  '0': '\0',
  a: '\x07',
  b: '\b',
  e: '\x1b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  N: '\u0085',
  _: '\u00a0',
  L: '\u2028',
  P: '\u2029',
};
const HEX: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

function atomAt(source: string, i: number, style: ScalarStyle): Atom {
  const char = source[i];
  if (style === 'single' && char === "'" && source[i + 1] === "'") return { text: "'", at: i, length: 2 };
  if (style === 'double' && char === '\\' && i + 1 < source.length) {
    const next = source[i + 1];
    const digits = HEX[next];
    if (digits !== undefined) {
      const point = Number.parseInt(source.slice(i + 2, i + 2 + digits), 16);
      return { text: point <= 0x10ffff ? String.fromCodePoint(point) : '', at: i, length: 2 + digits };
    }
    if (next === '\r' && source[i + 2] === '\n') return { text: '', at: i, length: 3 };
    if (next === '\n' || next === '\r') return { text: '', at: i, length: 2 };
    return { text: Object.hasOwn(ESCAPE, next) ? ESCAPE[next] : next, at: i, length: 2 };
  }
  return { text: char, at: i, length: 1 };
}

const isBlank = (text: string): boolean => text === '' || text === ' ' || text === '\t' || text === '\n' || text === '\r';

/** Positions and lengths in `source` of each UTF-16 unit of `text`; null when the two do not line up. */
function align(text: string, source: string, style: ScalarStyle): { at: Int32Array; length: Int32Array } | null {
  const at = new Int32Array(text.length);
  const length = new Int32Array(text.length);
  let pos = 0;
  for (let i = 0; i < text.length; ) {
    const blank = isBlank(text[i]);
    let atom = pos < source.length ? atomAt(source, pos, style) : null;
    while (!blank && atom !== null && isBlank(atom.text)) {
      pos += atom.length;
      atom = pos < source.length ? atomAt(source, pos, style) : null;
    }
    if (blank && (atom === null || !isBlank(atom.text))) {
      at[i++] = Math.min(pos, Math.max(0, source.length - 1));
      continue;
    }
    if (atom === null || (!blank && !text.startsWith(atom.text, i))) return null;
    const units = blank ? 1 : atom.text.length;
    for (let unit = 0; unit < units; unit++) {
      at[i] = atom.at;
      length[i++] = atom.length;
    }
    pos += atom.length;
  }
  return { at, length };
}

/**
 * The mapper of one scalar. `file` is the whole text; [start, end) the scalar with its quotes or block header.
 * A span's end is the place behind its last character, so a span in the text is never wider than its token in the file.
 */
export function scalarMap(
  text: string,
  file: string,
  start: number,
  end: number,
  style: ScalarStyle,
): (from: number, to: number) => { start: number; end: number } {
  const quoted = style === 'single' || style === 'double';
  const header = style === 'block' ? file.indexOf('\n', start) + 1 : 0;
  const base = quoted ? start + 1 : header > start ? header : start;
  const source = file.slice(base, quoted ? end - 1 : end);
  let aligned: ReturnType<typeof align> | undefined;
  return (from, to) => {
    aligned ??= align(text, source, style);
    if (aligned === null || text.length === 0) return { start, end };
    const last = text.length - 1;
    if (from > last) {
      const behind = base + aligned.at[last] + Math.max(1, aligned.length[last]);
      return { start: behind, end: behind + 1 };
    }
    const first = base + aligned.at[from];
    const final = Math.max(from, Math.min(to - 1, last));
    return { start: first, end: Math.max(first, base + aligned.at[final] + aligned.length[final]) };
  };
}
