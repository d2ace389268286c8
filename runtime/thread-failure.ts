import { type ErrorCode, MillraceError } from './errors.ts';
import { type Place, PlacedError } from './placed-error.ts';

/** How a thread tells what it has failed with: an error itself would lose its class on the way. */
export interface ThreadFailure {
  readonly kind: 'failed';
  /** null: what the operating system has refused, or a defect, whose stack is the message */
  readonly code: ErrorCode | null;
  readonly message: string;
  readonly hint: string;
  /** null: it points into no file */
  readonly place: Place | null;
  /** what the operating system said; null: nothing */
  readonly system: { readonly code: string; readonly syscall: string } | null;
}

export function threadFailure(error: unknown): ThreadFailure {
  if (error instanceof MillraceError) {
    const { code, message, hint } = error;
    return { kind: 'failed', code, message, hint, place: error instanceof PlacedError ? error.place : null, system: null };
  }
  const { code, syscall, message, stack } = error as NodeJS.ErrnoException;
  const system = code === undefined || syscall === undefined ? null : { code, syscall };
  return { kind: 'failed', code: null, message: system === null ? String(stack) : message, hint: '', place: null, system };
}

/** The error again, for whoever started the thread. */
export function errorOfThread({ code, message, hint, place, system }: ThreadFailure): Error {
  if (code === null) return Object.assign(new Error(message), system);
  return place === null ? new MillraceError(code, message, { hint }) : new PlacedError(code, place, message, { hint });
}
