import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import util, { promisify } from 'node:util';

/** What is known of @tensorflow/tfjs-node here. `reason` is one line for people; `library` is what tfjs-core gives, with its own backend. */
export type Native =
  | { readonly kind: 'absent' }
  | { readonly kind: 'broken'; readonly reason: string }
  | { readonly kind: 'loaded'; readonly library: unknown };

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
 * thread.
 */
export function nativeTensorFlow(): Promise<Native> {
  found ??= loadNative(process.env[VARIABLE] ?? '');
  return found;
}

/** @param directory where npm installed it, or it was built; '': beside this package */
export async function loadNative(directory: string): Promise<Native> {
  const require = createRequire(directory === '' ? import.meta.url : join(directory, 'package.json'));
  let path: string;
  try {
    path = require.resolve(NAME);
  } catch {
    return directory === '' ? { kind: 'absent' } : { kind: 'broken', reason: `there is no ${NAME} in ${directory}, which ${VARIABLE} names` };
  }
  // else the library says on stderr what the processor could do besides
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
  const reason = await loadsApart(path);
  if (reason !== null) return { kind: 'broken', reason };
  try {
    restoreUtil(util);
    return { kind: 'loaded', library: require('@tensorflow/tfjs-node') };
  } catch (error) {
    return { kind: 'broken', reason: (error as Error).message };
  }
}

/**
 * Whether another process can load and use it: null, or why not. A damaged library, or one for another processor, ends the process that loads it.
 * @param path of the package's entry
 */
export async function loadsApart(path: string): Promise<string | null> {
  try {
    await promisify(execFile)(process.execPath, ['-e', PROBE, path], { timeout: PATIENCE_MS, killSignal: 'SIGKILL' });
    return null;
  } catch (error) {
    return why(error as Partial<Death> & Error);
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
  const error = /^\w*Error: (.*)$/m.exec(stderr ?? '');
  return (error?.[1] ?? message).trim();
}
