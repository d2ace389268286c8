import { freemem, totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';
import type { Profile } from '@millrace/pipeline/profile.ts';
import { bytes } from '../output/numbers.ts';
import { type Check, fail, ok, warn } from './check.ts';

/** As the launcher asks for it, and package.json says. */
export function checkNode(version: string): Check {
  const [major, minor] = version.split('.').map(Number);
  const fits = (major === 22 && minor >= 22) || (major === 24 && minor >= 6) || major > 24;
  return fits ? ok('node', version) : fail('node', version, 'millrace needs Node 22.22 or later of 22, or 24.6 or later.');
}

interface Memory {
  /** of the machine or the container, in bytes */
  readonly total: number;
  readonly free: number;
  /** what a thread's objects may take */
  readonly heap: number;
}

export function memoryHere(): Memory {
  const constrained = process.constrainedMemory();
  const total = constrained > 0 && constrained < totalmem() ? constrained : totalmem();
  return { total, free: Math.min(freemem(), total), heap: getHeapStatistics().heap_size_limit };
}

/** Whether the budgets of a profile fit into what there is. */
export function checkMemory({ memory, parallelism }: Pick<Profile, 'memory' | 'parallelism'>, { total, free, heap }: Memory): Check {
  const budget = memory.state + memory.inFlight;
  const message = `${bytes(budget)} for state and records in flight, of ${bytes(total)} (${bytes(free)} free)`;
  if (budget > total) return fail('memory', message, 'Lower memory: in the profile, or take a larger machine.');
  if (budget > total / 2) return warn('memory', message, 'Less than half is left for code, queries and the system: lower memory: in the profile.');
  if (memory.state / parallelism > heap)
    return warn(
      'memory',
      `${message}; a thread may hold ${bytes(heap)}`,
      'Raise it with NODE_OPTIONS=--max-old-space-size=<MiB>, or lower memory: { state: … }.',
    );
  return ok('memory', message);
}

export async function checkTensorflow(): Promise<Check> {
  const { nativeTensorFlow } = await import('@millrace/analyzer/ml/native.ts');
  const { tensorflowEngine } = await import('@millrace/analyzer/ml/tensorflow.ts');
  const native = await nativeTensorFlow();
  if (native.kind === 'broken') return warn('tensorflow', `Native TensorFlow does not load: ${native.reason}`, 'Until it does, models are trained without it.');
  for (const backend of ['native', 'wasm', 'cpu'] as const) {
    const engine = await tensorflowEngine(backend);
    if (engine === null) continue;
    const more = backend === 'native' ? '' : '; native TensorFlow is not installed, which only large training sets miss';
    return ok('tensorflow', `${engine.name.replace(/^tensorflow \((.*)\)$/, '$1')}${more}`);
  }
  return warn('tensorflow', 'It does not load on this machine; models are trained without it.', 'npm ci installs it.');
}
