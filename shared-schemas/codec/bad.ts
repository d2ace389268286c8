import type { Flaw } from '../types.ts';

/** What readers throw inside a decoder, which catches it: no `Error`, since a flood of bad records must not cost a stack trace each. */
export class BadRecord implements Flaw {
  readonly code: 'undecodable' | 'schema_mismatch';
  readonly message: string;
  constructor(code: 'undecodable' | 'schema_mismatch', message: string) {
    this.code = code;
    this.message = message;
  }
}

/** The flaw of a record, from what its reader threw. Anything but a {@link BadRecord} is a defect and goes on. */
export function flawOf(error: unknown): Flaw {
  if (error instanceof BadRecord) return { code: error.code, message: error.message };
  throw error;
}
