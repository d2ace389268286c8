import type { TriggerPlan } from '@millrace/pipeline/analyze/plan.ts';

/**
 * When the batch after one that was due at `now` (epoch ms) is due: at the next wall multiple of `every`, as Structured Streaming has
 * it, so a batch that took longer is followed at the next boundary and none is made up for. `every: 0s`: at once.
 */
export function nextDue({ every }: Pick<TriggerPlan, 'every'>, now: number): number {
  return every === 0 ? now : (Math.floor(now / every) + 1) * every;
}
