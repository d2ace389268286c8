import { appendFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ProbePoint, probePoints } from '@millrace/runtime/probe.ts';
import type { Random } from '@millrace/runtime/random.ts';
import { Millrace, succeed } from './cli.ts';

/** A pipeline to be killed: its file, what it reads, and what it writes. */
export interface Scenario {
  readonly name: string;
  readonly yaml: string;
  /** writes inputs into the directory of the pipeline file; may produce to topics of the data directory */
  readonly prepare: (dir: string, dataDir: string) => Promise<void>;
  /** outputs, relative to the pipeline file */
  readonly files: readonly string[];
  readonly topics: readonly string[];
  /** points that its run never comes to */
  readonly never?: readonly ProbePoint[];
  /** further arguments of `run`; it is started in the pipeline file's directory */
  readonly args?: readonly string[];
}

/** Sorted lines of everything a run left: equal exactly when the multisets are. */
export type Answer = Readonly<Record<string, readonly string[]>>;

export interface KillLog {
  kills: number;
  readonly atPoint: Map<string, number>;
  atTime: number;
  /** times that bytes nobody had committed stood behind the file outputs at a restart */
  torn: number;
}

/** Counts kills at the record stage's points. */
export function newKillLog(): KillLog {
  const points = probePoints.filter((point) => !point.startsWith('analyze.'));
  return { kills: 0, atPoint: new Map(points.map((point) => [point, 0])), atTime: 0, torn: 0 };
}

/** Lays the inputs out once; runs start from copies of them. */
export async function lay(scenario: Scenario, template: string): Promise<void> {
  mkdirSync(template, { recursive: true });
  writeFileSync(join(template, 'pipeline.yaml'), scenario.yaml);
  await scenario.prepare(template, join(template, 'data'));
}

export function runArgs(scenario: Scenario): string[] {
  return ['run', 'pipeline.yaml', '--until', 'end', '--data-dir', 'data', '--json', ...(scenario.args ?? [])];
}

export async function answer(scenario: Scenario, dir: string): Promise<Answer> {
  const all: Record<string, string[]> = {};
  for (const file of scenario.files) {
    const path = join(dir, file);
    all[file] = existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean).sort() : [];
  }
  const cat = (topic: string): Promise<string> => succeed(['topic', 'cat', topic, '--json', '--headers', '--data-dir', 'data', '--until', 'end'], { cwd: dir });
  const texts = await Promise.all(scenario.topics.map(cat));
  for (const [i, topic] of scenario.topics.entries()) {
    const lines = (texts[i] as string).split('\n').filter(Boolean);
    all[topic] = lines
      .map((line) => {
        const { partition, key, value, value_base64, headers } = JSON.parse(line) as Record<string, unknown>;
        const errors = Object.entries((headers ?? {}) as Record<string, string>).filter(([name]) => name.startsWith('error.'));
        return JSON.stringify([partition, key, value, value_base64, errors]);
      })
      .sort();
  }
  return all;
}

/** The answer of a run that nobody disturbs, and how long it took. */
export async function undisturbed(scenario: Scenario, template: string, dir: string): Promise<{ answer: Answer; ms: number }> {
  cpSync(template, dir, { recursive: true, preserveTimestamps: true });
  const begin = performance.now();
  await succeed(runArgs(scenario), { cwd: dir });
  const ms = performance.now() - begin;
  const got = await answer(scenario, dir);
  rmSync(dir, { recursive: true });
  return { answer: got, ms };
}

export interface KillOptions {
  /** another launcher than the checkout's */
  readonly bin?: string;
  /** kills at random times come up to so many ms after the start */
  readonly timesUpTo: number;
  /** kill at these points only, and never at random times */
  readonly points?: readonly ProbePoint[];
  /** never leaves uncommitted bytes behind the outputs itself */
  readonly clean?: boolean;
}

/** Points that a run comes to long before its end, so that more kills can follow. */
const EARLY: readonly ProbePoint[] = [
  'run.started',
  'task.recovering',
  'batch.processed',
  'batch.committed',
  'file.written',
  'snapshot.before',
  'snapshot.after',
];

