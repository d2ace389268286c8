import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { type Finished, Millrace, succeed } from './cli.ts';

type Options = ConstructorParameters<typeof Millrace>[1];

/** A record as `topic cat --json --headers` prints it. */
export interface Printed {
  readonly partition: number;
  readonly offset: number;
  readonly key: string | null;
  readonly value: unknown;
  readonly value_base64?: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A directory for one test, with the commands that are run in it as a person would. */
export interface Workshop {
  readonly path: string;
  put(file: string, content: string | Uint8Array): void;
  text(file: string): string;
  rows(file: string): Record<string, unknown>[];
  call(args: readonly string[], options?: Options): Promise<Finished>;
  start(args: readonly string[], options?: Options): Millrace;
  /** `run p.yaml --until end` in the data directory `data`; gives the closing document */
  run(...args: string[]): Promise<Record<string, unknown>>;
  /** the same where it must fail; gives what it said on stderr */
  refuse(...args: string[]): Promise<{ code: number | null; stderr: string }>;
  cat(topic: string): Promise<Printed[]>;
}

const RUN = ['run', 'p.yaml', '--until', 'end', '--data-dir', 'data', '--json'];

export function workshop(): Workshop {
  let path = '';
  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), 'millrace-e2e-'));
  });
  afterEach(() => rmSync(path, { recursive: true, force: true }));
  const start: Workshop['start'] = (args, options) => new Millrace(args, { cwd: path, ...options });
  return {
    get path() {
      return path;
    },
    put(file, content) {
      mkdirSync(dirname(join(path, file)), { recursive: true });
      writeFileSync(join(path, file), content);
    },
    text: (file) => readFileSync(join(path, file), 'utf8'),
    rows: (file) =>
      readFileSync(join(path, file), 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    start,
    call: (args, options) => start(args, options).finished,
    async run(...args) {
      const stdout = await succeed([...RUN, ...args], { cwd: path });
      return JSON.parse(stdout.trimEnd().split('\n').at(-1) as string) as Record<string, unknown>;
    },
    async refuse(...args) {
      const { code, stderr } = await start([...RUN, ...args]).finished;
      return { code, stderr };
    },
    async cat(topic) {
      const stdout = await succeed(['topic', 'cat', topic, '--json', '--headers', '--data-dir', 'data', '--until', 'end'], { cwd: path });
      return stdout
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Printed);
    },
  };
}
