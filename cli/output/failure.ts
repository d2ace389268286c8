import { errorTable, MillraceError } from '@millrace/runtime/errors.ts';
import { type Place, PlacedError } from '@millrace/runtime/placed-error.ts';
import type { Style } from './color.ts';

/** An error as a command reports it. */
export interface Failure {
  readonly place: Place | null;
  readonly code: string;
  readonly message: string;
  readonly hint: string | null;
  readonly exit: 1 | 2;
  readonly stack: string | null;
}

/** Wrong usage and files that cannot be read end with 2; everything else that fails ends with 1. */
export function failureOf(error: unknown): Failure {
  const stack = error instanceof Error ? (error.stack ?? null) : null;
  if (error instanceof MillraceError) {
    const place = error instanceof PlacedError ? error.place : null;
    return { place, code: error.code, message: error.message, hint: error.hint, exit: errorTable[error.code].kind === 'usage' ? 2 : 1, stack };
  }
  const message = error instanceof Error ? error.message : String(error);
  const system = error as { code?: unknown; syscall?: unknown };
  if (system?.code === 'ENOSPC' || system?.code === 'EDQUOT') return failureOf(new MillraceError('storage_full', message, { cause: error }));
  if (typeof system?.code === 'string' && typeof system.syscall === 'string')
    return {
      place: null,
      code: system.code,
      message,
      hint: 'The operating system refused it: look at the path, its permissions and the space left.',
      exit: 1,
      stack,
    };
  return { place: null, code: 'defect', message, hint: errorTable.defect.hint, exit: 1, stack };
}

/** `file:line:col code message`, or `millrace: code message` where no file is meant; a hint below, and the stack only when asked for. */
export function renderFailure(failure: Failure, style: Style, debug: boolean): string {
  const { place } = failure;
  let out = `${style.bold(place === null ? 'millrace:' : `${place.file}:${place.line}:${place.col}`)} ${style.red(failure.code)} ${failure.message}\n`;
  if (failure.hint) out += `  ${style.dim('hint:')} ${failure.hint}\n`;
  if (debug && failure.stack) out += `${failure.stack}\n`;
  return out;
}

/** The same for machines: what `--json` prints on stdout when a command fails. */
export function failureDocument(failure: Failure, debug: boolean): object {
  return {
    error: {
      ...(failure.place ?? {}),
      code: failure.code,
      message: failure.message,
      hint: failure.hint,
      ...(debug && failure.stack ? { stack: failure.stack } : {}),
    },
  };
}
