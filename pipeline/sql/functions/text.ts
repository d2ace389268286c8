import type { Value } from '@millrace/shared-schemas/types.ts';
import { isAscii, lowerCase, upperCase } from './casing.ts';
import type { Overload, Param, ScalarFunction } from './function.ts';
import { graphemeLengths } from './graphemes.ts';
import { codePoints, leftOf, rightOf, substring } from './substring.ts';
import { type Exact, failed, scalar, typed } from './value.ts';

const TEXT = scalar('VARCHAR');

function overload(fn: string, params: readonly Param[], returns: 'VARCHAR' | 'BIGINT' | 'BOOLEAN', make: Overload['make']): Overload {
  return { fn, params, returns: scalar(returns), nulls: 'propagate', make };
}

/** By grapheme clusters; but DuckDB reverses ASCII byte by byte, CR LF too. */
function reverse(text: string): string {
  let result = '';
  if (isAscii(text)) {
    for (const char of text) result = char + result;
    return result;
  }
  let end = 0;
  for (const length of graphemeLengths(text)) {
    result = text.slice(end, end + length) + result;
    end += length;
  }
  return result;
}

/** What trim takes off when not told: Unicode's space separators, so no tab and no line end. */
const spaces: ReadonlySet<string> = new Set([...' \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000']);

function trimmed(text: string, chars: ReadonlySet<string>, left: boolean, right: boolean): string {
  let start = 0;
  if (left) {
    for (const char of text) {
      if (!chars.has(char)) break;
      start += char.length;
    }
  }
  if (!right) return text.slice(start);
  let end = text.length;
  while (end > start) {
    const pair = end - 2 >= start && text.charCodeAt(end - 1) >> 10 === 0x37;
    const char = text.slice(pair ? end - 2 : end - 1, end);
    if (!chars.has(char)) break;
    end -= char.length;
  }
  return text.slice(start, end);
}

function trim(name: string, left: boolean, right: boolean): ScalarFunction {
  return {
    name,
    overloads: [
      overload(name, ['VARCHAR'], 'VARCHAR', () => typed((text: string) => trimmed(text, spaces, left, right))),
      overload(`${name}.chars`, ['VARCHAR', 'VARCHAR'], 'VARCHAR', () => {
        let last: string | null = null;
        let set: ReadonlySet<string> = new Set();
        return typed((text: string, chars: string) => {
          if (chars !== last) {
            set = new Set(chars);
            last = chars;
          }
          return trimmed(text, set, left, right);
        });
      }),
    ],
  };
}

/** The longest text made here, in UTF-16 units: what V8 can hold. DuckDB's own limit is 4 GiB. */
const LONGEST = 2 ** 29 - 25;

/** `count` code points of `pad`, repeated. */
function padding(pad: string, count: number): string {
  const length = codePoints(pad);
  const whole = Math.floor(count / length);
  if ((whole + 1) * pad.length > LONGEST) throw failed('the padded text is too long');
  return pad.repeat(whole) + leftOf(pad, count - whole * length);
}

function pad(name: string, join: (text: string, filling: string) => string): ScalarFunction {
  return {
    name,
    overloads: [
      overload(name, ['VARCHAR', 'INTEGER', 'VARCHAR'], 'VARCHAR', () =>
        typed((text: string, length: number, filler: string) => {
          const count = codePoints(text);
          if (length <= count) return leftOf(text, Math.max(length, 0));
          if (filler === '') throw failed(`Insufficient padding in ${name.toUpperCase()}.`);
          return join(text, padding(filler, length - count));
        }),
      ),
    ],
  };
}

function search(name: string, body: (text: string, part: string) => boolean): ScalarFunction {
  return { name, overloads: [overload(name, ['VARCHAR', 'VARCHAR'], 'BOOLEAN', () => typed(body))] };
}

