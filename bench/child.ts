import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Report } from './report.ts';

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const CLI = here('../cli/bin/millrace.js');

/** A measured process: what it cost and said. */
export interface Finished {
  readonly cost: Report;
  readonly stdout: string;
}

export type Env = { readonly [name: string]: string };

/** Runs a script of this directory, or the command, to its end; throws when it fails. */
export async function run(script: string, args: readonly string[], env: Env = {}, nodeFlags: readonly string[] = []): Promise<Finished> {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-bench-report-'));
  try {
    const report = join(dir, 'report.json');
    const child = spawn(process.execPath, [...nodeFlags, '--import', here('report.ts'), here(script), ...args], {
      env: { ...process.env, ...env, BENCH_REPORT: report },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    const code = await new Promise((done) => child.on('close', done));
    if (code !== 0) throw new Error(`${script} ${args.join(' ')} ended with ${code}\n${stdout}`);
    return { cost: JSON.parse(readFileSync(report, 'utf8')) as Report, stdout };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** A run of the command to the end of its input. */
export interface Run extends Finished {
  readonly elapsedMs: number;
  readonly recordsIn: number;
}

/** `millrace run` on a pipeline of this directory. Dead letters are an error. */
export async function millrace(pipeline: string, options: readonly string[], env: Env = {}, nodeFlags: readonly string[] = []): Promise<Run> {
  const finished = await run('../cli/bin/millrace.js', ['run', here(pipeline), ...options, '--json'], env, nodeFlags);
  const line = finished.stdout.split('\n').findLast((text) => text.includes('"event":"done"')) as string;
  const done = JSON.parse(line) as { elapsed_ms: number; records_in: number; dead_letters: number };
  if (done.dead_letters > 0) throw new Error(`dead letters: ${line}`);
  return { ...finished, elapsedMs: done.elapsed_ms, recordsIn: done.records_in };
}

/**
 * Kafka's own defaults where suites have others: the first members of a group wait for each other, so that nothing moves at once; a cleaner that rests; and the JVM as
 * kafka-server-start.sh starts it, where the one of the suites compiles little and stands still to collect.
 */
const AS_IT_COMES = [
  ...['-Xms1g', '-Xmx1g', '-server', '-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20', '-XX:InitiatingHeapOccupancyPercent=35', '-XX:+ExplicitGCInvokesConcurrent'],
  ...['group.initial.rebalance.delay.ms=3000', 'log.cleaner.backoff.ms=15000'],
];

/** A broker in a process of its own. */
export interface Broker {
  readonly brokers: readonly string[];
  close(): Promise<void>;
}

export async function startBroker(): Promise<Broker> {
  const child = spawn(process.execPath, [here('../e2e/support/kafka/run-broker.ts'), ...AS_IT_COMES], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<void>((done) => child.on('close', () => done()));
  const address = await new Promise<string>((told, failed) => {
    child.stdout.setEncoding('utf8').once('data', told);
    child.once('close', () => failed(new Error('the broker did not start')));
  });
  return {
    brokers: address.trim().split(','),
    close() {
      child.stdin.end();
      return ended;
    },
  };
}

/** Starts `millrace run` on a pipeline of this directory, to run until `stop`. */
export function start(pipeline: string, options: readonly string[]): { stop(): Promise<void> } {
  const child = spawn(process.execPath, [CLI, 'run', here(pipeline), ...options, '--json'], { stdio: ['ignore', 'ignore', 'inherit'] });
  const ended = new Promise<void>((done) => child.on('close', () => done()));
  return {
    stop() {
      child.kill('SIGTERM');
      return ended;
    },
  };
}
