import { createHash } from 'node:crypto';
import { dirname, relative, sep } from 'node:path';
import type { Plan } from './plan.ts';

/**
 * sha256 of everything in a plan that decides an output, hex. Where the pipeline file lies and how an expression is spelled are
 * left out; paths count as seen from the file.
 */
export function planHash(plan: Omit<Plan, 'hash'>): string {
  const { file, ...rest } = plan;
  const base = dirname(file);
  const text = JSON.stringify(rest, (key, value: unknown) => {
    if (key === 'sql') return undefined;
    if (key === 'path' && typeof value === 'string') return relative(base, value).split(sep).join('/');
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return sorted(value);
    return value;
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
