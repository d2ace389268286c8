import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

let dir: string;

/** An npm that notes its command, takes a moment, and leaves what an install leaves. */
function fakeNpm(body = ''): void {
  const script = `#!/bin/sh\necho "$1" >> '${dir}/calls'\nsleep 0.2\n${body}\nmkdir -p '${dir}/node_modules/.bin' && touch '${dir}/node_modules/.bin/node'\n`;
  writeFileSync(join(dir, 'bin/npm'), script);
  chmodSync(join(dir, 'bin/npm'), 0o755);
}

async function setup(): Promise<{ code: number; err: string }> {
  const env = { ...process.env, PATH: `${join(dir, 'bin')}:${process.env.PATH}` };
  const child = spawn(process.execPath, [join(dir, 'scripts/setup.js')], { env });
  let err = '';
  child.stderr.on('data', (text) => {
    err += text;
  });
  const [code] = await once(child, 'close');
  return { code, err };
}

const calls = (): string[] => (existsSync(join(dir, 'calls')) ? readFileSync(join(dir, 'calls'), 'utf8').trim().split('\n') : []);

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'setup-'));
  mkdirSync(join(dir, 'scripts'));
  mkdirSync(join(dir, 'bin'));
  cpSync(fileURLToPath(new URL('./setup.js', import.meta.url)), join(dir, 'scripts/setup.js'));
  writeFileSync(join(dir, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(dir, 'package-lock.json'), '{}');
  fakeNpm();
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test('installs once a lockfile, and says so', async () => {
  const first = await setup();
  expect(first.code).toBe(0);
  expect(first.err).toMatch(/^Installing dependencies, once … done in \d+ s\n$/);
  expect(await setup()).toEqual({ code: 0, err: '' });
  expect(calls()).toEqual(['ci']);
  writeFileSync(join(dir, 'package-lock.json'), '{ "changed": true }');
  await setup();
  expect(calls()).toEqual(['ci', 'ci']);
  expect(existsSync(join(dir, '.setup.lock'))).toBe(false);
});

test('installs again when the Node of the checkout is gone', async () => {
  await setup();
  rmSync(join(dir, 'node_modules/.bin/node'));
  await setup();
  expect(calls()).toEqual(['ci', 'ci']);
});

test('of three at once one installs and the others wait for it', async () => {
  const runs = await Promise.all([setup(), setup(), setup()]);
  expect(runs.map((run) => run.code)).toEqual([0, 0, 0]);
  expect(calls()).toEqual(['ci']);
});

test('a lock whose holder died is taken over, by one', async () => {
  writeFileSync(join(dir, '.setup.lock'), JSON.stringify({ host: hostname(), pids: [2 ** 22 + 1] }));
  const runs = await Promise.all([setup(), setup(), setup()]);
  expect(runs.map((run) => run.code)).toEqual([0, 0, 0]);
  expect(calls()).toEqual(['ci']);
});

test('a failing npm ends it with 1 and its words; nothing counts as installed', async () => {
  fakeNpm('echo no space left; exit 7');
  const run = await setup();
  expect(run.code).toBe(1);
  expect(run.err).toContain('npm ci failed (exit 7)\nno space left');
  expect(existsSync(join(dir, '.setup.lock'))).toBe(false);
  fakeNpm();
  expect((await setup()).code).toBe(0);
  expect(calls()).toEqual(['ci', 'ci']);
});

test('where npm ci finds the lockfile wanting, a plain install does', async () => {
  fakeNpm('[ "$1" = ci ] && { echo npm error code EUSAGE; exit 1; }');
  expect((await setup()).code).toBe(0);
  expect(calls()).toEqual(['ci', 'install']);
});
