import type { Range } from './node.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A piece of a substituted text and where it came from; `copied` pieces map character by character. */
interface Piece {
  readonly start: number;
  readonly end: number;
  readonly from: Range;
  readonly copied: boolean;
}

interface VariableFlaw extends Range {
  readonly code: 'undefined_variable' | 'bad_variable';
  readonly name: string;
}

export interface Substituted {
  readonly text: string;
  readonly changed: boolean;
  /** positions of the text before substitution */
  readonly flaws: readonly VariableFlaw[];
  /** a span of the new text as a span of the old */
  back(start: number, end: number): Range;
}

const VARIABLE = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{[^}]*\}?/g;

/**
 * Fills in `${NAME}` and `${NAME:-default}` (the default also stands in for an empty value, as in a shell); `$${` is a literal
 * `${`. Values are not substituted again. An undefined variable leaves its text as it stands.
 */
export function substitute(text: string, env: Environment): Substituted {
  if (!text.includes('${')) return { text, changed: false, flaws: [], back: (start, end) => ({ start, end }) };
  const pieces: Piece[] = [];
  const flaws: VariableFlaw[] = [];
  let out = '';
  let done = 0;
  const copy = (to: number): void => {
    if (to > done) pieces.push({ start: out.length, end: out.length + to - done, from: { start: done, end: to }, copied: true });
    out += text.slice(done, to);
    done = to;
  };
  for (const match of text.matchAll(VARIABLE)) {
    const [whole, name, otherwise] = match;
    copy(match.index);
    const from = { start: match.index, end: match.index + whole.length };
    let value = whole;
    if (whole === '$${') value = '${';
    else if (name === undefined) flaws.push({ code: 'bad_variable', name: whole, ...from });
    else {
      const set = Object.hasOwn(env, name) ? env[name] : undefined;
      if (set !== undefined && (set !== '' || otherwise === undefined)) value = set;
      else if (otherwise !== undefined) value = otherwise;
      else flaws.push({ code: 'undefined_variable', name, ...from });
    }
    if (value.length > 0) pieces.push({ start: out.length, end: out.length + value.length, from, copied: false });
    out += value;
    done = from.end;
  }
  copy(text.length);
  const backOf = (at: number): Range => {
    const piece = pieces.find((p) => at < p.end) ?? pieces.at(-1);
    if (piece === undefined) return { start: 0, end: text.length };
    if (!piece.copied) return piece.from;
    const start = Math.min(piece.from.start + at - piece.start, piece.from.end);
    return { start, end: start + 1 };
  };
  return {
    text: out,
    changed: true,
    flaws,
    back: (start, end) => ({ start: backOf(start).start, end: end > start ? backOf(end - 1).end : backOf(start).start }),
  };
}
