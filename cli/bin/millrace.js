#!/usr/bin/env node
// Starts the command. In a checkout it runs the sources, never a stale build; installed, the built files beside it.
// Plain JavaScript that Node 16 parses: a Node that is too old hands over to the checkout's own, or says in a line what it needs.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import module from 'node:module';
import { fileURLToPath } from 'node:url';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];
/** One Ctrl-C may come several times: from the terminal, through npx, through the launcher, all within this many ms. They count once. */
const ECHO_MS = 250;
/** a command that is done ends after this many ms at the latest */
const LINGER_MS = 1000;

const sources = new URL('../main.ts', import.meta.url);
const inCheckout = existsSync(sources);
const ownNode = fileURLToPath(new URL('../../node_modules/node/bin/node', import.meta.url));

function isNewEnough(version) {
  const [major, minor] = version.slice(1).split('.').map(Number);
  return (major === 22 && minor >= 22) || (major === 24 && minor >= 6) || major > 24;
}

function usage(message) {
  process.stderr.write(`millrace: ${message}\n`);
  process.exitCode = 2;
}

/** Runs this file again on the checkout's Node, which ends when this process does, whatever ends it. */
function handOver() {
  const command = [ownNode, fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  // Linux ends the child with its parent even on SIGKILL; elsewhere the closed channel tells it (see below).
  const bound = process.platform === 'linux' && spawnSync('setpriv', ['--pdeathsig', 'KILL', 'true'], { stdio: 'ignore' }).status === 0;
  if (bound) command.unshift('setpriv', '--pdeathsig', 'KILL');
  const child = spawn(command[0], command.slice(1), { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
  for (const signal of SIGNALS) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => usage(error.message));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

function dieWithParent() {
  if (!process.channel) return;
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  process.channel.unref();
}

/** Drops the echoes of a signal, and Node's notes on what it holds experimental. */
function quieten() {
  const heard = new Set();
  const emit = process.emit;
  process.emit = function (name, ...args) {
    if (SIGNALS.includes(name)) {
      if (heard.has(name)) return true;
      heard.add(name);
      // an echo that came during a long turn is heard in the poll phase behind it: the timer is due before that, the immediate after
      setTimeout(() => setImmediate(() => heard.delete(name)), ECHO_MS).unref();
    }
    if (name === 'warning' && args[0] && args[0].name === 'ExperimentalWarning') return false;
    return emit.call(this, name, ...args);
  };
}

/** What was compiled is kept between calls: --help then takes a fifth of the time, and a thread starts in half of it. Threads hear of it by the environment. */
function keepCompiled() {
  const { status, directory } = module.enableCompileCache();
  if (status === module.constants.compileCacheStatus.ENABLED) process.env.NODE_COMPILE_CACHE = directory;
}

async function start() {
  dieWithParent();
  quieten();
  keepCompiled();
  const { main } = await import(inCheckout ? sources.href : new URL('../dist/main.js', import.meta.url).href);
  process.exitCode = await main(process.argv.slice(2));
  // what a library leaves behind (a connection it tries again, a timer of half a minute) must not keep a process that has said all it has to say
  setTimeout(endOnceHeard, LINGER_MS).unref();
}

/** Ends the process when whoever reads it has all of it. */
function endOnceHeard() {
  if (process.stdout.writableLength > 0 || process.stderr.writableLength > 0) setTimeout(endOnceHeard, LINGER_MS);
  else process.exit();
}

if (inCheckout && !existsSync(new URL('../../node_modules/@millrace', import.meta.url))) usage('this checkout has no dependencies yet: run npm ci');
else if (isNewEnough(process.version)) start();
else if (inCheckout && existsSync(ownNode)) handOver();
else usage(`needs Node 22.22 or later of 22, or 24.6 or later; this is ${process.version.slice(1)}`);
