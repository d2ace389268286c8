import type { Plan } from '@millrace/pipeline/plan.ts';
import type { Profile } from '@millrace/pipeline/profile.ts';
import type { Clock } from '@millrace/runtime/clock.ts';
import type { Transport } from '@millrace/transport/log.ts';

/** What a run has done so far, for people and machines to look at. Times are epoch ms; counts are of what this process did: what it replayed after a crash was counted before. */
export interface RunProgress {
  readonly elapsedMs: number;
  readonly recordsIn: number;
  /** records written by output id; exchanges are not outputs */
  readonly out: Readonly<Record<string, number>>;
  readonly deadLetters: number;
  readonly deadLettersByCode: Readonly<Record<string, number>>;
  /** late records dropped because a step says `late: drop`, and records dropped by `on_error: drop` */
  readonly dropped: number;
  /** the least watermark over the tasks that are not idle; when all are, the furthest of theirs; null before the first */
  readonly watermark: number | null;
  /** records (logs) or bytes (files) still to read, by source id */
  readonly lag: Readonly<Record<string, number>>;
  /** 0…1 of the work known when the run began; null when endless */
  readonly fraction: number | null;
  readonly state: 'recovering' | 'running' | 'paused' | 'stopping' | 'done';
  /** ms since the thread that has been silent longest was heard of; 0 where the records have none of their own */
  readonly silentMs: number;
  /** of the record stage: atomic commits, how many of them saved state, ms they took all together */
  readonly commits: { readonly count: number; readonly snapshots: number; readonly ms: number };
  /** versions of lookup tables that came while running: taken, and refused because they could not be read */
  readonly tables: { readonly taken: number; readonly refused: number };
}

/** records a fetch takes at most, unless told otherwise */
export const MAX_RECORDS = 10_000;

export interface RunOptions {
  readonly plan: Plan;
  readonly profile: Profile;
  /** absolute; made when missing */
  readonly dataDir: string;
  readonly untilEnd: boolean;
  readonly clock: Clock;
  /** graceful stop: finish the batch, snapshot, close */
  readonly signal: AbortSignal;
  /** called a few times a second */
  readonly onProgress: (progress: RunProgress) => void;
  /** things a person should know (recovery, a source refused, a paused budget) */
  readonly onEvent: (event: { level: 'info' | 'warn' | 'error'; code: string; message: string }) => void;
  /** shared by everyone in this process who opens the data directory (8 bytes), so that an append wakes them at once */
  readonly wake?: SharedArrayBuffer;
  /** instead of the data directory's own; stays open */
  readonly transport?: Transport;
  /** records a fetch takes at most; shows in no result */
  readonly maxRecords?: number;
  /** epoch ms at which generated records with a pace begin to come; default: when their reader opens. So an observer knows when each was due */
  readonly begun?: number;
}
