/** Writes JSON into a buffer in place. Each writer gives the position behind what it wrote, and leaves room to its caller. */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;
const ZERO = 0x30;
const DOT = 0x2e;

/** Most bytes that {@link writeInteger} takes. */
export const INTEGER_BYTES = 20;

/** Writes a safe integer. */
export function writeInteger(buffer: Buffer, pos: number, value: number): number {
  let rest = value;
  if (rest < 0) {
    buffer[pos++] = MINUS;
    rest = -rest;
  }
  let length = 1;
  for (let bound = 10; rest >= bound; bound *= 10) length++;
  const end = pos + length;
  for (let at = end - 1; at >= pos; at--) {
    const next = rest < 0x7fffffff ? (rest / 10) | 0 : Math.floor(rest / 10);
    buffer[at] = ZERO + (rest - next * 10);
    rest = next;
  }
  return end;
}

/** Writes ASCII text that needs no escapes. */
export function writePlain(buffer: Buffer, pos: number, text: string): number {
  return pos + buffer.write(text, pos, 'latin1');
}

/** Writes a string, or gives −1 when it may not fit. */
export function writeString(buffer: Buffer, pos: number, text: string): number {
  if (buffer.length - pos < text.length * 3 + 2) return -1;
  if (text.length < 32) {
    let at = pos;
    buffer[at++] = QUOTE;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code < 0x20 || code > 0x7e || code === QUOTE || code === BACKSLASH) return writeEscaped(buffer, pos, text);
      buffer[at++] = code;
    }
    buffer[at] = QUOTE;
    return at + 1;
  }
  return writeEscaped(buffer, pos, text);
}

function writeEscaped(buffer: Buffer, pos: number, text: string): number {
  const json = JSON.stringify(text);
  return buffer.length - pos < json.length * 3 ? -1 : pos + buffer.write(json, pos);
}

/** The digits of an unscaled decimal with its point, as a JSON number. */
export function decimalText(unscaled: bigint, scale: number): string {
  if (scale <= 0) return String(unscaled * 10n ** BigInt(-scale));
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, -scale)}${String.fromCharCode(DOT)}${digits.slice(-scale)}`;
}

/** JSON of anything a Parquet file may hold nested: integers in full digits, bytes as Latin-1 text, NaN and infinities as strings, undefined as null. */
export function jsonText(value: unknown): string {
  switch (typeof value) {
    case 'bigint':
      return String(value);
    case 'number':
      return Number.isFinite(value) ? String(value) : `"${value}"`;
    case 'string':
    case 'boolean':
      return JSON.stringify(value);
    case 'object':
      if (value === null) return 'null';
      if (value instanceof Uint8Array) return JSON.stringify(Buffer.from(value.buffer, value.byteOffset, value.length).toString('latin1'));
      if (Array.isArray(value) || ArrayBuffer.isView(value)) return `[${Array.from(value as ArrayLike<unknown>, jsonText).join()}]`;
      return `{${Object.entries(value)
        .map(([name, field]) => `${JSON.stringify(name)}:${jsonText(field)}`)
        .join()}}`;
    default:
      return 'null';
  }
}
