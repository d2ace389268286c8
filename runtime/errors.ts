import { cliErrors } from './error-codes/cli.ts';
import type { ErrorEntry } from './error-codes/entry.ts';
import { lintErrors } from './error-codes/lint.ts';
import { modelsErrors } from './error-codes/models.ts';
import { recordErrors } from './error-codes/record.ts';
import { runErrors } from './error-codes/run.ts';
import { servicesErrors } from './error-codes/services.ts';

/**
 * Every error millrace can name, in one table: where it may appear, whether trying again can help, and the way out.
 * `docs/errors.md` is generated from it and a test compares both with every use in the sources.
 */
const table = { ...lintErrors, ...recordErrors, ...runErrors, ...servicesErrors, ...modelsErrors, ...cliErrors };

export type ErrorCode = keyof typeof table;
export const errorTable: Readonly<Record<ErrorCode, ErrorEntry>> = table;

/** An error with a code of the table, that a person can act on. Anything else thrown is a defect. */
export class MillraceError extends Error {
  readonly code: ErrorCode;
  readonly hint: string;
  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.hint = options.hint ?? errorTable[code].hint;
  }
}
