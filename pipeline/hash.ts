import { createHash } from 'node:crypto';
import { dirname, relative, sep } from 'node:path';
import type { AnalyzePlan, ModelPlan } from './analyze/plan.ts';
import type { Plan } from './plan.ts';

/**
 * sha256 of everything in a plan that decides an output of the record stage, hex. Where the pipeline file lies and how an expression is
 * spelled are left out; paths count as seen from the file. What only `analyze` adds is not in it.
 */
export function planHash(plan: Omit<Plan, 'hash' | 'analyze' | 'models'>): string {
  const { file, stages, ...rest } = plan;
  const outputs = (stage: Plan['stages'][number]): object[] => stage.outputs.map((output) => ({ ...output, bridge: undefined }));
  return sha256({ ...rest, stages: stages.map((stage) => ({ ...stage, outputs: outputs(stage) })) }, file);
}

/** The same of `analyze` and the models it trains. How batches are cut is left out. */
export function analyzeHash({ trigger: _, ...rest }: Omit<AnalyzePlan, 'hash'>, models: readonly ModelPlan[], file: string): string {
  return sha256({ ...rest, models }, file);
}

function sha256(value: object, file: string): string {
  const base = dirname(file);
  const text = JSON.stringify(value, function (this: object, key, part: unknown) {
    if (key === 'sql' && Object.hasOwn(this, 'tree')) return undefined;
    if (key === 'at' && Object.hasOwn(this, 'expr')) return undefined;
    if (key === 'path' && typeof part === 'string') return relative(base, part).split(sep).join('/');
    if (typeof part === 'object' && part !== null && !Array.isArray(part)) return sorted(part);
    return part;
  });
  return createHash('sha256').update(text).digest('hex');
}

function sorted(value: object): object {
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Freezes plain data all the way down. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const part of Object.values(value)) deepFreeze(part);
  return value;
}
