import type { Host, Sink } from '../command.ts';

export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  yellow(text: string): string;
  green(text: string): string;
  cyan(text: string): string;
}

/** Colours for a stream: none unless it is a terminal; `NO_COLOR` turns them off, `FORCE_COLOR` on, whatever the stream. */
export function styleFor(sink: Sink, env: Host['env']): Style {
  return hasColor(sink.isTerminal, env) ? colored : plain;
}

/** See no-color.org and force-color.org: any value that is not empty counts; `FORCE_COLOR=0` is off, and it beats `NO_COLOR`. */
export function hasColor(isTerminal: boolean, env: Host['env']): boolean {
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== '0' && env.FORCE_COLOR !== 'false';
  if (env.NO_COLOR) return false;
  return isTerminal && env.TERM !== 'dumb';
}

const wrap = (open: number, close: number) => (text: string) => `\u001b[${open}m${text}\u001b[${close}m`;
const same = (text: string): string => text;

const colored: Style = { bold: wrap(1, 22), dim: wrap(2, 22), red: wrap(31, 39), yellow: wrap(33, 39), green: wrap(32, 39), cyan: wrap(36, 39) };
const plain: Style = { bold: same, dim: same, red: same, yellow: same, green: same, cyan: same };
export const plainStyle: Style = plain;
