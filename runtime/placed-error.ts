import { type ErrorCode, MillraceError } from './errors.ts';

/** A place in a file; lines and columns count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly col: number;
}

/** An error that points into a file. */
export class PlacedError extends MillraceError {
  readonly place: Place;
  constructor(code: ErrorCode, place: Place, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(code, message, options);
    this.place = place;
  }
}
