import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { systemClock } from '@millrace/runtime/clock.ts';
import { afterEach, beforeEach, vi } from 'vitest';
import type { Sink } from './command.ts';
import { main } from './main.ts';

const launcher = fileURLToPath(new URL('./bin/millrace.js', import.meta.url));

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ReturnType<typeof spawn>;
  readonly done: Promise<Outcome>;
  /** resolves once stdout and stderr together hold the text */
  seen(text: string): Promise<void>;
}

/** Starts the real command as a person would, in `cwd`. */
export function start(cwd: string, args: readonly string[], options: { input?: string | Buffer; env?: Record<string, string> } = {}): Running {
  const { FORCE_COLOR: _, NO_COLOR: __, ...inherited } = process.env;
  const env = { ...inherited, ...options.env };
  const child = spawn(process.execPath, [launcher, ...args], { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  const watchers = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    for (const watch of watchers) watch();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    for (const watch of watchers) watch();
  });
  child.stdin.on('error', () => undefined);
  if (options.input !== undefined) child.stdin.end(options.input);
  const done = new Promise<Outcome>((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
  const seen = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const watch = (): void => {
        if (!(stdout + stderr).includes(text)) return;
        watchers.delete(watch);
        resolve();
      };
      watchers.add(watch);
      child.on('close', () => reject(new Error(`ended without ${JSON.stringify(text)}:\n${stdout}${stderr}`)));
      watch();
    });
  return { child, done, seen };
}

export function millrace(cwd: string, ...args: string[]): Promise<Outcome> {
  return start(cwd, args, { input: '' }).done;
}

/** The same command inside this process: for what needs no process of its own, many times faster. */
export async function called(
  cwd: string,
  args: readonly string[],
  { env = {}, input }: { env?: Record<string, string>; input?: string | Buffer } = {},
): Promise<Outcome> {
  const texts = { stdout: '', stderr: '' };
  const sink = (name: keyof typeof texts): Sink => ({
    isTerminal: false,
    columns: 80,
    rows: 24,
    write(text) {
      texts[name] += text;
      return undefined;
    },
  });
  const exit = (code: number): never => {
    throw new Error(`exit ${code}`);
  };
  const code = await main(args, {
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    stdin: Readable.from(input === undefined ? [] : [Buffer.from(input)]),
    env,
    cwd,
    clock: systemClock,
    exit,
    onSignal: () => () => undefined,
  });
  return { code, ...texts };
}

/** A directory of its own for each test of a file. */
export function tempDir(): { readonly path: string } {
  // a process takes a third of a second to start, and more where others work
  vi.setConfig({ testTimeout: 30_000 });
  const dir = { path: '' };
  beforeEach(() => {
    dir.path = mkdtempSync(join(tmpdir(), 'millrace-cli-'));
  });
  afterEach(() => rmSync(dir.path, { recursive: true, force: true }));
  return dir;
}
