import { headerBlock } from './header.ts';

const MAX_BYTES = 512 * 1024;

/** What could not be processed, and why, as both stages tell it. */
export interface DeadLetter {
  readonly code: string;
  readonly message: string;
  /** id of the source, step, query or sink at which it failed */
  readonly step: string;
  /** where its source record stands; null when nothing caused it */
  readonly origin: { readonly topic: string; readonly partition: number; readonly offset: number } | null;
  /** that record as it was; null when it is gone */
  readonly source: { readonly key: Uint8Array | null; readonly value: Uint8Array | null; readonly timestamp: number } | null;
  /** JSON of the record as the step saw it; null at the source itself */
  readonly record: string | null;
}

/** A dead letter as a record of the dead-letter topic: the source's own bytes, cut to 512 KiB, and the headers `error.…` behind `own`, a block made by `encodeHeader`. */
export function encodeDeadLetter(letter: DeadLetter, own: Uint8Array): { key: Uint8Array | null; value: Uint8Array | null; headers: Buffer } {
  const { origin, source } = letter;
  const text = (name: string, content: string | number): [string, Uint8Array] => [name, Buffer.from(String(content))];
  const headers: [string, Uint8Array][] = [text('error.code', letter.code), text('error.message', letter.message), text('error.step', letter.step)];
  if (origin) {
    headers.push(text('error.topic', origin.topic), text('error.partition', origin.partition), text('error.offset', origin.offset));
    if (source) headers.push(text('error.timestamp', source.timestamp));
  }
  const value = source?.value ?? null;
  const cut = value !== null && value.length > MAX_BYTES;
  if (cut) headers.push(text('error.truncated', 'true'));
  if (letter.record !== null) headers.push(text('error.record', letter.record));
  return { key: source?.key ?? null, value: cut ? value.subarray(0, MAX_BYTES) : value, headers: headerBlock(headers, own) };
}
