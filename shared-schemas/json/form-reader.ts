import { isSlot } from '../row.ts';
import type { TextSpan } from '../text-span.ts';
import type { Row, Value } from '../types.ts';
import type { KnownTexts } from './known-texts.ts';

/** Of a property, what reading it takes. */
interface Property {
  readonly kind: 'boolean' | 'int' | 'long' | 'millis' | 'double' | 'string' | 'other' | 'skip';
  /** null: the value is checked and dropped */
  readonly slot: string | null;
  readonly span: TextSpan | null;
  readonly known: KnownTexts | null;
}

/** One property of a record: the bytes from the value before it to its own, and the first byte of that. */
export interface Member<P extends Property> {
  readonly property: P;
  readonly before: Uint8Array;
  readonly first: number;
}

/** The scanner's own way of reading a value, for those that are not as plain as most. */
interface Slowly<P extends Property> {
  /** into its slot; gives the position behind it, −1 when it is not taken */
  value(property: P, row: Row, pos: number): number;
  /** the string of plain bytes */
  text(property: P, from: number, to: number): Value;
}

/** Reads a record of the form into a row; false when it is of another, or a value is not taken: the row is then in no defined state. */
export type FormReader = (row: Row, buffer: Buffer, start: number, end: number) => boolean;

const LONGEST = 4096;
/** digits whose number is exact, whatever power of ten divides it */
const DIGITS = 15;
/** 10^0 … 10^22: those that doubles hold exactly */
export const POWERS = Float64Array.from({ length: 23 }, (_, i) => 10 ** i);
const QUOTE = 0x22;

/** 1 for the bytes that a string holds as they are. */
export const PLAIN = Uint8Array.from({ length: 256 }, (_, byte) => (byte >= 0x20 && byte < 0x80 && byte !== QUOTE && byte !== 0x5c ? 1 : 0));

/**
 * A reader of records that differ in their values only: the same properties in the same order with the same space between them. Generated, so that names are
 * compared with constants and values go straight into their slots: it takes less than half the time of the walk that learned the form. `absent` are the fields that the form lacks.
 * Null for a form that is too long, or has a property twice.
 */
export function formReader<P extends Property>(
  members: readonly Member<P>[],
  tail: Uint8Array,
  absent: readonly { readonly slot: string; readonly value: Value }[],
  slowly: Slowly<P>,
): FormReader | null {
  const length = members.reduce((sum, { before }) => sum + before.length, tail.length);
  if (length > LONGEST || new Set(members.map(({ property }) => property)).size < members.length) return null;
  const values = members.map(({ property, first }, i) => {
    const next = members[i + 1]?.before ?? tail;
    if (property.kind === 'string' || (property.kind === 'skip' && first === QUOTE)) return stringCode(property, i);
    if (property.kind === 'int' || property.kind === 'long' || property.kind === 'millis' || property.kind === 'double')
      return numberCode(property, i, next[0]);
    return slowCode(i, 'p');
  });
  const body = [
    'let p = start, f = 0, q = 0, b = 0, v = 0, d = 0;',
    ...members.flatMap(({ before }, i) => [bytesCode(before), values[i]]),
    bytesCode(tail),
    ...absent.map(({ slot }, i) => `row.${checked(slot)} = absent${i};`),
    'return p === end;',
  ];
  const constants: [name: string, value: unknown][] = [
    ['plain', PLAIN],
    ['powers', POWERS],
    ['slowly', slowly],
    ...members.flatMap(({ property }, i): [string, unknown][] => [
      [`property${i}`, property],
      [`span${i}`, property.span],
      [`known${i}`, property.known],
    ]),
    ...absent.map(({ value }, i): [string, unknown] => [`absent${i}`, value]),
  ];
  const make = new Function(...constants.map(([name]) => name), `return function (row, buffer, start, end) {\n${body.join('\n')}\n};`);
  return make(...constants.map(([, value]) => value)) as FormReader;
}

function checked(slot: string): string {
  if (!isSlot(slot)) throw new Error(`not a slot name: ${JSON.stringify(slot)}`);
  return slot;
}

function bytesCode(bytes: Uint8Array): string {
  if (bytes.length === 0) return '';
  return `if (${Array.from(bytes, (byte, i) => `buffer[p + ${i}] !== ${byte}`).join(' || ')}) return false;\np += ${bytes.length};`;
}

function slowCode(i: number, from: string): string {
  return `p = slowly.value(property${i}, row, ${from}); if (p < 0) return false;`;
}

/** A string that is plain to its end; escapes, letters beyond ASCII and NULL go slowly. */
function stringCode({ slot, span, known }: Property, i: number): string {
  const scan = known === null ? 'p = q; while (plain[buffer[p]] === 1) p++;' : `p = known${i}.scan(buffer, q);`;
  const value = span === null ? `slowly.text(property${i}, q, p)` : `span${i}`;
  const place = span === null ? '' : `span${i}.buffer = buffer; span${i}.start = q; span${i}.end = p;`;
  const put = slot === null ? '' : `${place} row.${checked(slot)} = ${value};`;
  return [
    'q = p + 1;',
    `if (buffer[p] === ${QUOTE}) { ${scan} }`,
    `if (p >= q && buffer[p] === ${QUOTE}) { ${put} p++; }`,
    `else { ${slowCode(i, 'q - 1')} }`,
  ].join('\n');
}

/** A number of few digits that `next` follows; all others go slowly. A mantissa and a power of ten that are both doubles are divided with one rounding, as it should be. */
function numberCode({ kind, slot }: Property, i: number, next: number): string {
  const most = { int: 0x7fffffff, long: Number.MAX_SAFE_INTEGER, millis: Math.floor(Number.MAX_SAFE_INTEGER / 1000), double: Number.MAX_SAFE_INTEGER };
  const fraction = [
    'if (b === -2) {',
    'd = ++p; b = buffer[p] - 48;',
    'while (b >= 0 && b <= 9) { v = v * 10 + b; b = buffer[++p] - 48; }',
    `d = p - d; if (d === 0) p = f; else if (d <= ${DIGITS}) v /= powers[d];`,
    '}',
  ].join(' ');
  const value = kind === 'double' ? '(q === f ? v : -v)' : `(q === f ? v : 0 - v)${kind === 'millis' ? ' * 1000' : ''}`;
  return [
    'f = p; if (buffer[p] === 45) p++;',
    'q = p; v = 0; d = 0; b = buffer[p] - 48;',
    'while (b >= 0 && b <= 9) { v = v * 10 + b; b = buffer[++p] - 48; }',
    `if (p === q || (p - q > 1 && buffer[q] === 48)) p = f;`,
    kind === 'double' ? `else ${fraction}` : '',
    `if (p === f || p - q > ${DIGITS} || buffer[p] !== ${next} || v > ${most[kind as keyof typeof most]}) { ${slowCode(i, 'f')} }`,
    slot === null ? '' : `else row.${checked(slot)} = ${value};`,
  ].join('\n');
}
