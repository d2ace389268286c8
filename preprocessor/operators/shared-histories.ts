import { argumentsKept } from '@millrace/pipeline/aggregates/calls.ts';
import type { RollingPlan, StagePlan } from '@millrace/pipeline/plan.ts';
import { neverFails, resultNeverFails } from '@millrace/pipeline/sql/never-fails.ts';

/**
 * The rolling steps of a stage, in the order of the file, as runs that keep one history of each key between them: steps one
 * behind the other that take in the same records at the same time, each keeping nothing of them that the first does not.
 * Most runs are one step. State is saved under the first one's id; a step that an edit puts behind begins with what is kept there.
 */
export function sharedHistories({ nodes }: Pick<StagePlan, 'nodes'>): readonly (readonly RollingPlan[])[] {
  const runs: RollingPlan[][] = [];
  for (const node of nodes) {
    if (node.type !== 'rolling') continue;
    const before = node.from[0];
    const run = runs.find((steps) => steps[steps.length - 1].id === before);
    // other steps and outputs may read the one before too, if it is their turn after this one's
    const isFirst = nodes.find(({ from }) => from.includes(before)) === node;
    if (run !== undefined && isFirst && joins(run, node)) run.push(node);
    else runs.push([node]);
  }
  return runs;
}

/** Whether what a run takes in is what the step behind it takes in. */
function joins(run: readonly RollingPlan[], node: RollingPlan): boolean {
  const last = run[run.length - 1];
  return (
    last.emit === 'immediately' &&
    node.emit === 'immediately' &&
    keyOf(last) === keyOf(node) &&
    lateAfter(last) <= lateAfter(node) &&
    last.calls.every(resultNeverFails) &&
    last.add.every(({ expr }) => neverFails(expr.tree)) &&
    argumentsKept(node.calls).isSubsetOf(argumentsKept(run[0].calls))
  );
}

function keyOf({ key }: RollingPlan): string {
  return JSON.stringify(key.map(({ slot, type }) => [slot, type]));
}

/** how far behind the watermark a record is late, ms */
export function lateAfter({ range, delay, allowedLateness }: RollingPlan): number {
  return range.size + delay + allowedLateness;
}
