/**
 * `npm run tensorflow`: builds native TensorFlow from package registries alone, for machines that do not reach the host that
 * `npm install @tensorflow/tfjs-node` downloads its library from. Once a machine; prints what to set so that millrace finds it.
 */
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { loadsApart } from '@millrace/analyzer/ml/native.ts';
import { locked } from '@millrace/runtime/locked.case.ts';

const PACKAGE = '@tensorflow/tfjs-node';
const VERSION = '4.22.0';
/** The library that this tfjs-node was made for, as Python's package brings it; any newer pip can download it, whatever Python is here. */
const WHEEL = 'tensorflow-cpu==2.15.1 --hash=sha256:54660c074d7241a503e81edfd9f5ef5af88f64051b72e2945f26318c790f2d26\n';
const WHEEL_FOR = ['--only-binary=:all:', '--no-deps', '--python-version=3.11', '--implementation=cp', '--abi=cp311', '--platform=manylinux2014_x86_64'];
const LIBRARIES = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'];
const UNPACK = `
import os, shutil, sys, zipfile
wheel, to = sys.argv[1:]
with zipfile.ZipFile(wheel) as packed:
    for name in packed.namelist():
        kept = name.removeprefix('tensorflow/')
        if name.endswith('/') or not kept.startswith(('include/tensorflow/c/', 'include/tensorflow/core/platform/', 'include/tsl/', 'libtensorflow_')): continue
        path = os.path.join(to, 'lib' if kept.startswith('lib') else '', kept)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with packed.open(name) as source, open(path, 'wb') as target: shutil.copyfileobj(source, target, 1 << 20)
`;

const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');

/** Where the build is, or will be: what MILLRACE_TENSORFLOW names, or a directory in the user's cache. */
export const directory = resolve(process.env['MILLRACE_TENSORFLOW'] || join(cache, 'millrace', `tensorflow-${VERSION}`));

const compiler = process.env['CXX'] || 'g++';
const runs = (command: string, ...args: readonly string[]): boolean => spawnSync(command, args, { stdio: 'ignore' }).status === 0;

/** What this machine lacks, in one line; null: nothing. */
function missing(): string | null {
  if (process.platform !== 'linux' || process.arch !== 'x64') return `it is built on Linux x64 only, not on ${process.platform} ${process.arch}`;
  const lacks = [
    ...(runs('python3', '-m', 'pip', '--version') ? [] : ['python3 with pip']),
    ...(runs(compiler, '--version') ? [] : [`a C++ compiler: ${compiler}, or what CXX names`]),
    ...(headers() === undefined ? ["Node's C headers"] : []),
  ];
  return lacks.length === 0 ? null : `not installed here: ${lacks.join(', ')}`;
}

/** Node's headers: of the one that npm installed here, of this process' or of the system's. Node-API is the same in all. */
function headers(): string | undefined {
  const require = createRequire(import.meta.url);
  const candidates = [dirname(dirname(process.execPath)), '/usr', '/usr/local'];
  try {
    candidates.unshift(dirname(createRequire(require.resolve('node/package.json')).resolve(`node-${process.platform}-${process.arch}/package.json`)));
  } catch {
    // not installed by npm
  }
  return candidates.map((dir) => join(dir, 'include', 'node')).find((dir) => existsSync(join(dir, 'node_api.h')));
}

async function step(what: string, command: string, args: readonly string[], cwd: string): Promise<void> {
  try {
    await promisify(execFile)(command, args, { cwd, maxBuffer: 64 * 1024 * 1024 });
  } catch (error) {
    const { stderr = '', stdout = '', message } = error as { stderr?: string; stdout?: string; message: string };
    // the first that tells of the fault, not of its number or of a log
    const said = `${stdout}\n${stderr}`.split('\n').find((line) => /error|not found/i.test(line) && !/ (code|errno|syscall|A complete log)\b/.test(line));
    throw new Error(`${what} failed: ${(said ?? message).trim()}`);
  }
}

