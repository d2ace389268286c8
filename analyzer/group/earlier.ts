import type { AnalyzeProgress } from '../run-options.ts';

type Counts = Readonly<Record<string, number>>;

/** What a process has done in the terms before and in this one: counts add up, all else is as it is now. */
export function withEarlier(earlier: AnalyzeProgress, now: AnalyzeProgress): AnalyzeProgress {
  return {
    ...now,
    batches: earlier.batches + now.batches,
    rowsIn: earlier.rowsIn + now.rowsIn,
    out: added(earlier.out, now.out),
    deadLetters: earlier.deadLetters + now.deadLetters,
    deadLettersByCode: added(earlier.deadLettersByCode, now.deadLettersByCode),
    dropped: earlier.dropped + now.dropped,
    late: added(earlier.late, now.late),
  };
}

function added(some: Counts, more: Counts): Counts {
  const sums: Record<string, number> = { ...some };
  for (const [name, count] of Object.entries(more)) sums[name] = (sums[name] ?? 0) + count;
  return sums;
}
