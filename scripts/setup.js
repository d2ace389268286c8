// Makes a checkout ready to run: `npm ci` when node_modules does not match package-lock.json, nothing otherwise.
// Plain JavaScript, because the Node that starts it may be as old as 16; everything after it runs on the checkout's own Node 24.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { delimiter, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const modules = join(root, 'node_modules');
const stampFile = join(modules, '.millrace-setup');
const lockFile = join(root, '.setup.lock');
const STALE_MS = 600000;

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

const wanted = () =>
  [
    createHash('sha256')
      .update(readFileSync(join(root, 'package-lock.json')))
      .digest('hex'),
    process.platform,
    process.arch,
  ].join(' ');

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** True when node_modules was installed from this very lockfile and its Node is there. */
function isReady() {
  return read(stampFile) === wanted() && existsSync(join(modules, '.bin', 'node'));
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** A holder that died (it and its npm) or fell silent for long holds nothing. */
function isStale() {
  try {
    if (Date.now() - statSync(lockFile).mtimeMs > STALE_MS) return true;
    const { host, pids } = JSON.parse(readFileSync(lockFile, 'utf8'));
    return host === hostname() && !pids.some(isAlive);
  } catch (error) {
    return error instanceof SyntaxError && Date.now() - statSync(lockFile).mtimeMs > 5000;
  }
}

const holder = (pids) => JSON.stringify({ host: hostname(), pids });

/** Takes the lock, waiting for whoever has it. */
async function acquire() {
  const mine = holder([process.pid]);
  for (let told = false; ; await pause(200)) {
    try {
      writeFileSync(lockFile, mine, { flag: 'wx' });
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (isStale()) {
      // Rename replaces the file in one step; of several that do so at once the last one wins, and the pause lets all see it.
      const own = `${lockFile}.${process.pid}`;
      writeFileSync(own, mine);
      renameSync(own, lockFile);
      await pause(300);
      if (read(lockFile) === mine) return;
    } else if (!told) {
      told = true;
      process.stderr.write('Another set-up of this checkout is running; waiting for it …\n');
    }
  }
}

/** Runs npm on the Node it came with, not on the one in node_modules, which it is about to replace. Throws its output when it fails. */
function npm(...command) {
  const path = (process.env.PATH || '')
    .split(delimiter)
    .filter((dir) => !dir.includes(`${sep}node_modules${sep}`))
    .join(delimiter);
  const args = [...command, '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  const child = spawn('npm', args, { cwd: root, env: { ...process.env, PATH: path }, stdio: ['ignore', 'pipe', 'pipe'], shell: process.platform === 'win32' });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text) => {
      output += text;
    });
  }
  writeFileSync(lockFile, holder([process.pid, child.pid]));
  const beat = setInterval(() => utimesSync(lockFile, new Date(), new Date()), 5000);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`npm ${command[0]} failed (exit ${code})\n${output}`))));
  }).finally(() => clearInterval(beat));
}

/** `npm ci` also wants the lockfile to list packages for other platforms, which a registry mirror may lack; then a plain install gives the same tree. */
async function install() {
  try {
    await npm('ci');
  } catch (error) {
    if (!error.message.includes('EUSAGE')) throw error;
    await npm('install', '--no-save');
  }
}

function stamp() {
  mkdirSync(modules, { recursive: true });
  writeFileSync(stampFile, wanted());
}

/** Installs what package-lock.json says unless that has been done; tells on stderr what it does. Throws when npm fails. */
export async function setup() {
  if (isReady()) return;
  await acquire();
  try {
    if (isReady()) return;
    const start = Date.now();
    process.stderr.write('Installing dependencies, once …');
    await install();
    stamp();
    process.stderr.write(` done in ${Math.round((Date.now() - start) / 1000)} s\n`);
  } finally {
    rmSync(lockFile, { force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  // npm itself calls this with --stamp after an install, so an install by hand counts too.
  if (process.argv.includes('--stamp')) stamp();
  else {
    setup().catch((error) => {
      process.stderr.write(`\n${error.message}\n`);
      process.exitCode = 1;
    });
  }
}
