import { dedupe } from './dedupe.ts';
import { filter } from './filter.ts';
import { flatMap } from './flat-map.ts';
import { lookup } from './lookup.ts';
import { map } from './map.ts';
import { rolling } from './rolling.ts';
import { score } from './score.ts';
import type { StepSpec } from './step.ts';
import { union } from './union.ts';
import { window } from './window.ts';

/** Every type of step there is. */
export const stepSpecs: readonly StepSpec[] = [filter, map, flatMap, union, lookup, dedupe, rolling, window, score] as unknown as readonly StepSpec[];
/** of the language, but not built yet */
export const stepsNotYet: readonly string[] = ['pattern', 'join'];
