import { appendFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
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
  /** file outputs that are replaced as a whole, not appended to */
  readonly replaced?: readonly string[];
  /** directories of part files, made of JSON or CSV lines */
  readonly parts?: readonly string[];
  /** what of an output's sorted lines is the same in every run, where it is not all; by name of the output */
  readonly settled?: Readonly<Record<string, (lines: readonly string[]) => readonly string[]>>;
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

export const recordPoints = probePoints.filter((point) => !point.startsWith('analyze.'));

/** Counts kills at these points. */
export function newKillLog(points: readonly ProbePoint[] = recordPoints): KillLog {
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
  for (const file of [...scenario.files, ...(scenario.replaced ?? [])]) all[file] = existsSync(join(dir, file)) ? linesOf(join(dir, file)).sort() : [];
  for (const directory of scenario.parts ?? []) all[directory] = partLines(join(dir, directory)).sort();
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
  for (const [name, settle] of Object.entries(scenario.settled ?? {})) all[name] = [...settle(all[name] as string[])].sort();
  return all;
}

function linesOf(path: string): string[] {
  return readFileSync(path, 'utf8').split('\n').filter(Boolean);
}

/** Each line with the directory it is in; a file that is none of the sink's own counts as a line. How many files there are is not the same in every run. */
function partLines(root: string): string[] {
  const lines: string[] = [];
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const directory = relative(root, entry.parentPath);
    if (!entry.name.startsWith('part-')) lines.push(`left behind: ${join(directory, entry.name)}`);
    else for (const line of linesOf(join(entry.parentPath, entry.name)).slice(entry.name.endsWith('.csv') ? 1 : 0)) lines.push(`${directory} ${line}`);
  }
  return lines;
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
  /** the points to kill at most often, instead of the record stage's: those that a run comes to time and again */
  readonly often?: readonly ProbePoint[];
  /** never leaves uncommitted bytes behind the outputs itself */
  readonly clean?: boolean;
  /** starts of a batch's commit that surely hold a record taken; default: GAIN */
  readonly gain?: number;
  /** points to be killed at first, one after the other; taken out as they come up */
  readonly tour?: ProbePoint[];
  /** called after each kill, before the next start */
  readonly between?: () => void;
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
  await live(scenario, dir, runArgs(scenario), kills, random, log, options);
  const got = await answer(scenario, dir);
  rmSync(dir, { recursive: true });
  return got;
}

/** Starts a run that is killed up to `kills` times in all, each time anew, until it finishes by itself or `until` says that it is over. */
export async function live(
  scenario: Scenario,
  dir: string,
  args: readonly string[],
  kills: number,
  random: Random,
  log: KillLog,
  options: KillOptions & { readonly until?: AbortSignal },
): Promise<void> {
  const bin = options.bin === undefined ? {} : { bin: options.bin };
  const over = options.until ? new Promise<'over'>((resolve) => options.until?.addEventListener('abort', () => resolve('over'), { once: true })) : null;
  // three deaths at one record make it poison, by design: no three kills in a row without progress
  let inVain = 0;
  for (let n = 0; !options.until?.aborted; n++) {
    const { point, hit } = choose(scenario, log, random, inVain, options);
    const env: Record<string, string> = n < kills && point !== null ? { MILLRACE_PROBE: `${point}:${hit}` } : {};
    const child = new Millrace(args, { env, cwd: dir, ...bin });
    const upTo = Math.round(options.timesUpTo * 0.7);
    // where the analyzer is killed too, a run may have no such progress left in its record stage: then it is killed late
    const ms = point === null ? 100 + random.below(upTo) : inVain >= 2 && options.often ? 100 + upTo : null;
    const due = n < kills ? caught(child, point, ms) : child.finished.then(() => null);
    const why = await (over === null ? due : Promise.race([due, over]));
    if (why === 'over') {
      await child.kill();
      log.kills++;
      log.atTime++;
      return;
    }
    if (why !== null) {
      await child.kill();
      log.kills++;
      if (why === 'time') log.atTime++;
      else log.atPoint.set(point as string, (log.atPoint.get(point as string) ?? 0) + 1);
      if (!options.clean && random.below(4) === 0) tear(scenario, dir, log);
      options.between?.();
      inVain = (point === 'batch.committed' && hit >= (options.gain ?? GAIN)) || (point !== null && why === 'time') ? 0 : inVain + 1;
      continue;
    }
    const { code, stderr } = await child.finished;
    if (code !== 0) throw new Error(`${scenario.name}: exit ${code} after ${n} kills\n${stderr}`);
    return;
  }
}

