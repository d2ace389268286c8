import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import util, { promisify } from 'node:util';
import type * as Core from '@tensorflow/tfjs-core';

/** What is known of @tensorflow/tfjs-node here. `reason` is one line for people. */
export type Native = { readonly kind: 'absent' } | { readonly kind: 'broken'; readonly reason: string } | { readonly kind: 'loaded'; readonly tf: typeof Core };

const NAME = '@tensorflow/tfjs-node';
const VARIABLE = 'MILLRACE_TENSORFLOW';
/** A cold disk reads half a gigabyte. */
const PATIENCE_MS = 120_000;

/** tfjs-node 4.22 calls two functions that Node 23 removed. */
function restoreUtil(node: object): void {
  const old = node as Record<string, unknown>;
  old['isNullOrUndefined'] ??= (value: unknown) => value === null || value === undefined;
  old['isArray'] ??= Array.isArray;
}

const PROBE = `(${restoreUtil})(require('node:util'));
const tf = require(process.argv[1]);
if (tf.getBackend() !== 'tensorflow') throw new Error('its backend did not start');
if (tf.matMul([[2, 3]], [[5], [7]]).dataSync()[0] !== 31) throw new Error('it does not multiply');
process.exit(0);`;

let found: Promise<Native> | undefined;

/**
 * Native TensorFlow, loaded: an optional peer that npm installed, or one in the directory that the variable MILLRACE_TENSORFLOW names. Looks once a
 * thread. A damaged library can end the process that loads it, so another process tries first.
 */
export function nativeTensorFlow(): Promise<Native> {
  found ??= load(process.env[VARIABLE] ?? '');
  return found;
}

/** @param directory where npm installed it; '': beside this package */
async function load(directory: string): Promise<Native> {
  const require = createRequire(directory === '' ? import.meta.url : join(directory, 'package.json'));
  let path: string;
  try {
    path = require.resolve(NAME);
  } catch {
    return directory === '' ? { kind: 'absent' } : { kind: 'broken', reason: `there is no ${NAME} in ${directory}, which ${VARIABLE} names` };
  }
  // says what the processor could do besides, on stderr
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
  try {
    await promisify(execFile)(process.execPath, ['-e', PROBE, path], { timeout: PATIENCE_MS, killSignal: 'SIGKILL' });
    restoreUtil(util);
    return { kind: 'loaded', tf: require(path) as typeof Core };
  } catch (error) {
    return { kind: 'broken', reason: why(error as Partial<Death> & Error) };
  }
}

/** How execFile says that a process failed. */
interface Death {
  readonly killed: boolean;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

function why({ killed, signal, stderr, message }: Partial<Death> & Error): string {
  if (killed) return `it did not load within ${PATIENCE_MS / 1000} s`;
  if (signal) return `a process that loads it dies of ${signal}: its library is damaged, or made for another processor`;
  const error = /^(?:\w*Error: )(.*)$/m.exec(stderr ?? '');
  return (error?.[1] ?? message).trim();
}
