import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { probePoints } from '@millrace/runtime/probe.ts';
import type { Random } from '@millrace/runtime/random.ts';
import { Millrace, succeed } from './cli.ts';

/** A pipeline to be killed: its file, what it reads, and what it writes. */
export interface Scenario {
  readonly name: string;
  readonly yaml: string;
  /** writes inputs into the directory of the pipeline file; may produce to topics of the data directory */
  readonly prepare: (dir: string, dataDir: string) => Promise<void>;
  readonly files: readonly string[];
  readonly topics: readonly string[];
  readonly args?: readonly string[];
}

/** Sorted lines of everything a run left: equal exactly when the multisets are. */
export type Answer = Readonly<Record<string, readonly string[]>>;

export interface KillLog {
  kills: number;
  readonly atPoint: Map<string, number>;
  readonly atTime: number[];
}

export function newKillLog(): KillLog {
  return { kills: 0, atPoint: new Map(probePoints.map((point) => [point, 0])), atTime: [] };
}

async function lay(scenario: Scenario, dir: string): Promise<{ pipeline: string; dataDir: string }> {
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  const pipeline = join(dir, 'pipeline.yaml');
  const dataDir = join(dir, 'data');
  writeFileSync(pipeline, scenario.yaml);
  await scenario.prepare(dir, dataDir);
  return { pipeline, dataDir };
}

async function answer(scenario: Scenario, dir: string, dataDir: string): Promise<Answer> {
  const all: Record<string, string[]> = {};
  for (const file of scenario.files) {
    const path = join(dir, file);
    all[file] = existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean).sort() : [];
  }
  for (const topic of scenario.topics) {
    const lines = (await succeed(['topic', 'cat', topic, '--json', '--headers', '--data-dir', dataDir, '--until', 'end'])).split('\n').filter(Boolean);
    all[topic] = lines
      .map((line) => {
        const { partition, key, value, value_base64, headers } = JSON.parse(line) as Record<string, unknown>;
        const errors = Object.entries((headers ?? {}) as Record<string, string>).filter(([name]) => name.startsWith('error.') && name !== 'error.timestamp');
        return JSON.stringify([partition, key, value, value_base64, errors]);
      })
      .sort();
  }
  return all;
}

/** The answer of a run that nobody disturbs. */
export async function undisturbed(scenario: Scenario, dir: string): Promise<Answer> {
  const { pipeline, dataDir } = await lay(scenario, dir);
  await succeed(['run', pipeline, '--until', 'end', '--data-dir', dataDir, '--json', ...(scenario.args ?? [])]);
  return answer(scenario, dir, dataDir);
}

/** The answer of a run that is killed `kills` times, at named points and at random times, and then left to finish. */
export async function killed(
  scenario: Scenario,
  dir: string,
  kills: number,
  random: Random,
  log: KillLog,
  options: { bin?: string; timesUpTo: number },
): Promise<Answer> {
  const { pipeline, dataDir } = await lay(scenario, dir);
  const bin = options.bin === undefined ? {} : { bin: options.bin };
  for (let n = 0; ; n++) {
    const point = random.uniform() < 0.6 ? leastHit(log, random) : null;
    const env: Record<string, string> =
      n < kills && point !== null ? { MILLRACE_PROBE: `${point}:${1 + random.below(point.startsWith('batch') ? 12 : 2)}` } : {};
    const child = new Millrace(['run', pipeline, '--until', 'end', '--data-dir', dataDir, '--json', ...(scenario.args ?? [])], { env, ...bin });
    if (n < kills) {
      const cancel = new AbortController();
      const due = point === null ? sleep(250 + random.below(options.timesUpTo), undefined, { signal: cancel.signal }) : child.saw(`probe ${point}`);
      const done = await Promise.race([
        due.then(
          () => false,
          () => false,
        ),
        child.finished.then(() => true),
      ]);
      cancel.abort();
      if (!done) {
        await child.kill();
        log.kills++;
        if (point === null) log.atTime.push(n);
        else log.atPoint.set(point, (log.atPoint.get(point) ?? 0) + 1);
        continue;
      }
    }
    const { code, stderr } = await child.finished;
    if (code !== 0) throw new Error(`${scenario.name}: exit ${code} after ${n} kills\n${stderr}`);
    return answer(scenario, dir, dataDir);
  }
}

function leastHit(log: KillLog, random: Random): string {
  const least = Math.min(...log.atPoint.values());
  const rare = [...log.atPoint].filter(([, hits]) => hits <= least + 1).map(([point]) => point);
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
