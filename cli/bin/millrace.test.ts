import { type ChildProcess, type SpawnOptionsWithoutStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const launcher = fileURLToPath(new URL('./millrace.js', import.meta.url));
/** Makes this Node say it is an old one; the Node it hands over to does not get it. */
const OLD = ['--import', 'data:text/javascript,Object.defineProperty(process, "version", { value: "v20.20.2" })'];
const CODE_OF_COMMAND = `
  import { getCompileCacheDir } from 'node:module';
  import { Worker } from 'node:worker_threads';
  export async function main(argv: string[]): Promise<number> {
    const [what, arg, busy] = argv;
    if (what === 'wait') {
      const seen: string[] = [];
      for (const name of ['SIGINT', 'SIGTERM']) process.on(name, () => {
        seen.push(name);
        const end = performance.now() + Number(busy ?? 0);
        while (performance.now() < end);
      });
      setTimeout(() => console.log('ready', process.pid), 0);
      await new Promise((done) => setTimeout(done, Number(arg)));
      console.log('seen', ...seen);
    }
    if (what === 'die') process.kill(process.pid, 'SIGTERM'), await new Promise((done) => setTimeout(done, 5000));
    if (what === 'stdin') for await (const chunk of process.stdin) process.stdout.write(chunk);
    if (what === 'warn') process.emitWarning('careful', 'ExperimentalWarning'), process.emitWarning('beware');
    if (what === 'pid') console.log(process.pid, argv.join(' '), process.version);
    if (what === 'cache') {
      console.log(getCompileCacheDir());
      const worker = new Worker('console.log(require("node:module").getCompileCacheDir())', { eval: true });
      await new Promise((done) => worker.on('exit', done));
    }
    return what === 'code' ? Number(arg) : 0;
  }
`;

let dir: string;
let children: ChildProcess[];

function checkout(ownNode: boolean): void {
  mkdirSync(join(dir, 'cli/bin'), { recursive: true });
  cpSync(launcher, join(dir, 'cli/bin/millrace.js'));
  writeFileSync(join(dir, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(dir, 'cli/main.ts'), CODE_OF_COMMAND);
  mkdirSync(join(dir, 'node_modules/@millrace'), { recursive: true });
  mkdirSync(join(dir, 'node_modules/node/bin'), { recursive: true });
  if (ownNode) symlinkSync(process.execPath, join(dir, 'node_modules/node/bin/node'));
}

interface Run {
  readonly child: ChildProcess;
  readonly out: () => string;
  readonly err: () => string;
  /** [exit code, signal] */
  readonly end: Promise<unknown[]>;
}

function start(flags: string[], args: string[], options: SpawnOptionsWithoutStdio = {}): Run {
  const child = spawn(process.execPath, [...flags, join(dir, 'cli/bin/millrace.js'), ...args], options);
  children.push(child);
  let out = '';
  let err = '';
  child.stdout.on('data', (text) => {
    out += text;
  });
  child.stderr.on('data', (text) => {
    err += text;
  });
  return { child, out: () => out, err: () => err, end: once(child, 'close') };
}

/** Waits until the command runs; gives its process id. */
async function ready(run: Run): Promise<number> {
  for (;;) {
    const pid = /ready (\d+)/.exec(run.out())?.[1];
    if (pid !== undefined) return Number(pid);
    await new Promise((done) => setTimeout(done, 5));
  }
}

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'launcher-'));
  children = [];
});
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

test('a Node that is new enough runs the sources itself', async () => {
  checkout(false);
  const run = start([], ['pid', 'a b', '--json']);
  expect(await run.end).toEqual([0, null]);
  expect(run.out()).toBe(`${run.child.pid} pid a b --json ${process.version}\n`);
  expect(run.err()).toBe('');
});

test('warnings of experiments are dropped, others are not', async () => {
  checkout(false);
  const run = start([], ['warn']);
  await run.end;
  expect(run.err()).not.toContain('careful');
  expect(run.err()).toContain('beware');
});

test('its threads keep what they compile where it does: where it was told to, or where Node does', async () => {
  checkout(false);
  const place = join(dir, 'kept');
  for (const [env, at] of [
    [{ NODE_COMPILE_CACHE: undefined }, join(tmpdir(), 'node-compile-cache')],
    [{ NODE_COMPILE_CACHE: place }, place],
  ] as const) {
    const run = start([], ['cache'], { env: { ...process.env, ...env } });
    await run.end;
    const [own, thread] = run.out().split('\n');
    expect(own).toMatch(new RegExp(`^${at}/`));
    expect(thread).toBe(own);
  }
  const forbidden = start([], ['cache'], { env: { ...process.env, NODE_DISABLE_COMPILE_CACHE: '1' } });
  await forbidden.end;
  expect(forbidden.out()).toBe('undefined\nundefined\n');
});

