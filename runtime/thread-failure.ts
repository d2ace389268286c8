import { type ErrorCode, MillraceError } from './errors.ts';
import { type Place, PlacedError } from './placed-error.ts';

/** How a thread tells what it has failed with: an error itself would lose its class on the way. */
export interface ThreadFailure {
  readonly kind: 'failed';
  /** null: a defect, whose stack is the message */
  readonly code: ErrorCode | null;
  readonly message: string;
  readonly hint: string;
  /** null: it points into no file */
  readonly place: Place | null;
}

export function threadFailure(error: unknown): ThreadFailure {
  if (!(error instanceof MillraceError)) return { kind: 'failed', code: null, message: String((error as Error).stack), hint: '', place: null };
  const { code, message, hint } = error;
  return { kind: 'failed', code, message, hint, place: error instanceof PlacedError ? error.place : null };
}

/** The error again, for whoever started the thread. */
export function errorOfThread({ code, message, hint, place }: ThreadFailure): Error {
  if (code === null) return new Error(message);
  return place === null ? new MillraceError(code, message, { hint }) : new PlacedError(code, place, message, { hint });
}
