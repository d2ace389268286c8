import { cpSync, rmSync } from 'node:fs';
import type { Random } from '@millrace/runtime/random.ts';
import { type Answer, answer, type KillLog, type KillOptions, live, runArgs, type Scenario } from './kills.ts';

/** kills of the analyzer that are left for when the record stage has ended */
const AT_LAST = 2;

/** What is counted of each process. */
interface ApartLogs {
  readonly records: KillLog;
  readonly analyzer: KillLog;
}

/**
 * The files are the analyzer's. The answer of a record stage and an analyzer in two processes, each killed up to `kills` times, whatever the other is at: the analyzer follows for as long as
 * the record stage runs to its end, is killed then, and runs to the end as well.
 */
export async function killedApart(
  scenario: Scenario,
  template: string,
  dir: string,
  kills: number,
  random: Random,
  logs: ApartLogs,
  options: KillOptions,
): Promise<Answer> {
  cpSync(template, dir, { recursive: true, preserveTimestamps: true });
  const toTheEnd = runArgs(scenario);
  const stage = (args: readonly string[], only: string): string[] => [...args, '--only', only];
  const recordsEnded = new AbortController();
  const records = live(scenario, dir, stage(toTheEnd, 'preprocess'), kills, random, logs.records, { ...options, clean: true }).finally(() =>
    recordsEnded.abort(),
  );
  const following = stage(
    toTheEnd.filter((arg) => arg !== '--until' && arg !== 'end'),
    'analyze',
  );
  await Promise.all([records, live(scenario, dir, following, kills, random, logs.analyzer, { ...options, until: recordsEnded.signal })]);
  await live(scenario, dir, stage(toTheEnd, 'analyze'), AT_LAST, random, logs.analyzer, options);
  const got = await answer(scenario, dir);
  rmSync(dir, { recursive: true });
  return got;
}
