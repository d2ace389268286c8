import type { NodePlan, UnionPlan } from '@millrace/pipeline/plan.ts';
import { createDedupe } from './dedupe.ts';
import { createFilter } from './filter.ts';
import { createFlatMap } from './flat-map.ts';
import { createLookup } from './lookup.ts';
import { createMap } from './map.ts';
import type { Operator, OperatorContext } from './operator.ts';
import { createRolling } from './rolling.ts';
import { createScore } from './score.ts';
import { createWindow } from './window.ts';

/** Every step that is an operator; a union only copies slots, which the task does as it wires the steps. */
export type StepPlan = Exclude<NodePlan, UnionPlan>;

/** Opens the operator of a step, with no state; `restore` gives it some. */
export function createOperator(node: StepPlan, context: OperatorContext): Operator {
  switch (node.type) {
    case 'filter':
      return createFilter(node, context);
    case 'map':
      return createMap(node, context);
    case 'flat_map':
      return createFlatMap(node, context);
    case 'lookup':
      return createLookup(node, context);
    case 'dedupe':
      return createDedupe(node, context);
    case 'rolling':
      return createRolling([{ node, context }]);
    case 'window':
      return createWindow(node, context);
    case 'score':
      return createScore(node, context);
  }
}
