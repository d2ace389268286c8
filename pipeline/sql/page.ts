import { aggregates } from './aggregates.ts';
import type { Overload } from './functions/function.ts';
import { scalarFunctions } from './functions/table.ts';
import { clockNames, refusedFunctions, refusedNodes } from './refusals.ts';

/** What a function is for, by name; the page's test asks for one of each. */
const about: Readonly<Record<string, string>> = {
  abs: 'the size of a number',
  day: 'of the month',
  dayofweek: '0 Sunday to 6 Saturday',
  dayofyear: 'from 1',
  epoch: 'seconds since 1970, a DOUBLE',
  hour: 'of the day',
  isodow: '1 Monday to 7 Sunday',
  microsecond: 'of the minute',
  millisecond: 'of the minute',
  minute: 'of the hour',
  month: 'from 1',
  quarter: 'from 1',
  second: 'of the minute',
  week: 'of the ISO year',
  year: 'of the calendar',
  isoyear: 'the year of the ISO week',
  instr: 'as strpos',
  position: 'as strpos; also `position(x IN text)`',
  acos: 'arc cosine',
  asin: 'arc sine',
  atan: 'arc tangent',
  atan2: 'angle of the point (x, y), from atan2(y, x)',
  cbrt: 'cube root',
  ceil: 'the least whole number not below',
  ceiling: 'as ceil',
  concat: 'all arguments as one text; NULLs are left out',
  contains: 'whether the second text is in the first',
  cos: 'cosine',
  date_add: 'a DATE or TIMESTAMP with an INTERVAL literal added',
  date_diff: 'how many borders of a part lie between two times',
  date_part: 'a part of a time as a number; `extract(part FROM t)` is the same',
  date_trunc: 'the start of the part a time lies in',
  degrees: 'radians in degrees',
  ends_with: 'whether a text ends with another',
  epoch_ms: 'milliseconds since 1970 of a time, or the time of milliseconds',
  exp: 'e to a power',
  floor: 'the greatest whole number not above',
  greatest: 'the greatest that is not NULL',
  hmac: 'HMAC-SHA-256 of a text with the profile’s secret, in hexadecimal; not in DuckDB',
  isfinite: 'whether a number is neither infinite nor NaN',
  isinf: 'whether a number is infinite',
  isnan: 'whether a number is NaN',
  least: 'the least that is not NULL',
  left: 'the first n characters',
  length: 'how many code points a text has',
  ln: 'natural logarithm; fails at 0 and below',
  log: 'logarithm to base 10, or log(base, x)',
  log10: 'logarithm to base 10',
  log2: 'logarithm to base 2',
  lower: 'lower case, by code point',
  lpad: 'a text filled up at its start, or cut, to a length',
  ltrim: 'without spaces, or the characters given, at its start',
  make_timestamp: 'a TIMESTAMP of year, month, day, hour, minute, seconds; or of microseconds',
  mask: 'all but the last n characters as *; not in DuckDB',
  md5: 'MD5 of a text, in hexadecimal',
  mod: 'the rest of a division; NULL for a divisor of 0',
  pow: 'a number to a power',
  power: 'as pow',
  radians: 'degrees in radians',
  replace: 'a text with every occurrence of another replaced',
  reverse: 'a text backwards, by grapheme',
  right: 'the last n characters',
  round: 'to the nearest whole number, or to digits; halves away from zero',
  rpad: 'a text filled up at its end, or cut, to a length',
  rtrim: 'without spaces, or the characters given, at its end',
  sha256: 'SHA-256 of a text, in hexadecimal',
  sign: '−1, 0 or 1',
  sin: 'sine',
  split_part: 'the n-th part of a text split at another',
  sqrt: 'square root; fails below 0',
  starts_with: 'whether a text starts with another',
  strftime: 'a time as text, by %Y %y %m %d %H %M %S %f %j',
  strpos: 'where a text first has another, from 1; 0 for nowhere',
  substr: 'a part of a text, from a position (from 1), of a length',
  substring: 'as substr',
  tan: 'tangent',
  trim: 'without spaces, or the characters given, at both ends',
  upper: 'upper case, by code point',
  trunc: 'towards zero, to a whole number or to digits',
};

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n');
}

function takes(overload: Overload): string {
  const names = overload.params.map((param) => (param === 'common' ? 'any, of one type' : param));
  return `(${[...names, ...(overload.rest === undefined ? [] : ['…'])].join(', ')})`;
}

/** The named functions, those that are one function under two names told once. */
export function namedFunctions(): readonly { readonly name: string; readonly about: string | undefined; readonly takes: string }[] {
  const named = [...scalarFunctions.values()].filter(({ name }) => /^[a-z]/.test(name) && !name.endsWith('like_escape'));
  const first = new Map<Overload, string>();
  return named
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, overloads }) => {
      const other = first.get(overloads[0]);
      for (const overload of overloads) if (!first.has(overload)) first.set(overload, name);
      return { name, about: about[name] ?? (other === undefined ? undefined : `as ${other}`), takes: [...new Set(overloads.map(takes))].join(' ') };
    });
}

