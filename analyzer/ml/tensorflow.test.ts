import { test } from 'vitest';
import { classifierSuite } from './classifier.case.ts';
import type { Engine } from './engine.ts';
import { tensorflowEngine } from './tensorflow.ts';

// One backend is current in a process, so native and wasm do not share one: the native one is tested where it is installed.
const native = await tensorflowEngine('native');

async function wasm(): Promise<Engine> {
  const engine = await tensorflowEngine('wasm');
  if (engine === null) throw new Error('wasm does not load');
  return engine;
}

if (native !== null) classifierSuite('tensorflow native', async () => native);
else {
  classifierSuite('tensorflow wasm', wasm);
  test.skip('tensorflow native: @tensorflow/tfjs-node is not installed', () => {});
}
