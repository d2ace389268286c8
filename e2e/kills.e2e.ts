/** SIGKILL from outside, at named points and at random times: what a pipeline leaves is the multiset of a run that nobody disturbed. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom } from '@millrace/runtime/random.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Millrace } from './support/cli.ts';
import { copySources, patch } from './support/copy.ts';
import { answer, difference, killed, lay, newKillLog, runArgs, undisturbed } from './support/kills.ts';
import { cards, replayed, scenarios } from './support/scenarios.ts';

const MINUTES = 60_000;
const KILLS_A_ROUND = 10;
const seed = Number(process.env['MILLRACE_SEED'] ?? 1);
const base = mkdtempSync(join(tmpdir(), 'millrace-kills-'));
const log = newKillLog();
const begin = performance.now();

afterAll(() => rmSync(base, { recursive: true, force: true }));

describe.concurrent('equal multisets', () => {
  for (const [index, { scenario, kills }] of scenarios.entries()) {
    test(`${scenario.name}: killed ${kills} times`, { timeout: 25 * MINUTES }, async () => {
      const random = seededRandom(seed, index);
      const template = join(base, `${scenario.name}-template`);
      await lay(scenario, template);
      const { answer: expected, ms } = await undisturbed(scenario, template, join(base, `${scenario.name}-undisturbed`));
      for (const [output, lines] of Object.entries(expected)) expect(lines.length, `${output} has lines`).toBeGreaterThan(0);
      const sizes = Object.entries(expected).map(([output, lines]) => `${output} ${lines.length}`);
      console.log(`${scenario.name}: undisturbed ${Math.round(ms)} ms; ${sizes.join(', ')}`);
      let done = 0;
      let round = 0;
      const since = performance.now();
      for (; done < kills; round++) {
        const own = { ...newKillLog(), atPoint: log.atPoint };
        const dir = join(base, `${scenario.name}-${round}`);
        const got = await killed(scenario, template, dir, Math.min(KILLS_A_ROUND, kills - done), random, own, { timesUpTo: ms });
        done += own.kills;
        log.kills += own.kills;
        log.atTime += own.atTime;
        log.torn += own.torn;
        expect(difference(expected, got), `${scenario.name}, seed ${seed}, round ${round}, ${own.kills} kills`).toBe('');
      }
      console.log(`${scenario.name}: ${done} kills in ${round} rounds, ${Math.round((performance.now() - since) / 1000)} s`);
    });
  }
});

test('every named point was hit', () => {
  const points = [...log.atPoint].map(([point, hits]) => `${point} ${hits}`);
  console.log(
    `${log.kills} kills in ${Math.round((performance.now() - begin) / 1000)} s, seed ${seed}: at a random time ${log.atTime}; bytes left behind files ${log.torn}; ${points.join('; ')}`,
  );
  for (const [point, hits] of log.atPoint) expect(hits, point).toBeGreaterThan(0);
  expect(log.torn).toBeGreaterThan(0);
  expect(log.kills).toBeGreaterThanOrEqual(200);
});

test('a second process is refused while the first lives, and changes nothing', { timeout: MINUTES }, async () => {
  const template = join(base, 'second-template');
  await lay(cards, template);
  const { answer: expected } = await undisturbed(cards, template, join(base, 'second-undisturbed'));
  const cwd = join(base, 'second');
  cpSync(template, cwd, { recursive: true, preserveTimestamps: true });
  const first = new Millrace(runArgs(cards), { cwd, env: { MILLRACE_PROBE: 'batch.committed:3' } });
  await first.saw('probe batch.committed\n');
  const second = await new Millrace(runArgs(cards), { cwd }).finished;
  expect(second.code).toBe(1);
  expect(second.stderr).toContain(`Process ${first.child.pid} runs cards on `);
  await first.kill();
  const two = [new Millrace(runArgs(cards), { cwd }), new Millrace(runArgs(cards), { cwd })];
  const codes = await Promise.all(two.map(async ({ finished }) => (await finished).code));
  expect(codes.toSorted()).toEqual([0, 1]);
  expect(difference(expected, await answer(cards, cwd))).toBe('');
});

describe('a planted bug is found:', () => {
  const template = join(base, 'replayed-template');
  let expected: Awaited<ReturnType<typeof undisturbed>>;

  beforeAll(async () => {
    await lay(replayed, template);
    expected = await undisturbed(replayed, template, join(base, 'replayed-undisturbed'));
  });

  async function planted(name: string, file: string, from: string, to: string): Promise<string> {
    const copy = join(base, name);
    const bin = copySources(copy);
    if (from !== '') patch(join(copy, file), from, to);
    const own = newKillLog();
    const got = await killed(replayed, template, join(base, `${name}-run`), 3, seededRandom(seed), own, {
      bin,
      clean: true,
      timesUpTo: expected.ms,
      points: ['batch.committed'],
    });
    expect(own.kills).toBe(3);
    return difference(expected.answer, got);
  }

  test('none, as a control', { timeout: MINUTES }, async () => {
    expect(await planted('control', '', '', '')).toBe('');
  });

  test('a replay sends its records to topics once more', { timeout: MINUTES }, async () => {
    const found = await planted(
      'loud',
      'preprocessor/task/log-output.ts',
      'if ((this.#core.seqs[partition] as number) <',
      'if (this.#host.task < 0 && (this.#core.seqs[partition] as number) <',
    );
    expect(found).toContain('cards.enriched: extra');
  });

  test('a replay writes its lines to files once more', { timeout: MINUTES }, async () => {
    const found = await planted('doubled', 'preprocessor/task/file-output.ts', 'this.#written++;\n    if (this.replaying) this.#pos = 0;', 'this.#written++;');
    expect(found).toMatch(/\.(csv|jsonl): extra/);
  });
});
