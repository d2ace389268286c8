import { FlawError } from '@millrace/shared-schemas/types.ts';

/** Gives back the flaw of a record; anything else that was thrown (a defect, the environment) goes on up and ends the run. */
export function asFlaw(error: unknown): FlawError {
  if (error instanceof FlawError) return error;
  throw error;
}
