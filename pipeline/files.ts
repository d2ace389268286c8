import { readFileSync } from 'node:fs';
import { MillraceError } from '@millrace/runtime/errors.ts';

/** Why a file cannot be read, in a person's words. */
export function whyUnreadable(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return 'there is no such file';
    case 'EISDIR':
      return 'it is a directory';
    case 'EACCES':
    case 'EPERM':
      return 'access is denied';
    default:
      return (error as Error).message;
  }
}

/** A file's bytes. Throws `MillraceError` unreadable_pipeline. */
export function readBytes(path: string, shown: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new MillraceError('unreadable_pipeline', `${shown}: ${whyUnreadable(error)}`, { cause: error });
  }
}

/** Text of UTF-8 bytes without a byte order mark, and where (as text position) it stops being UTF-8; −1 for nowhere. */
export function decodeUtf8(bytes: Uint8Array): { text: string; broken: number } {
  const text = new TextDecoder('utf-8', { fatal: false }).decode(bytes);
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return { text, broken: -1 };
  } catch {
    let low = 0;
    let high = bytes.length;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (isPrefix(bytes.subarray(0, middle))) low = middle;
      else high = middle - 1;
    }
    return { text, broken: new TextDecoder('utf-8').decode(bytes.subarray(0, low), { stream: true }).length };
  }
}

/** Whether the bytes begin well-formed UTF-8; a character cut short at the end is fine. */
function isPrefix(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}