/** Starts of a batch's commit that surely hold a record taken: the most tasks there are each write down first what they are about to take. */
const GAIN = 12;

/** The answer of a run that is killed up to `kills` times, at named points and at random times, and then left to finish. */
export async function killed(
  scenario: Scenario,
  template: string,
  dir: string,
  kills: number,
  random: Random,
  log: KillLog,
  options: KillOptions,
): Promise<Answer> {
  cpSync(template, dir, { recursive: true, preserveTimestamps: true });
  const bin = options.bin === undefined ? {} : { bin: options.bin };
  // three deaths at one record make it poison, by design: no three kills in a row without progress
  let inVain = 0;
  for (let n = 0; ; n++) {
    const { point, hit } = choose(scenario, log, random, inVain, options);
    const env: Record<string, string> = n < kills && point !== null ? { MILLRACE_PROBE: `${point}:${hit}` } : {};
    const child = new Millrace(runArgs(scenario), { env, cwd: dir, ...bin });
    if (n < kills && (await caught(child, point, 100 + random.below(Math.round(options.timesUpTo * 0.7))))) {
      await child.kill();
      log.kills++;
      if (point === null) log.atTime++;
      else log.atPoint.set(point, (log.atPoint.get(point) ?? 0) + 1);
      if (!options.clean && random.below(4) === 0) tear(scenario, dir, log);
      inVain = point === 'batch.committed' && hit >= GAIN ? 0 : inVain + 1;
      continue;
    }
    const { code, stderr } = await child.finished;
    if (code !== 0) throw new Error(`${scenario.name}: exit ${code} after ${n} kills\n${stderr}`);
    const got = await answer(scenario, dir);
    rmSync(dir, { recursive: true });
    return got;
  }
}

/** True when the process has come to where it shall be killed, false when it has ended before. */
async function caught(child: Millrace, point: string | null, ms: number): Promise<boolean> {
  const cancel = new AbortController();
  const due = point === null ? sleep(ms, true, { signal: cancel.signal }).catch(() => false) : child.saw(`probe ${point}\n`).then(() => true);
  const there = await Promise.race([due, child.finished.then(() => false)]);
  cancel.abort();
  return there;
}

/** leaves what a write that was under way could have left: bytes behind the committed ones */
function tear(scenario: Scenario, dir: string, log: KillLog): void {
  const files = scenario.files.map((file) => join(dir, file)).filter((path) => existsSync(path));
  for (const path of files) appendFileSync(path, '{"torn":tr');
  if (files.length > 0) log.torn++;
}

function choose(scenario: Scenario, log: KillLog, random: Random, inVain: number, { points }: KillOptions): { point: string | null; hit: number } {
  if (points !== undefined) return { point: points[random.below(points.length)] as string, hit: 2 + random.below(2) };
  if (inVain >= 2) return { point: 'batch.committed', hit: GAIN + random.below(8) };
  const what = random.uniform();
  if (what < 0.4) return { point: null, hit: 0 };
  const point = what < 0.75 ? (EARLY[random.below(EARLY.length)] as string) : leastHit(scenario, log, random);
  return { point, hit: 1 + random.below(point.startsWith('batch') ? 4 : 2) };
}

function leastHit(scenario: Scenario, log: KillLog, random: Random): string {
  const within = [...log.atPoint].filter(([point]) => !scenario.never?.includes(point as ProbePoint));
  const least = Math.min(...within.map(([, hits]) => hits));
  const rare = within.filter(([, hits]) => hits <= least + 2).map(([point]) => point);
  return rare[random.below(rare.length)] as string;
}

/** What differs, for a failing test to say. */
export function difference(expected: Answer, got: Answer): string {
  const lines: string[] = [];
  for (const [name, wanted] of Object.entries(expected)) {
    const left = new Map<string, number>();
    for (const line of wanted) left.set(line, (left.get(line) ?? 0) + 1);
    for (const line of got[name] ?? []) left.set(line, (left.get(line) ?? 0) - 1);
    for (const [line, count] of left) if (count !== 0) lines.push(`${name}: ${count > 0 ? 'missing' : 'extra'} ×${Math.abs(count)} ${line}`);
  }
  return lines.slice(0, 20).join('\n');
}
