/** SIGKILL from outside in the analyzer, and in both stages: sinks, bridges, models and alerts come to what they are in a run that nobody disturbed. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ProbePoint, probePoints } from '@millrace/runtime/probe.ts';
import { seededRandom } from '@millrace/runtime/random.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fraud, labels, queries } from './support/analyze-scenarios.ts';
import { killedApart } from './support/apart.ts';
import { succeed } from './support/cli.ts';
import { copySources, patch } from './support/copy.ts';
import { difference, type KillLog, killed, lay, newKillLog, recordPoints, type Scenario, undisturbed } from './support/kills.ts';

const MINUTES = 60_000;
const KILLS_A_ROUND = 10;
const seed = Number(process.env['MILLRACE_SEED'] ?? 1);
const base = mkdtempSync(join(tmpdir(), 'millrace-analyze-kills-'));
const often: readonly ProbePoint[] = [
  'run.started',
  'batch.processed',
  'batch.committed',
  'analyze.offsets',
  'analyze.trained',
  'analyze.results',
  'analyze.sink',
  'analyze.promoted',
  'analyze.committed',
];
const analyzePoints = probePoints.filter((point) => point.startsWith('analyze.'));
const logs = { together: newKillLog(probePoints), records: newKillLog(recordPoints), analyzer: newKillLog(analyzePoints) };
const begin = performance.now();

afterAll(() => rmSync(base, { recursive: true, force: true }));

/** the kills of one round, which are added to the log's own when it is over */
function roundOf(log: KillLog): KillLog {
  return { ...newKillLog(), atPoint: log.atPoint };
}

function add(round: KillLog, log: KillLog): number {
  log.kills += round.kills;
  log.atTime += round.atTime;
  log.torn += round.torn;
  return round.kills;
}

const jobs = [
  { scenario: queries, kills: 55, apart: 30 },
  { scenario: fraud, kills: 50, apart: 20 },
  { scenario: labels, kills: 40, apart: 15 },
];
const expected = new Map<Scenario, Awaited<ReturnType<typeof undisturbed>>>();
const templateOf = ({ name }: Scenario): string => join(base, `${name}-template`);
const undisturbedOf = (scenario: Scenario) => expected.get(scenario) as Awaited<ReturnType<typeof undisturbed>>;

// one after the other: how long they take says when to kill
beforeAll(async () => {
  for (const { scenario } of jobs) {
    await lay(scenario, templateOf(scenario));
    const run = await undisturbed(scenario, templateOf(scenario), join(base, `${scenario.name}-undisturbed`));
    expected.set(scenario, run);
    const sizes = Object.entries(run.answer).map(([output, lines]) => `${output} ${lines.length}`);
    console.log(`${scenario.name}: undisturbed ${Math.round(run.ms)} ms; ${sizes.join(', ')}`);
  }
});

describe.concurrent('equal multisets', () => {
  for (const [index, { scenario, ...wanted }] of jobs.entries()) {
    test(`${scenario.name}: killed ${wanted.kills} times, and ${wanted.apart} times as two processes`, { timeout: 25 * MINUTES }, async () => {
      const random = seededRandom(seed, index);
      const template = templateOf(scenario);
      const { answer, ms } = undisturbedOf(scenario);
      for (const [output, lines] of Object.entries(answer)) expect(lines.length, `${output} has lines`).toBeGreaterThan(0);
      const since = performance.now();
      let rounds = 0;
      for (let done = 0; done < wanted.kills; rounds++) {
        const round = roundOf(logs.together);
        const kills = Math.min(KILLS_A_ROUND, wanted.kills - done);
        const got = await killed(scenario, template, join(base, `${scenario.name}-${rounds}`), kills, random, round, { often, timesUpTo: 0.7 * ms });
        done += add(round, logs.together);
        expect(difference(answer, got), `${scenario.name}, seed ${seed}, round ${rounds}, ${round.kills} kills`).toBe('');
      }
      for (let done = 0; done < wanted.apart; rounds++) {
        const round = { records: roundOf(logs.records), analyzer: roundOf(logs.analyzer) };
        const got = await killedApart(scenario, template, join(base, `${scenario.name}-${rounds}`), KILLS_A_ROUND / 2, random, round, {
          often,
          timesUpTo: 0.7 * ms,
        });
        done += add(round.records, logs.records) + add(round.analyzer, logs.analyzer);
        const kills = `${round.records.kills} and ${round.analyzer.kills} kills`;
        expect(difference(answer, got), `${scenario.name}, seed ${seed}, round ${rounds}, ${kills} as two processes`).toBe('');
      }
      console.log(`${scenario.name}: ${rounds} rounds, ${Math.round((performance.now() - since) / 1000)} s`);
    });
  }
});

