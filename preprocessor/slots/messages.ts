import type { ThreadFailure } from '@millrace/runtime/thread-failure.ts';
import type { RunOptions, RunProgress } from '../run-options.ts';
import type { Notice } from '../stats.ts';

/** What a thread gets to start with. */
export type ThreadSetup = Pick<RunOptions, 'plan' | 'profile' | 'dataDir' | 'untilEnd' | 'maxRecords' | 'begun'>;

export type FromThread =
  | { readonly kind: 'progress'; readonly progress: RunProgress }
  | { readonly kind: 'event'; readonly event: Notice }
  | { readonly kind: 'done'; readonly progress: RunProgress }
  | ThreadFailure;

/** the only thing a thread is told: end as on a signal */
export type ToThread = 'stop';
