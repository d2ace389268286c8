import type { ErrorCode } from '@millrace/runtime/errors.ts';
import { errorTable } from '@millrace/runtime/errors.ts';
import type { Place } from '@millrace/runtime/placed-error.ts';
import type { Finding } from './finding.ts';
import { LineIndex } from './text.ts';
import type { Range } from './yaml/node.ts';

/** Collects what is wrong with one file, in any order; gives it back sorted by position. */
export class Report {
  readonly file: string;
  readonly #lines: LineIndex;
  readonly #findings: Finding[] = [];
  readonly #told = new Set<string>();

  constructor(file: string, text: string) {
    this.file = file;
    this.#lines = new LineIndex(text);
  }

  error(at: Range, code: ErrorCode, message: string, hint?: string): void {
    this.#add(at, code, 'error', message, hint);
  }

  /** Worth a look, but the pipeline runs. */
  warning(at: Range, code: ErrorCode, message: string, hint?: string): void {
    this.#add(at, code, 'warning', message, hint);
  }

  /** Worth knowing: nothing is wrong. */
  note(at: Range, code: ErrorCode, message: string, hint?: string): void {
    this.#add(at, code, 'note', message, hint);
  }

  #add(at: Range, code: ErrorCode, severity: Finding['severity'], message: string, hint: string | undefined): void {
    const place = this.#lines.locate(at.start, at.end);
    const told = `${place.line}:${place.col} ${code} ${message}`;
    if (this.#told.has(told)) return;
    this.#told.add(told);
    this.#findings.push({ file: this.file, ...place, code, severity, message, hint: hint ?? errorTable[code]?.hint });
  }

  /** Where a span of the text begins, for what may go wrong later. */
  place({ start, end }: Range): Place {
    const { line, col } = this.#lines.locate(start, end);
    return { file: this.file, line, col };
  }

  get failed(): boolean {
    return this.#findings.some((finding) => finding.severity === 'error');
  }

  findings(): Finding[] {
    return this.#findings.toSorted((a, b) => a.line - b.line || a.col - b.col || (a.code < b.code ? -1 : a.code > b.code ? 1 : 0));
  }
}
