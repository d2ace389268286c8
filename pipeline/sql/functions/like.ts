import { lowerCase } from './casing.ts';
import type { Overload, ScalarFunction } from './function.ts';
import { failed, scalar, typed } from './value.ts';

/**
 * LIKE and ILIKE. A pattern is compiled once and matched in time proportional to pattern × text at worst: on a mismatch only the last
 * `%` is tried again, one code point further, which is enough because an earlier `%` could not make more of it.
 */
export type Matcher = (text: string) => boolean;

/** One code unit to match; any code point; any text; or an escape with nothing behind it, an error once a text comes that far. */
type Token = string | typeof ANY | typeof REST | typeof OPEN;
const ANY = 1;
const REST = 2;
const OPEN = 3;

const isHigh = (unit: number) => unit >> 10 === 0x36;

/** Without an escape or `_`, a pattern is texts with `%` between. */
function simple(pattern: string): Matcher {
  const parts = pattern.split('%');
  const first = parts[0];
  if (parts.length === 1) return (text) => text === first;
  const last = parts[parts.length - 1];
  const inner = parts.slice(1, -1).filter((part) => part !== '');
  const least = first.length + last.length;
  return (text) => {
    if (text.length < least || !text.startsWith(first) || !text.endsWith(last)) return false;
    const end = text.length - last.length;
    let at = first.length;
    for (const part of inner) {
      const found = text.indexOf(part, at);
      if (found < 0) return false;
      at = found + part.length;
    }
    return at <= end;
  };
}

function tokensOf(pattern: string, mark: string | null): { tokens: Token[]; blank: boolean[] } {
  const tokens: Token[] = [];
  // whether the pattern from a token on is only `%` as written: DuckDB takes such a rest for empty, even when `%` is the escape itself
  const blank: boolean[] = [];
  for (let i = 0; i < pattern.length; i++) {
    blank.push(/^%*$/.test(pattern.slice(i)));
    const char = pattern[i];
    if (char === mark) {
      i++;
      tokens.push(i === pattern.length ? OPEN : pattern[i]);
    } else if (char === '_') tokens.push(ANY);
    else if (char !== '%') tokens.push(char);
    else if (tokens[tokens.length - 1] === REST) blank.pop();
    else tokens.push(REST);
  }
  blank.push(true);
  return { tokens, blank };
}

/** `mark` is the escape, null when there is none. */
export function compileLike(pattern: string, mark: string | null): Matcher {
  if (!pattern.includes('_') && (mark === null || !pattern.includes(mark))) return simple(pattern);
  const { tokens, blank } = tokensOf(pattern, mark);
  return (text) => {
    let at = 0;
    let token = 0;
    let restToken = -1;
    let restAt = 0;
    while (at < text.length) {
      const wanted = tokens[token];
      if (wanted === OPEN) throw failed('Like pattern must not end with escape character!');
      if (wanted === REST) {
        if (token + 1 === tokens.length) return true;
        restToken = ++token;
        restAt = at;
      } else if (wanted === ANY || wanted === text[at]) {
        at += wanted === ANY && isHigh(text.charCodeAt(at)) ? 2 : 1;
        token++;
      } else if (restToken >= 0) {
        restAt += isHigh(text.charCodeAt(restAt)) ? 2 : 1;
        at = restAt;
        token = restToken;
      } else return false;
    }
    return blank[token];
  };
}

function escapeOf(mark: string): string {
  // bytes are counted: é is two
  if (mark.length > 1 || mark > '\u007f') throw failed('Invalid escape string. Escape string must be empty or one character.');
  return mark === '' ? '\0' : mark;
}

/** The overload of one operator. The matcher of the last pattern is kept: a pattern is nearly always a constant. */
function like(fn: string, options: { readonly fold: boolean; readonly negated: boolean; readonly marked: boolean }): Overload {
  return {
    fn,
    params: options.marked ? ['VARCHAR', 'VARCHAR', 'VARCHAR'] : ['VARCHAR', 'VARCHAR'],
    returns: scalar('BOOLEAN'),
    nulls: 'propagate',
    make: () => {
      let lastPattern: string | null = null;
      let lastMark: string | undefined;
      let matches: Matcher = () => false;
      return typed((text: string, pattern: string, mark?: string) => {
        if (pattern !== lastPattern || mark !== lastMark) {
          // the escape is not folded with the pattern: X as the escape of an ILIKE finds nothing
          matches = compileLike(options.fold ? lowerCase(pattern) : pattern, mark === undefined ? null : escapeOf(mark));
          lastPattern = pattern;
          lastMark = mark;
        }
        return matches(options.fold ? lowerCase(text) : text) !== options.negated;
      });
    },
  };
}

const named = (name: string, fn: string, fold: boolean, negated: boolean, marked: boolean): ScalarFunction => ({
  name,
  overloads: [like(fn, { fold, negated, marked })],
});

/** By the names that DuckDB's parser gives them. */
export const likeFunctions: readonly ScalarFunction[] = [
  named('~~', 'like', false, false, false),
  named('!~~', 'not_like', false, true, false),
  named('~~*', 'ilike', true, false, false),
  named('!~~*', 'not_ilike', true, true, false),
  named('like_escape', 'like_escape', false, false, true),
  named('not_like_escape', 'not_like_escape', false, true, true),
  named('ilike_escape', 'ilike_escape', true, false, true),
  named('not_ilike_escape', 'not_ilike_escape', true, true, true),
];
