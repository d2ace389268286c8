/**
 * SIGKILL on a broker: both stages in one process, or a process each, at named points and at random times, sometimes with the data directory
 * lost as well. `MILLRACE_SEED` is the first seed, `MILLRACE_SEEDS` how many there are. `MILLRACE_KILLS=N` makes it a campaign instead: seed after seed,
 * until so many processes were killed.
 */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kafkaPoints, type ProbePoint, probePoints } from '@millrace/runtime/probe.ts';
import { type Random, seededRandom } from '@millrace/runtime/random.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { succeed } from '../support/cli.ts';
import { copySources, patch } from '../support/copy.ts';
import { kafkaAnswers, type Laid, layPair, onKafka } from '../support/kafka/pair.ts';
import { both } from '../support/kafka/pairs.ts';
import { type Broker, describeKafka, startBroker } from '../support/kafka.ts';
import { difference, type KillLog, type KillOptions, live, newKillLog, recordPoints, runArgs, type Scenario } from '../support/kills.ts';

const MINUTES = 60_000;
const KILLS = 8;
const PAYMENTS = 12_000;
const first = Number(process.env['MILLRACE_SEED'] ?? 1);
const seeds = Number(process.env['MILLRACE_SEEDS'] ?? 6);
const campaign = Number(process.env['MILLRACE_KILLS'] ?? 0);
const never: readonly ProbePoint[] = ['window.burst', 'analyze.trained', 'analyze.promoted'];

const clientOf = (seed: number): 'fast' | 'kafkajs' => (seed % 4 < 2 ? 'fast' : 'kafkajs');

const records: readonly ProbePoint[] = [...recordPoints.filter((point) => !never.includes(point)), ...kafkaPoints];
const analyzer: readonly ProbePoint[] = [...probePoints.filter((point) => point.startsWith('analyze.') && !never.includes(point)), ...kafkaPoints];

