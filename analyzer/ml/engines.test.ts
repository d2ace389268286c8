import { expect, test } from 'vitest';
import { chooseEngine } from './engines.ts';
import { tensorflowEngine } from './tensorflow.ts';

test('float64 for what is asked or small', async () => {
  expect((await chooseEngine('float64', 1e9)).name).toBe('float64');
  expect((await chooseEngine('auto', 1000)).name).toBe('float64');
});

test('tensorflow: the native one where it is installed, else wasm; auto takes no slower one than float64', async () => {
  const native = await tensorflowEngine('native');
  expect((await chooseEngine('tensorflow', 1000)).name).toMatch(native === null ? /^tensorflow \(wasm / : /^tensorflow \(native /);
  expect((await chooseEngine('auto', 1e9)).name).toBe(native === null ? 'float64' : native.name);
});
