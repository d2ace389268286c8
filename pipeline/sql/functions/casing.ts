import { lowerRuns, upperRuns } from './unicode-data.ts';

/** lower and upper as DuckDB has them: each code point goes to one, whatever stands beside it; so `ß` has no upper case and `İ` becomes `i`. */

function decode(runs: string): ReadonlyMap<number, string> {
  const map = new Map<number, string>();
  let start = 0;
  for (const run of runs.split(' ')) {
    const [gap, distance, count = 1, step = 1] = run.split(':').map((digits) => Number.parseInt(digits, 36));
    start += gap;
    for (let i = 0; i < count; i++) map.set(start + i * step, String.fromCodePoint(start + i * step + distance));
  }
  return map;
}

const lowerMap = decode(lowerRuns);
const upperMap = decode(upperRuns);

/** Whether a text is ASCII alone. */
export function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return false;
  return true;
}

function converted(text: string, map: ReadonlyMap<number, string>, ascii: (char: string) => string): string {
  let result = '';
  for (const char of text) {
    const code = char.codePointAt(0)!;
    result += code < 128 ? ascii(char) : (map.get(code) ?? char);
  }
  return result;
}

export function lowerCase(text: string): string {
  // the platform's conversions are the same there, and faster
  return isAscii(text) ? text.toLowerCase() : converted(text, lowerMap, (char) => char.toLowerCase());
}

export function upperCase(text: string): string {
  return isAscii(text) ? text.toUpperCase() : converted(text, upperMap, (char) => char.toUpperCase());
}