describeKafka('killed on a broker', () => {
  const base = mkdtempSync(join(tmpdir(), 'millrace-kafka-kills-'));
  const logs = { together: newKillLog([...new Set([...records, ...analyzer])]), records: newKillLog(records), analyzer: newKillLog(analyzer) };
  let broker: Broker;
  let laid: Laid;
  let lost = 0;
  let ms = 0;

  beforeAll(async () => {
    [broker, laid] = await Promise.all([startBroker(), layPair(both('kills', PAYMENTS), base)]);
    for (const [output, lines] of Object.entries(laid.expected)) expect(lines.length, `${output} has lines`).toBeGreaterThan(0);
    const dir = join(base, 'undisturbed');
    const scenario = await onKafka(laid, broker.brokers, dir, 'undisturbed', { commitEvery: 10, checkpointEvery: 100 });
    const from = performance.now();
    await succeed(runArgs(scenario), { cwd: dir });
    ms = performance.now() - from;
  });
  afterAll(async () => {
    await broker?.close();
    rmSync(base, { recursive: true, force: true });
  });

  /** half of the times the copy of the ledger is gone too, as when another machine takes over */
  function options(dir: string, dataDir: string, random: Random, log: KillLog): KillOptions {
    const between = (): void => {
      if (random.below(2) === 0) return;
      rmSync(join(dir, dataDir, 'kafka'), { recursive: true, force: true });
      lost++;
    };
    // a run that was killed at its end has little left to be killed at
    const unseen = [...log.atPoint].flatMap(([point, hits]) => (hits === 0 ? [point as ProbePoint] : []));
    const late = ['end.marked', 'run.finished'] as const;
    const tour = [...unseen.filter((point) => !late.includes(point as never)).slice(0, KILLS - 3), ...late.filter((point) => unseen.includes(point))];
    return { timesUpTo: ms, between, gain: 20, tour };
  }

  async function together(scenario: Scenario, dir: string, random: Random): Promise<void> {
    await live(scenario, dir, runArgs(scenario), KILLS, random, logs.together, options(dir, 'data', random, logs.together));
  }

  async function apart(scenario: Scenario, dir: string, seed: number): Promise<void> {
    cpSync(join(dir, 'data'), join(dir, 'elsewhere'), { recursive: true });
    const toTheEnd = runArgs(scenario);
    const analyze = [...toTheEnd.map((arg) => (arg === 'data' ? 'elsewhere' : arg)), '--only', 'analyze'];
    const following = analyze.filter((arg) => arg !== '--until' && arg !== 'end');
    const over = new AbortController();
    const [one, two] = [seededRandom(seed, 1), seededRandom(seed, 2)];
    const own = {
      ...options(dir, 'elsewhere', two, logs.analyzer),
      clean: true,
      often: ['analyze.results', 'analyze.committed', 'kafka.appended', 'kafka.committed'] as const,
    };
    await Promise.all([
      live(scenario, dir, [...toTheEnd, '--only', 'preprocess'], KILLS, one, logs.records, { ...options(dir, 'data', one, logs.records), clean: true }).finally(
        () => over.abort(),
      ),
      live(scenario, dir, following, KILLS, two, logs.analyzer, { ...own, until: over.signal }),
    ]);
    await live(scenario, dir, analyze, 2, two, logs.analyzer, own);
  }

  const killed = (): number => Object.values(logs).reduce((sum, { kills }) => sum + kills, 0);
  const where = (seed: number): string => `seed ${seed}: ${seed % 2 === 0 ? 'in one process' : 'in a process a stage'}, over ${clientOf(seed)}`;

  /** One pipeline, killed over and over, and what it has left. */
  async function survive(seed: number): Promise<void> {
    const tag = `seed${seed}`;
    const dir = join(base, tag);
    const scenario = await onKafka(laid, broker.brokers, dir, tag, { client: clientOf(seed), commitEvery: 10, checkpointEvery: 100 });
    if (seed % 2 === 0) await together(scenario, dir, seededRandom(seed));
    else await apart(scenario, dir, seed);
    const { own, foreign } = await kafkaAnswers(laid.pair, broker.brokers, dir, tag);
    expect(difference(laid.expected, own), `seed ${seed}, our reader`).toBe('');
    expect(difference(laid.expected, foreign), `seed ${seed}, a read_committed reader`).toBe('');
    rmSync(dir, { recursive: true, force: true });
  }

  if (campaign > 0) {
    test(`${campaign} kills, from seed ${first} on`, { timeout: campaign * MINUTES }, async () => {
      const since = performance.now();
      for (let seed = first; killed() < campaign; seed++) {
        const [before, from] = [killed(), performance.now()];
        await survive(seed);
        console.log(`${where(seed)}: ${killed() - before} kills in ${Math.round((performance.now() - from) / 1000)} s, ${killed()} in all`);
      }
      console.log(`${((performance.now() - since) / 1000 / killed()).toFixed(1)} s a kill`);
    });
  } else {
    for (let seed = first; seed < first + seeds; seed++) test(where(seed), { timeout: 5 * MINUTES }, () => survive(seed));
  }

  test.runIf(campaign === 0 || campaign >= 100)('every named point was hit', () => {
    const told = (log: KillLog): string =>
      `${log.kills} kills, ${log.atTime} at a random time; ${[...log.atPoint].map(([point, hits]) => `${point} ${hits}`).join(', ')}`;
    console.log(
      `together: ${told(logs.together)}\nrecord stage alone: ${told(logs.records)}\nanalyzer alone: ${told(logs.analyzer)}\ndata directories lost: ${lost}`,
    );
    const hits = (point: ProbePoint): number => Object.values(logs).reduce((sum, log) => sum + (log.atPoint.get(point) ?? 0), 0);
    for (const point of new Set([...records, ...analyzer])) expect(hits(point), point).toBeGreaterThan(0);
    expect(lost).toBeGreaterThan(0);
  });

  /** Kills where the planted bug shows, and gives what differs. */
  async function planted(name: string, from: string, to: string): Promise<string> {
    const copy = join(base, `${name}-copy`);
    const bin = copySources(copy);
    if (from !== '') patch(join(copy, 'transport/kafka/owner.ts'), from, to);
    const dir = join(base, name);
    const scenario = await onKafka(laid, broker.brokers, dir, name, { commitEvery: 10, checkpointEvery: 100 });
    const log = newKillLog(kafkaPoints);
    const options: KillOptions = { bin, clean: true, timesUpTo: ms, points: ['kafka.appended'] };
    const refused = await live(scenario, dir, runArgs(scenario), 3, seededRandom(first), log, options).then(() => null, String);
    expect(log.kills).toBe(3);
    // the engine may see by itself that a writer's numbers do not follow one another
    if (refused !== null) return refused;
    return difference(laid.expected, (await kafkaAnswers(laid.pair, broker.brokers, dir, name)).foreign);
  }

  test.runIf(campaign === 0)('a planted bug: none, as a control', { timeout: 2 * MINUTES }, async () => {
    expect(await planted('control', '', '')).toBe('');
  });

  test.runIf(campaign === 0)(
    'a planted bug is found: what is known of a commit is in another transaction than its records',
    { timeout: 2 * MINUTES },
    async () => {
      const whole = 'await this.#producer.append(records);';
      const split =
        'await this.#producer.append(records.slice(0, records.length - writing.records.length));\nawait this.#producer.commit();\nif (taken.length > 0)';
      const rest = 'await this.#producer.append(writing.records);';
      const found = await planted('split', `${whole}\n        probe('kafka.appended');`, `${split} probe('kafka.appended');\n${rest}`);
      expect(found).toMatch(/extra|lost_tail|replay_diverged/);
    },
  );
});
