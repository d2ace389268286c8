import { type ChildProcess, spawn } from 'node:child_process';
import { openSync, readFileSync } from 'node:fs';

export interface ProcessSpec {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** takes its stdout and stderr */
  readonly log: string;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Ends the child when this process is gone, however that went, and whether or not the child stands still then: a pipe closes, `read` returns. */
export function guard(child: ChildProcess): void {
  if (child.pid === undefined) return;
  const watch = spawn('sh', ['-c', `read line; kill -9 ${child.pid}`], { stdio: ['pipe', 'ignore', 'ignore'] });
  watch.unref();
  child.once('exit', () => watch.kill('SIGKILL'));
}

/** A process that is gone when this one is, however that went. */
export class GuardedProcess {
  readonly exit: Promise<Exit>;
  readonly #spec: ProcessSpec;
  readonly #child: ChildProcess;
  over: Exit | null = null;

  constructor(spec: ProcessSpec) {
    this.#spec = spec;
    const out = openSync(spec.log, 'a');
    const [file, ...args] = spec.command as [string, ...string[]];
    this.#child = spawn(file, args, { env: { ...spec.env }, cwd: spec.cwd, stdio: ['ignore', out, out] });
    guard(this.#child);
    this.exit = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('exit', (code, signal) => {
        this.over = { code, signal };
        resolve(this.over);
      });
    });
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /** the end of what it has said */
  get said(): string {
    return readFileSync(this.#spec.log, 'utf8').slice(-3000);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}
