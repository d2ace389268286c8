import type { Readable } from 'node:stream';
import type { Clock } from '@millrace/runtime/clock.ts';

/** The process as an argument, so that a test can stand in for it. */
export interface Host {
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly stdin: Readable;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly clock: Clock;
  /** ends the process at once, with no clean-up: a second Ctrl-C */
  exit(code: number): void;
  /** hears `SIGINT` and `SIGTERM` until the function it returns is called */
  onSignal(listener: (signal: 'SIGINT' | 'SIGTERM') => void): () => void;
}

/** What is needed of a stream to write text to it. */
export interface Sink {
  /** resolves when the text may be forgotten; await it now and then in a loop that writes much */
  write(text: string): Promise<void> | undefined;
  readonly isTerminal: boolean;
  /** width of the terminal, 80 where there is none */
  readonly columns: number;
  /** its height, 24 where there is none */
  readonly rows: number;
}

export interface OptionSpec {
  /** as commander reads them: `--limit <n>`, `-h, --human` */
  readonly flags: string;
  readonly doc: string;
  readonly choices?: readonly string[];
  /** whole numbers of 0 and above; anything else is wrong usage */
  readonly integer?: true;
}

/** A command as data: the parser, `--help` and the dispatch all come from it. */
export interface CommandSpec {
  /** one or two words: `lint`, `topic cat` */
  readonly name: string;
  /** one line, for the list of commands */
  readonly summary: string;
  /** what else there is to know, for its own help */
  readonly doc?: string;
  /** `<file>`, `[dir]`, `<file...>` */
  readonly args: readonly { readonly name: string; readonly doc: string }[];
  readonly options: readonly OptionSpec[];
  readonly examples: readonly string[];
  /** Gives the exit code. What it throws becomes a message and exit code 1 or 2. */
  run(call: Call): Promise<number>;
}

/** One invocation: what was typed, checked against the spec. Options go by their camel-cased long name. */
export interface Call {
  readonly host: Host;
  readonly args: readonly string[];
  readonly json: boolean;
  flag(option: string): boolean;
  text(option: string): string | undefined;
  integer(option: string): number | undefined;
}
