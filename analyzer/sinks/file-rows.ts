import type { Row } from '@millrace/shared-schemas/types.ts';

/** Rows on their way into one file. */
export interface FileRows {
  /** Throws `FlawError` having added nothing; the row may be overwritten after the call. */
  add(row: Row): void;
  /** what the rows since the last call are in the file: without `start`, of a text format, without what stands before its first row */
  take(start: boolean): Uint8Array;
}