/** Where a text first holds another, in code points from 1; 0 for nowhere. */
function position(text: string, part: string): number {
  const at = text.indexOf(part);
  return at < 0 ? 0 : codePoints(text, at) + 1;
}

/** The part number `index` from 1, or from −1 backwards; '' when there is none. An empty delimiter cuts into code points. */
function splitPart(text: string, delimiter: string, index: Exact): string {
  const parts = delimiter === '' ? [...text] : text.split(delimiter);
  if (parts.length === 0) parts.push('');
  const at = Number(index);
  return (at > 0 ? parts[at - 1] : parts[parts.length + at]) ?? '';
}

const length: readonly Overload[] = [
  overload('length', ['VARCHAR'], 'BIGINT', () => typed((text: string) => codePoints(text))),
  overload('length.list', ['LIST'], 'BIGINT', () => typed((list: readonly Value[]) => list.length)),
];

const substr: readonly Overload[] = [
  overload('substr', ['VARCHAR', 'BIGINT'], 'VARCHAR', () => typed((text: string, start: Exact) => substring(text, Number(start), 2 ** 32 - 1))),
  overload('substr.length', ['VARCHAR', 'BIGINT', 'BIGINT'], 'VARCHAR', () =>
    typed((text: string, start: Exact, count: Exact) => substring(text, Number(start), Number(count))),
  ),
];

const strpos: readonly Overload[] = [overload('strpos', ['VARCHAR', 'VARCHAR'], 'BIGINT', () => typed(position))];

const concat: Overload = {
  fn: 'concat',
  params: ['VARCHAR'],
  rest: 'VARCHAR',
  returns: TEXT,
  nulls: 'own',
  // NULLs are passed over; '' is left when there is nothing else
  make:
    () =>
    (...values) => {
      let result = '';
      for (const value of values) if (value !== null) result += value;
      return result;
    },
};

export const textFunctions: readonly ScalarFunction[] = [
  { name: 'length', overloads: length },
  { name: 'lower', overloads: [overload('lower', ['VARCHAR'], 'VARCHAR', () => typed(lowerCase))] },
  { name: 'upper', overloads: [overload('upper', ['VARCHAR'], 'VARCHAR', () => typed(upperCase))] },
  trim('trim', true, true),
  trim('ltrim', true, false),
  trim('rtrim', false, true),
  { name: 'substr', overloads: substr },
  { name: 'substring', overloads: substr },
  { name: 'left', overloads: [overload('left', ['VARCHAR', 'BIGINT'], 'VARCHAR', () => typed((text: string, count: Exact) => leftOf(text, Number(count))))] },
  {
    name: 'right',
    overloads: [overload('right', ['VARCHAR', 'BIGINT'], 'VARCHAR', () => typed((text: string, count: Exact) => rightOf(text, Number(count))))],
  },
  pad('lpad', (text, filling) => filling + text),
  pad('rpad', (text, filling) => text + filling),
  { name: 'concat', overloads: [concat] },
  {
    name: 'replace',
    overloads: [
      overload('replace', ['VARCHAR', 'VARCHAR', 'VARCHAR'], 'VARCHAR', () =>
        typed((text: string, part: string, by: string) => (part === '' ? text : text.split(part).join(by))),
      ),
    ],
  },
  search('starts_with', (text, part) => text.startsWith(part)),
  search('ends_with', (text, part) => text.endsWith(part)),
  search('contains', (text, part) => text.includes(part)),
  { name: 'split_part', overloads: [overload('split_part', ['VARCHAR', 'VARCHAR', 'BIGINT'], 'VARCHAR', () => typed(splitPart))] },
  { name: 'strpos', overloads: strpos },
  { name: 'instr', overloads: strpos },
  // what DuckDB's parser makes of POSITION(a IN b)
  { name: 'position', overloads: strpos },
  { name: 'reverse', overloads: [overload('reverse', ['VARCHAR'], 'VARCHAR', () => typed(reverse))] },
];