const types: readonly (readonly string[])[] = [
  ['BOOLEAN', 'boolean', 'true, false, NULL'],
  ['INTEGER, BIGINT', 'int, long', 'exact; what leaves the type’s range fails'],
  ['TINYINT, SMALLINT, HUGEINT', '–', 'by cast, and as results: sum over integers is HUGEINT'],
  ['DECIMAL(w, s)', 'decimal', 'exact, at most 38 digits'],
  ['FLOAT, DOUBLE', 'float, double', 'IEEE 754; NaN equals itself and sorts last'],
  ['VARCHAR', 'string, enum', 'ordered by UTF-8 bytes, counted in code points'],
  ['DATE, TIMESTAMP', 'date, timestamp-millis, timestamp-micros', 'UTC, microseconds'],
  ['LIST', 'array', '`l[1]` is the first element, `l[-1]` the last, NULL outside'],
  ['STRUCT', 'record', "`s.field`, `s['field']`"],
  ['BLOB, MAP', 'bytes, map', 'pass through only'],
];

const operators: readonly (readonly string[])[] = [
  [
    '`+ - *`',
    'integers fail when they overflow; a DECIMAL result has the digits DuckDB gives it; DATE and TIMESTAMP take an INTERVAL literal, a DATE also days',
  ],
  ['`/`', 'always a DOUBLE (FLOAT between FLOATs); `1 / 0` is Infinity'],
  ['`//` `%`', 'whole division and its rest, towards zero; NULL for a divisor of 0'],
  ['`||`', 'joins texts; other values become text; NULL if either is NULL'],
  ['`= <> < <= > >=` BETWEEN IN', 'NULL when a side is NULL; IN takes a list of values'],
  ['IS [NOT] NULL, IS [NOT] DISTINCT FROM', 'never NULL'],
  ['AND OR NOT', 'left to right, ending where the result is known'],
  ['LIKE ILIKE [ESCAPE]', '`%` any text, `_` one character; ILIKE ignores case'],
  ['CASE, coalesce, ifnull, nullif', 'left to right; what is not taken is not evaluated and cannot fail'],
  ['CAST(x AS t), x::t, TRY_CAST', 'as DuckDB casts: `2.5::int` is 3, `2.5::double::int` is 2; TRY_CAST gives NULL where CAST fails'],
];

const differences: readonly string[] = [
  'A DOUBLE or FLOAT just below the top of an integer type, such as `2147483647.5::double::int`, fails; DuckDB wraps round to the lowest integer.',
  'NaN as text is always `nan`; DuckDB shows the sign that the processor happened to give it.',
  'A few powers of two as text, such as 2^81, are printed right; DuckDB 1.5 prints another number.',
  '`substr` with a position before the start of the text, or a negative length, counts as DuckDB does on text that is not all ASCII.',
  'Text constants that can never be of the type they are compared with are an error of lint, not of each record.',
  'What AND, OR, CASE, BETWEEN and coalesce skip is never evaluated; DuckDB may evaluate it.',
];

/** What is refused by name, a row a reason. */
function refusals(): string[][] {
  const names = new Map<string, Set<string>>();
  for (const [name, why] of [...Object.entries(refusedFunctions), ...[...clockNames].map((name) => [name, refusedFunctions.now] as const)]) {
    const same = names.get(why) ?? new Set();
    names.set(why, same.add(`\`${name}\``));
  }
  return [...names].map(([why, same]) => [[...same].join(', '), why]);
}

/** The page `docs/expressions.md`, made of the tables that the checker itself uses. */
export function expressionsPage(): string {
  return `# Expressions

Expressions are SQL, answered as DuckDB 1.5 answers it. \`millrace lint\` accepts what is on this page and refuses the rest by name.

This page is made from the code: \`npm run docs\`.

## Types

${table(['SQL', 'Avro', 'notes'], types)}

## Operators

${table(['operator', 'meaning'], operators)}

## Functions

${table(
  ['function', 'arguments', 'gives'],
  namedFunctions().map((entry) => [`\`${entry.name}\``, entry.takes, entry.about ?? '']),
)}

## Aggregates

In the \`select\` of a window step and the \`add\` of a rolling step. They take FILTER (WHERE …); arithmetic over them and over key columns may follow.

${table(
  ['aggregate', 'gives'],
  Object.entries(aggregates).map(([name, aggregate]) => [`\`${name}\``, aggregate.doc]),
)}

## Not here

Not part of the record stage:

${[...new Set(Object.values(refusedNodes)), 'TIMESTAMP WITH TIME ZONE, TIME; INTERVAL but for literals', 'every function not named above'].map((what) => `- ${what.replace(/^\*$/, '`*`')}`).join('\n')}

Functions and operators that are often looked for:

${table(['function', 'why'], refusals())}

## Where DuckDB is not followed

${differences.map((difference) => `- ${difference}`).join('\n')}
`;
}
