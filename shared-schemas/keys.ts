import { type Exact, floorDiv } from './codec/exact.ts';
import { formOfType, jsonText } from './json/form.ts';
import { slotGetter } from './row.ts';
import type { Column, Row, SqlType, Value } from './types.ts';

/** Makes the text of a key: equal exactly when the SQL values are. Its UTF-8 bytes are the key on a log and decide the partition. */
export interface KeyWriter {
  /** null when any column is NULL */
  text(row: Row): string | null;
}

/**
 * One VARCHAR column: its text as it is. One column of another type: its JSON. Several: a JSON array. As in SQL, −0 equals 0
 * and NaN equals NaN; timestamps keep their microseconds.
 */
export function keyWriter(columns: readonly Pick<Column, 'slot' | 'type'>[]): KeyWriter {
  const parts = columns.map(({ slot, type }) => ({ get: slotGetter(slot), text: keyText(type), plain: type.kind === 'VARCHAR' }));
  if (parts.length === 1) {
    const [{ get, text, plain }] = parts;
    if (plain) return { text: (row) => get(row) as string | null };
    return {
      text: (row) => {
        const value = get(row);
        return value === null ? null : text(value);
      },
    };
  }
  return {
    text: (row) => {
      let all = '[';
      for (let i = 0; i < parts.length; i++) {
        const value = parts[i].get(row);
        if (value === null) return null;
        all += i === 0 ? parts[i].text(value) : `,${parts[i].text(value)}`;
      }
      return `${all}]`;
    },
  };
}

function keyText(type: SqlType): (value: Value) => string {
  switch (type.kind) {
    case 'FLOAT':
    case 'DOUBLE':
      return (value) => (Number.isFinite(value) ? String((value as number) + 0) : `"${value}"`);
    case 'TIMESTAMP':
      return (value) => {
        const millis = floorDiv(value as Exact, 1000);
        const micros = Number(BigInt(value as Exact) - BigInt(millis) * 1000n);
        return micros === 0 ? String(millis) : `${millis}.${String(micros).padStart(3, '0')}`;
      };
    default: {
      const form = formOfType(type);
      return (value) => jsonText(value, form);
    }
  }
}

/** Writes a key's UTF-8 bytes at the start of a buffer with room for three bytes a character, and gives where they end. */
export function writeKey(text: string, buffer: Buffer): number {
  const { length } = text;
  // a call into Node costs more than a short key is worth
  if (length < 64) {
    let i = 0;
    for (; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) break;
      buffer[i] = code;
    }
    if (i === length) return length;
  }
  return buffer.utf8Write(text, 0);
}

/** Order by UTF-8 bytes, as SQL sorts strings and logs sort keys: below 0, 0 or above 0. UTF-16 order differs only where surrogates meet U+E000 to U+FFFF. */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** Moves surrogates above all other code units. */
function rank(unit: number): number {
  return unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