test("without a checkout's Node an old one is told in one line, exit 2", async () => {
  checkout(false);
  const run = start(OLD, ['pid']);
  expect(await run.end).toEqual([2, null]);
  expect(run.err()).toBe('millrace: needs Node 22.22 or later of 22, or 24.6 or later; this is 20.20.2\n');
  expect(run.out()).toBe('');
});

test('a checkout without dependencies is told so, exit 2', async () => {
  checkout(false);
  rmSync(join(dir, 'node_modules'), { recursive: true });
  const run = start([], ['pid']);
  expect(await run.end).toEqual([2, null]);
  expect(run.err()).toMatch(/^millrace: .*npm ci\n$/);
});

test('installed, it runs the built files', async () => {
  checkout(false);
  rmSync(join(dir, 'cli/main.ts'));
  mkdirSync(join(dir, 'cli/dist'));
  writeFileSync(join(dir, 'cli/dist/main.js'), 'export const main = async () => 7;');
  rmSync(join(dir, 'node_modules'), { recursive: true });
  expect(await start([], []).end).toEqual([7, null]);
});

test('its syntax is of ES2020, which Node 16 knows', async () => {
  const { parseSync } = await import('oxc-parser');
  expect(parseSync('millrace.js', readFileSync(launcher, 'utf8')).errors).toEqual([]);
  const { transformSync } = await import('esbuild');
  const strip = (target: string): string => transformSync(readFileSync(launcher, 'utf8'), { target, minifyWhitespace: true }).code;
  expect(strip('es2020')).toBe(strip('esnext'));
});

describe('an old Node hands over to that of the checkout', () => {
  beforeEach(() => checkout(true));

  test('with its arguments, input and exit code', async () => {
    expect(await start(OLD, ['code', '3']).end).toEqual([3, null]);
    const run = start(OLD, ['stdin']);
    run.child.stdin?.end('hello');
    expect(await run.end).toEqual([0, null]);
    expect(run.out()).toBe('hello');
    expect(run.err()).toBe('');
  });

  test('and ends by the signal that ended the command', async () => {
    expect(await start(OLD, ['die']).end).toEqual([null, 'SIGTERM']);
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('%s to the launcher reaches the command once', async (signal) => {
    const run = start(OLD, ['wait', '600']);
    await ready(run);
    run.child.kill(signal);
    expect(await run.end).toEqual([0, null]);
    expect(run.out()).toContain(`seen ${signal}\n`);
  });

  test('Ctrl-C, which goes to the whole process group and comes again through npx, counts once', async () => {
    const run = start(OLD, ['wait', '600'], { detached: true });
    await ready(run);
    process.kill(-(run.child.pid as number), 'SIGINT');
    await new Promise((done) => setTimeout(done, 50));
    run.child.kill('SIGINT');
    expect(await run.end).toEqual([0, null]);
    expect(run.out()).toContain('seen SIGINT\n');
  });

  test('a second Ctrl-C a while later counts again', async () => {
    const run = start(OLD, ['wait', '1600'], { detached: true });
    await ready(run);
    process.kill(-(run.child.pid as number), 'SIGINT');
    await new Promise((done) => setTimeout(done, 700));
    process.kill(-(run.child.pid as number), 'SIGINT');
    await run.end;
    expect(run.out()).toContain('seen SIGINT SIGINT\n');
  });

  test('an echo heard behind a long turn is none', async () => {
    const run = start(OLD, ['wait', '1600', '600'], { detached: true });
    await ready(run);
    process.kill(-(run.child.pid as number), 'SIGINT');
    await new Promise((done) => setTimeout(done, 100));
    process.kill(-(run.child.pid as number), 'SIGINT');
    await run.end;
    expect(run.out()).toContain('seen SIGINT\n');
  });

  test('SIGKILL of the launcher leaves no orphan', async () => {
    const run = start(OLD, ['wait', '20000']);
    const pid = await ready(run);
    expect(pid).not.toBe(run.child.pid);
    run.child.kill('SIGKILL');
    await expect.poll(() => isAlive(pid), { timeout: 2000 }).toBe(false);
  });

  test('where no setpriv binds it, the closed channel ends it', async () => {
    const bin = join(dir, 'bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'setpriv'), '#!/bin/sh\nexit 1\n');
    chmodSync(join(bin, 'setpriv'), 0o755);
    const before = process.env.PATH;
    process.env.PATH = `${bin}:${before}`;
    const run = start(OLD, ['wait', '20000']);
    process.env.PATH = before;
    const pid = await ready(run);
    run.child.kill('SIGKILL');
    await expect.poll(() => isAlive(pid), { timeout: 2000 }).toBe(false);
  });
});

/** A process nobody has reaped yet counts as dead. */
function isAlive(pid: number): boolean {
  const stat = `/proc/${pid}/stat`;
  if (existsSync('/proc/self/stat')) return existsSync(stat) && !/\) Z /.test(readFileSync(stat, 'utf8'));
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
