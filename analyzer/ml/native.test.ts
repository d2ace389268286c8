import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadNative } from './native.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-native-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** A package of that name whose entry is `code`. */
function install(code: string): void {
  const home = join(directory, 'node_modules', '@tensorflow', 'tfjs-node');
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, 'package.json'), '{ "main": "index.js" }');
  writeFileSync(join(home, 'index.js'), code);
}

const WORKS = `
const util = require('util');
exports.getBackend = () => 'tensorflow';
exports.matMul = ([[a, b]], [[c], [d]]) => ({ dataSync: () => [util.isNullOrUndefined(a) || util.isArray(b) ? 0 : a * c + b * d] });
`;

test('what another process could load and use is loaded here, with the two functions that Node no longer has', async () => {
  install(WORKS);
  const found = await loadNative(directory);
  expect(found.kind).toBe('loaded');
  expect(found).toHaveProperty('library.matMul');
});

test.each([
  ['throws', "throw new Error('libtensorflow.so.2: file too short\\n  at dlopen')", 'libtensorflow.so.2: file too short'],
  [
    'is killed',
    "process.kill(process.pid, 'SIGILL'); setInterval(() => {}, 1000)",
    'a process that loads it dies of SIGILL: its library is damaged, or made for another processor',
  ],
  ['has no backend', `${WORKS} exports.getBackend = () => 'cpu';`, 'its backend did not start'],
  ['cannot multiply', `${WORKS} exports.matMul = () => ({ dataSync: () => [30] });`, 'it does not multiply'],
  ['works apart and not here', `${WORKS} if (!process.argv.includes(__filename)) throw new Error('not here');`, 'not here'],
])('one that %s is broken, and says why in a line', async (_, code, reason) => {
  install(code);
  expect(await loadNative(directory)).toEqual({ kind: 'broken', reason });
});

test('a directory that was named and has none is no mere absence', async () => {
  expect(await loadNative(directory)).toEqual({
    kind: 'broken',
    reason: `there is no @tensorflow/tfjs-node in ${directory}, which MILLRACE_TENSORFLOW names`,
  });
});
