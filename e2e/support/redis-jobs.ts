import { appendFileSync, cpSync, existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Finished, Millrace } from './cli.ts';
import { runArgs, type Scenario } from './kills.ts';
import type { RedisServer } from './redis.ts';

/** A scenario whose batches are handed out: its inputs are those of `scenario`, its profile names a server. */
export function handedOut(scenario: Scenario): Scenario {
  return { ...scenario, args: ['--profile', 'redis.yaml'] };
}

/** A copy of the laid out scenario, with a profile that names the server. */
export function layOut(template: string, dir: string, server: RedisServer, more = ''): void {
  cpSync(template, dir, { recursive: true, preserveTimestamps: true });
  cpSync(join(dir, 'profile.yaml'), join(dir, 'redis.yaml'));
  appendFileSync(join(dir, 'redis.yaml'), `\nredis: { url: "${server.url}"${more} }\n`);
}

export function startWorker(dir: string, env: Record<string, string> = {}): Millrace {
  return new Millrace(['worker', 'pipeline.yaml', '--profile', 'redis.yaml', '--data-dir', 'data', '--json'], { cwd: dir, env });
}

export function startRun(scenario: Scenario, dir: string, more: readonly string[] = [], env: Record<string, string> = {}): Millrace {
  return new Millrace([...runArgs(handedOut(scenario)), ...more], { cwd: dir, env });
}

/** Its end, which has to be a good one. */
export async function well(child: Millrace): Promise<Finished> {
  const finished = await child.finished;
  if (finished.code !== 0) throw new Error(`exit ${finished.code}\n${finished.stderr}`);
  return finished;
}

/** Stops a worker as a person would; gives how many jobs it says it has done. */
export async function stopped(worker: Millrace): Promise<number> {
  worker.child.kill('SIGTERM');
  const { stdout } = await well(worker);
  return (JSON.parse(stdout) as { jobs: number }).jobs;
}

/** Resolves when a file output has so many bytes: batches are under way. */
export function grown(dir: string, file: string, bytes: number, of: Millrace): Promise<void> {
  const path = join(dir, file);
  return until(of, `${file} had ${bytes} bytes`, () => existsSync(path) && statSync(path).size >= bytes);
}

async function until(of: Millrace, what: string, seen: () => boolean): Promise<void> {
  let over = false;
  const end = (): void => {
    over = true;
  };
  of.finished.then(end, end);
  while (!seen()) {
    if (over) throw new Error(`the run has ended before ${what}\n${of.said}`);
    await sleep(10);
  }
}
