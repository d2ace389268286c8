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

/** A process that is gone when this one is, however that went. */
export class GuardedProcess {
  readonly exit: Promise<Exit>;
  readonly #spec: ProcessSpec;
  readonly #child: ChildProcess;
  readonly #guard: ChildProcess;
  over: Exit | null = null;

  constructor(spec: ProcessSpec) {
    this.#spec = spec;
    const out = openSync(spec.log, 'a');
    const [file, ...args] = spec.command as [string, ...string[]];
    this.#child = spawn(file, args, { env: { ...spec.env }, cwd: spec.cwd, stdio: ['ignore', out, out] });
    this.#guard = spawn('sh', ['-c', `read line; kill -9 ${this.#child.pid}`], { stdio: ['pipe', 'ignore', 'ignore'] });
    this.#guard.unref();
    this.exit = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('exit', (code, signal) => {
        this.#guard.kill('SIGKILL');
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