/** What the process has come to where it shall be killed: the point, or the time; null when it has ended before. */
async function caught(child: Millrace, point: string | null, ms: number | null): Promise<'point' | 'time' | null> {
  const cancel = new AbortController();
  const ways: Promise<'point' | 'time' | null>[] = [child.finished.then(() => null)];
  if (point !== null) ways.push(child.saw(`probe ${point}\n`).then(() => 'point'));
  if (ms !== null) ways.push(sleep(ms, 'time' as const, { signal: cancel.signal }).catch(() => null));
  const there = await Promise.race(ways);
  cancel.abort();
  return there;
}

/** leaves what a write that was under way could have left: bytes behind the committed ones */
function tear(scenario: Scenario, dir: string, log: KillLog): void {
  const files = scenario.files.map((file) => join(dir, file)).filter((path) => existsSync(path));
  for (const path of files) appendFileSync(path, '{"torn":tr');
  if (files.length > 0) log.torn++;
}

function choose(
  scenario: Scenario,
  log: KillLog,
  random: Random,
  inVain: number,
  { points, often, gain = GAIN, tour }: KillOptions,
): { point: string | null; hit: number } {
  if (points !== undefined) return { point: points[random.below(points.length)] as string, hit: 2 + random.below(2) };
  if (inVain >= 2 && log.atPoint.has('batch.committed')) return { point: 'batch.committed', hit: gain + random.below(8) };
  const next = tour?.shift();
  // what a run may come to but once is hit there
  if (next !== undefined) return { point: next, hit: /^(batch|kafka|analyze)/.test(next) ? 1 + random.below(2) : 1 };
  const what = random.uniform();
  if (what < (often ? 0.25 : 0.4)) return { point: null, hit: 0 };
  const early = (often ?? EARLY).filter((point) => log.atPoint.has(point) && !scenario.never?.includes(point));
  const point = what < (often ? 0.85 : 0.75) ? (early[random.below(early.length)] as string) : leastHit(scenario, log, random);
  return { point, hit: 1 + random.below(point.startsWith(often ? 'analyze' : 'batch') ? 4 : 2) };
}

function leastHit(scenario: Scenario, log: KillLog, random: Random): string {
  const within = [...log.atPoint].filter(([point]) => !scenario.never?.includes(point as ProbePoint));
  const least = Math.min(...within.map(([, hits]) => hits));
  const rare = within.filter(([, hits]) => hits <= least + 2).map(([point]) => point);
  return rare[random.below(rare.length)] as string;
}

/** What differs, for a failing test to say: the first lines of each output. */
export function difference(expected: Answer, got: Answer): string {
  const outputs = Object.entries(expected).map(([name, wanted]) => {
    const left = new Map<string, number>();
    for (const line of wanted) left.set(line, (left.get(line) ?? 0) + 1);
    for (const line of got[name] ?? []) left.set(line, (left.get(line) ?? 0) - 1);
    const different = [...left].filter(([, count]) => count !== 0);
    return different.slice(0, 8).map(([line, count]) => `${name}: ${count > 0 ? 'missing' : 'extra'} ×${Math.abs(count)} ${line}`);
  });
  return outputs.flat().join('\n');
}
