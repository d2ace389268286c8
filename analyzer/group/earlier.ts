import { sumOfCounts } from '@millrace/runtime/counts.ts';
import type { AnalyzeProgress } from '../run-options.ts';

/** What a process has done in the terms before and in this one: counts add up, all else is as it is now. */
export function withEarlier(earlier: AnalyzeProgress, now: AnalyzeProgress): AnalyzeProgress {
  return {
    ...now,
    batches: earlier.batches + now.batches,
    rowsIn: earlier.rowsIn + now.rowsIn,
    out: sumOfCounts([earlier.out, now.out]),
    deadLetters: earlier.deadLetters + now.deadLetters,
    deadLettersByCode: sumOfCounts([earlier.deadLettersByCode, now.deadLettersByCode]),
    dropped: earlier.dropped + now.dropped,
    late: sumOfCounts([earlier.late, now.late]),
  };
}