test('every point of the analyzer was hit', { timeout: 5 * MINUTES }, async () => {
  // chance may have left one out
  for (const point of analyzePoints) {
    if ((logs.together.atPoint.get(point) ?? 0) + (logs.analyzer.atPoint.get(point) ?? 0) > 0) continue;
    const { answer, ms } = undisturbedOf(fraud);
    const round = roundOf(logs.together);
    const got = await killed(fraud, templateOf(fraud), join(base, `left-${point}`), 2, seededRandom(seed), round, { timesUpTo: ms, points: [point] });
    add(round, logs.together);
    expect(difference(answer, got), `fraud, seed ${seed}, killed at ${point}`).toBe('');
  }
  const all = Object.values(logs);
  const points = probePoints.map((point) => [point, all.reduce((sum, { atPoint }) => sum + (atPoint.get(point) ?? 0), 0)] as const);
  const kills = all.reduce((sum, log) => sum + log.kills, 0);
  const atTime = all.reduce((sum, log) => sum + log.atTime, 0);
  console.log(
    `${kills} kills in ${Math.round((performance.now() - begin) / 1000)} s, seed ${seed} (${logs.together.kills} of both stages in one process, ${logs.records.kills} of the record stage, ${logs.analyzer.kills} of the analyzer): at a random time ${atTime}; ${points.map(([point, hits]) => `${point} ${hits}`).join('; ')}`,
  );
  for (const [point, hits] of points) if (point.startsWith('analyze.')) expect(hits, point).toBeGreaterThan(0);
  expect(kills).toBeGreaterThanOrEqual(200);
});

test('only what explain marks timing is not compared line by line', { timeout: MINUTES }, async () => {
  const dir = join(base, 'explained');
  await lay(queries, dir);
  const { analyze } = JSON.parse(await succeed(['explain', 'pipeline.yaml', '--json'], { cwd: dir })) as {
    analyze: { sinks: { id: string; timing: string | null }[] };
  };
  const marked = new Set(analyze.sinks.filter(({ timing }) => timing !== null).map(({ id }) => id));
  for (const sink of ['changes_file', 'moving_topic', 'batches_file']) expect(marked, sink).toContain(sink);
  for (const sink of ['totals_file', 'totals_parts', 'coded_parts', 'checked']) expect(marked, sink).not.toContain(sink);
});

type Change = readonly [file: string, from: string, to: string];

describe('a planted bug is found:', () => {
  async function planted(name: string, scenario: Scenario, point: ProbePoint, ...changes: Change[]): Promise<string> {
    const copy = join(base, name);
    const bin = copySources(copy);
    for (const [file, from, to] of changes) patch(join(copy, file), from, to);
    const round = newKillLog(probePoints);
    const { answer, ms } = undisturbedOf(scenario);
    const options = { bin, clean: true, timesUpTo: ms, points: [point] };
    const got = await killed(scenario, templateOf(scenario), join(base, `${name}-run`), 3, seededRandom(seed), round, options);
    expect(round.kills).toBe(3);
    return difference(answer, got);
  }

  test.each([
    [queries, 'analyze.results'],
    [queries, 'analyze.sink'],
    [fraud, 'analyze.promoted'],
  ] as const)('none, as a control (%#)', { timeout: 2 * MINUTES }, async (scenario, point) => {
    expect(await planted(`control-${point}`, scenario, point)).toBe('');
  });

  test('a rerun computes its batch again, from the state that the batch left', { timeout: 2 * MINUTES }, async () => {
    // an appended file that misses the batch stops the run before anybody could compare
    const found = await planted('again', queries, 'analyze.results', [
      'analyzer/batch/batches.ts',
      'if (core.batch > this.#committed) await this.#deliver(word, undelivered, null);\n    if (word.batch > core.batch) await',
      'if (word.batch > this.#committed) await',
    ]).catch((error: Error) => error.message);
    expect(found).toMatch(/: (missing|extra) |sink_truncated/);
  });

  test('a sink appends the lines of a rerun to those of the first run', { timeout: 2 * MINUTES }, async () => {
    const file = 'analyzer/sinks/appended-file.ts';
    const size = "process.getBuiltinModule('node:fs').statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0";
    const found = await planted(
      'doubled',
      queries,
      'analyze.sink',
      [file, 'this.#core.length - (undelivered?.length ?? 0)', size],
      [file, 'file.rewind(this.#core.length - taken.length);', ''],
    );
    expect(found).toMatch(/\.(csv|jsonl): extra/);
  });

  test('what a model learns from is not saved', { timeout: 2 * MINUTES }, async () => {
    const found = await planted('forgetful', fraud, 'analyze.promoted', ['analyzer/batch/batches.ts', 'this.parts.training?.snapshot(writer(TRAINING));', '']);
    expect(found).toContain('fraud.models: missing');
  });
});
