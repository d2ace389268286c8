import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';

const script = fileURLToPath(new URL('./tally.js', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'tally-'));
afterAll(() => rmSync(dir, { recursive: true }));

function report(name: string, passed: number, failed: number, skipped: number, testResults: object[] = []): string {
  const file = join(dir, name);
  writeFileSync(file, JSON.stringify({ numPassedTests: passed, numFailedTests: failed, numPendingTests: skipped, numTodoTests: 0, testResults }));
  return file;
}

const run = (...args: string[]) => spawnSync(process.execPath, [script, ...args], { encoding: 'utf8' });

function tally(...args: string[]): { last: string | undefined; status: number | null } {
  const { stdout, status } = run(...args);
  return { last: stdout.trimEnd().split('\n').at(-1), status };
}

test('sums over suites', () => {
  expect(tally(report('a', 3, 0, 1), report('b', 2, 0, 0))).toEqual({ last: '5 passed, 0 failed, 1 skipped', status: 0 });
  expect(tally(report('a', 3, 0, 1), report('b', 2, 4, 0))).toEqual({ last: '5 passed, 4 failed, 1 skipped', status: 1 });
});

test('a suite that ran nothing, left no report or failed outside its tests is a failure', () => {
  expect(tally(report('a', 3, 0, 1), report('b', 0, 0, 7))).toEqual({ last: '3 passed, 1 failed, 8 skipped', status: 1 });
  expect(tally(report('a', 3, 0, 0), join(dir, 'missing'))).toEqual({ last: '3 passed, 1 failed, 0 skipped', status: 1 });
  writeFileSync(`${report('c', 3, 0, 0)}.failed`, '');
  expect(tally(join(dir, 'c'))).toEqual({ last: '3 passed, 1 failed, 0 skipped', status: 1 });
  expect(tally()).toEqual({ last: '0 passed, 0 failed, 0 skipped', status: 1 });
});

test('a broken step is a failure', () => {
  expect(tally('--broken', '2', report('a', 3, 0, 0))).toEqual({ last: '3 passed, 2 failed, 0 skipped', status: 1 });
});

test('what failed is named before the sum, as of a long log only the end may be kept', () => {
  const tests = [
    { status: 'passed', fullName: 'holds', failureMessages: [] },
    { status: 'failed', fullName: 'breaks', failureMessages: [['AssertionError: 1 is not 2', ...Array(50).fill('    at a frame')].join('\n')] },
  ];
  const suites = [
    { status: 'failed', name: 'x.test.ts', message: '', assertionResults: tests },
    { status: 'failed', name: 'y.test.ts', message: 'Cannot find module', assertionResults: [] },
  ];
  const lines = run(report('d', 1, 1, 0, suites))
    .stdout.trimEnd()
    .split('\n');
  const file = join(dir, 'd');
  expect(lines.slice(0, 2)).toEqual([`failed: ${file}: x.test.ts: breaks`, 'AssertionError: 1 is not 2']);
  expect(lines.slice(-3)).toEqual([`failed: ${file}: y.test.ts`, 'Cannot find module', '1 passed, 1 failed, 0 skipped']);
  expect(lines.length).toBeLessThan(30);
});