async function build(to: string, tell: (text: string) => void): Promise<void> {
  tell(`${PACKAGE} ${VERSION} …\n`);
  writeFileSync(join(to, 'package.json'), '{ "private": true }');
  const options = ['--prefix', to, '--ignore-scripts', '--save-exact', '--no-audit', '--no-fund', '--loglevel=error', '--fetch-retries=1'];
  await step('npm', 'npm', ['install', ...options, `${PACKAGE}@${VERSION}`], to);
  tell('the library, 207 MB …\n');
  writeFileSync(join(to, 'wheel.txt'), WHEEL);
  const quiet = ['-q', '--disable-pip-version-check', '--retries=2', '--timeout=20'];
  await step('pip', 'python3', ['-m', 'pip', 'download', ...quiet, ...WHEEL_FOR, '--require-hashes', '-r', 'wheel.txt', '-d', 'wheel'], to);
  const home = join(to, 'node_modules', PACKAGE);
  const deps = join(home, 'deps');
  await step('unpacking', 'python3', ['-c', UNPACK, ...globSync(join(to, 'wheel', '*.whl')), deps], to);
  for (const library of LIBRARIES) if (!existsSync(join(deps, 'lib', library))) throw new Error(`the package of Python has no ${library}`);
  rmSync(join(to, 'wheel'), { recursive: true });
  tell('the binding …\n');
  const binding = join(home, 'lib', 'napi-v8', 'tfjs_binding.node');
  mkdirSync(dirname(binding), { recursive: true });
  const sources = ['tfjs_backend.cc', 'tfjs_binding.cc'].map((file) => join(home, 'binding', file));
  const flags = ['-shared', '-fPIC', '-O2', '-std=gnu++17', '-DNAPI_VERSION=8', '-DNODE_GYP_MODULE_NAME=tfjs_binding', '-DBUILDING_NODE_EXTENSION'];
  const inputs = [`-I${headers()}`, `-I${join(deps, 'include')}`, ...sources, ...LIBRARIES.map((library) => join(deps, 'lib', library))];
  await step('the compiler', compiler, [...flags, ...inputs, '-Wl,-rpath,$ORIGIN/../../deps/lib', '-o', binding], to);
  const reason = await loadsApart(join(home, 'dist', 'index.js'));
  if (reason !== null) throw new Error(`it was built but does not load: ${reason}`);
}

/**
 * Builds it unless that was done; a second caller, from any process, waits for the first.
 * @returns null: it is in `directory`; else why not, in one line
 */
export async function ensureTensorFlow(tell: (text: string) => void): Promise<string | null> {
  const isThere = (): boolean => existsSync(join(directory, 'node_modules', PACKAGE));
  if (isThere()) return null;
  if (existsSync(directory) && readdirSync(directory).length > 0) return `${directory} is there and holds something else`;
  const lack = missing();
  if (lack !== null) return lack;
  const parent = dirname(directory);
  const part = `${basename(directory)}.part`;
  const own = join(parent, `${part}${process.pid}`);
  try {
    mkdirSync(parent, { recursive: true });
    await locked(`${directory}.lock`, async () => {
      if (isThere()) return;
      for (const left of readdirSync(parent)) if (left.startsWith(part)) rmSync(join(parent, left), { recursive: true });
      mkdirSync(own);
      await build(own, tell);
      renameSync(own, directory);
    });
    return null;
  } catch (error) {
    rmSync(own, { recursive: true, force: true });
    return (error as Error).message;
  }
}

async function main(): Promise<void> {
  const why = await ensureTensorFlow((text) => process.stderr.write(text));
  if (why === null) process.stdout.write(`export MILLRACE_TENSORFLOW='${directory.replaceAll("'", String.raw`'\'\''`)}'\n`);
  else {
    process.stderr.write(`native TensorFlow cannot be built: ${why}\n`);
    process.exitCode = 1;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
