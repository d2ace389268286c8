import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { guard } from './guarded-process.ts';

const bin = fileURLToPath(new URL('../../cli/bin/millrace.js', import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A millrace process, as a user would start it. */
export class Millrace {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  readonly #waiting: { text: string; resolve: () => void }[] = [];
  #stderr = '';

  constructor(args: readonly string[], options: { env?: Record<string, string>; input?: string; bin?: string; cwd?: string } = {}) {
    this.child = spawn(process.execPath, [options.bin ?? bin, ...args], {
      env: { ...process.env, NO_COLOR: '1', ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    guard(this.child);
    const stdout: Buffer[] = [];
    this.child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr += chunk.toString();
      for (const { text, resolve } of this.#waiting) if (this.#stderr.includes(text)) resolve();
    });
    this.finished = new Promise((resolve, reject) => {
      this.child.on('error', reject);
      this.child.on('close', (code, signal) => resolve({ code, signal, stdout: Buffer.concat(stdout).toString(), stderr: this.#stderr }));
    });
    this.child.stdin?.on('error', () => {});
    this.child.stdin?.end(options.input ?? '');
  }

  /** all of stderr so far */
  get said(): string {
    return this.#stderr;
  }

  /** resolves when stderr has said `text` */
  saw(text: string): Promise<void> {
    if (this.#stderr.includes(text)) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ text, resolve }));
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<Finished> {
    this.child.kill(signal);
    return this.finished;
  }
}

/** Runs a command to its end. */
function millrace(args: readonly string[], options: ConstructorParameters<typeof Millrace>[1] = {}): Promise<Finished> {
  return new Millrace(args, options).finished;
}

/** Runs a command that must succeed, and gives its stdout. */
export async function succeed(args: readonly string[], options: ConstructorParameters<typeof Millrace>[1] = {}): Promise<string> {
  const { code, stdout, stderr } = await millrace(args, options);
  if (code !== 0) throw new Error(`millrace ${args.join(' ')} exited with ${code}\n${stderr}`);
  return stdout;
}
