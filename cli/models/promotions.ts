import type { ModelDecision } from '@millrace/shared-schemas/model-decision.ts';

export const BY_HAND = 'by hand';
export const ROLLED_BACK = 'by hand: rolled back';

/**
 * The hashes a roll-back goes back through, the one in force last: what was promoted, in order, less what was rolled back since. So a second
 * roll-back goes further back, not forward again.
 */
export function promotions(decisions: readonly ModelDecision[]): string[] {
  const stack: string[] = [];
  for (const { promoted, reason } of decisions) {
    if (promoted === null) continue;
    if (reason === ROLLED_BACK && stack.at(-2) === promoted) stack.pop();
    else if (stack.at(-1) !== promoted) stack.push(promoted);
  }
  return stack;
}
