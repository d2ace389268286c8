import { isUtf8 } from 'node:buffer';

/** A field of a printed record: its name (`value`, or `value_base64` for bytes that are no text) and its JSON text. */
export interface Field {
  readonly name: string;
  readonly json: string;
}

export function nullField(name: string): Field {
  return { name, json: 'null' };
}

/** Bytes as a string where they are UTF-8, else as base64 under another name. */
export function textField(name: string, bytes: Buffer): Field {
  return isUtf8(bytes) ? { name, json: JSON.stringify(bytes.toString()) } : binaryField(name, bytes);
}

export function binaryField(name: string, bytes: Buffer): Field {
  return { name: `${name}_base64`, json: `"${bytes.toString('base64')}"` };
}

/**
 * JSON bytes as they stand, so every digit survives; on one line. Bytes that are no JSON come as text. A line break in well-formed
 * JSON is white space between tokens, never part of a string.
 */
export function jsonField(name: string, bytes: Buffer): Field {
  if (!isUtf8(bytes)) return binaryField(name, bytes);
  const text = bytes.toString();
  try {
    JSON.parse(text);
  } catch {
    return textField(name, bytes);
  }
  return { name, json: text.replace(/[\r\n]+/g, ' ').trim() };
}

export function objectJson(fields: readonly Field[]): string {
  return `{${fields.map(({ name, json }) => `${JSON.stringify(name)}:${json}`).join(',')}}`;
}
