/** Something wrong, or worth knowing, about a file. Lines and columns count from 1; `end` is the column behind the token. */
export interface Finding {
  readonly file: string;
  readonly line: number;
  readonly col: number;
  readonly end: number;
  readonly code: string;
  readonly severity: 'error' | 'warning' | 'note';
  readonly message: string;
  readonly hint?: string;
}
