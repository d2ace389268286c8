import { failed } from './value.ts';

/** Lengths and parts of texts in code points. */

const isHigh = (unit: number) => unit >> 10 === 0x36;

/** How many code points a text has before a UTF-16 position, by default its end. */
export function codePoints(text: string, end = text.length): number {
  let count = end;
  for (let i = 0; i < end; i++) if (isHigh(text.charCodeAt(i))) count--;
  return count;
}

/** The UTF-16 position `count` code points from the start, or the text's end. */
function offsetOf(text: string, count: number): number {
  if (count <= 0) return 0;
  let at = 0;
  for (let passed = 0; passed < count && at < text.length; passed++) at += isHigh(text.charCodeAt(at)) ? 2 : 1;
  return at;
}

function slice(text: string, start: number, end: number): string {
  if (start >= end) return '';
  const from = offsetOf(text, start);
  return text.slice(from, end === Number.POSITIVE_INFINITY ? undefined : from + offsetOf(text.slice(from), end - start));
}

const LARGEST = 2 ** 32 - 1;

function inRange(value: number, what: 'offset' | 'length'): void {
  if (value > LARGEST) throw failed(`Substring ${what} outside of supported range (> ${LARGEST})`);
  if (value < -LARGEST - 1) throw failed(`Substring ${what} outside of supported range (< ${-LARGEST - 1})`);
}

/**
 * DuckDB's `SubstringUnicode`: `start` counts from 1, or from −1 backwards, and 0 stands one before the first; a negative length goes
 * backwards. A start that lies before the text still eats of the length when it is negative.
 * DuckDB has another code for columns it knows to be ASCII, which answers differently where a negative start lies before the text, or
 * a negative length goes back from behind it; this is what it does with every other column and with constants.
 */
export function substring(text: string, start: number, length: number): string {
  inRange(start, 'offset');
  inRange(length, 'length');
  if (length === 0) return '';
  if (start < 0) {
    // both counted from the end, `from` being one past the first that is taken
    const count = codePoints(text);
    const from = 1 - start + Math.max(-length, 0);
    const to = 1 - start - Math.max(length, 0);
    if (to > count) return '';
    return slice(text, Math.max(0, count - from + 1), to <= 0 ? Number.POSITIVE_INFINITY : count - to + 1);
  }
  const first = start - 1;
  return length < 0 ? slice(text, Math.max(0, first + length), first) : slice(text, Math.max(0, first), first + length);
}

/** The first `count` code points, or all but the last −count. */
export function leftOf(text: string, count: number): string {
  if (count >= 0) return substring(text, 1, count);
  return slice(text, 0, codePoints(text) + count);
}

/** The last `count` code points, or all but the first −count. */
export function rightOf(text: string, count: number): string {
  if (count >= 0) return slice(text, Math.max(0, codePoints(text) - count), Number.POSITIVE_INFINITY);
  // DuckDB cannot negate the least BIGINT, and gives ''
  return slice(text, -count, Number.POSITIVE_INFINITY);
}
