/**
 * `visibility: immediate` on a broker: what the record stage makes leaves at once, and stands in its topics once, whatever dies. Kills at named points and at random
 * times, sometimes with the data directory lost; an owner that stands still, is followed, and wakes up. `MILLRACE_SEED`, `MILLRACE_SEEDS` as in the other kills.
 */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { kafkaPoints, livePoints, type ProbePoint } from '@millrace/runtime/probe.ts';
import { seededRandom } from '@millrace/runtime/random.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { succeed } from '../support/cli.ts';
import { copySources, patch } from '../support/copy.ts';
import { disorder } from '../support/kafka/order.ts';
import { kafkaAnswers, type Laid, layPair, onKafka } from '../support/kafka/pair.ts';
import { both, topicsOnly } from '../support/kafka/pairs.ts';
import { begun, start, TO_END } from '../support/kafka/running.ts';
import { type Broker, describeKafka, startBroker } from '../support/kafka.ts';
import { difference, type KillOptions, live, newKillLog, recordPoints, runArgs, type Scenario } from '../support/kills.ts';

const MINUTES = 60_000;
/** so many that a tour is gone through: after two kills in vain one follows that is not */
const KILLS = 11;
const first = Number(process.env['MILLRACE_SEED'] ?? 1);
const seeds = Number(process.env['MILLRACE_SEEDS'] ?? 2);
const points: readonly ProbePoint[] = [...recordPoints.filter((point) => point !== 'window.burst'), ...kafkaPoints, ...livePoints];
/** a run comes to each of these behind the one before it, whatever that left */
const tours: readonly (readonly ProbePoint[])[] = [
  ['batch.committed', 'task.recovering', 'kafka.sent', 'kafka.noted', 'snapshot.after', 'end.marked', 'run.finished'],
  ['run.started', 'kafka.committed', 'snapshot.before', 'kafka.appended', 'batch.processed', 'file.written', 'kafka.sent'],
];

describeKafka('records that leave at once on a broker', () => {
  const base = mkdtempSync(join(tmpdir(), 'millrace-immediate-'));
  const log = newKillLog(points);
  let broker: Broker;
  let laid: Laid;
  let following: Laid;
  let ms = 0;

  beforeAll(async () => {
    broker = await startBroker();
    laid = await layPair(both('immediate', 12_000), base);
    following = await layPair(topicsOnly('following', 30_000), base);
  });
  afterAll(async () => {
    await broker?.close();
    rmSync(base, { recursive: true, force: true });
  });

  function lay(of: Laid, dir: string, tag: string): Promise<Scenario> {
    return onKafka(of, broker.brokers, dir, tag, { commitEvery: 20, checkpointEvery: 100, more: 'visibility: immediate' });
  }

  async function expectEqual(of: Laid, dir: string, tag: string): Promise<void> {
    const { own, foreign } = await kafkaAnswers(of.pair, broker.brokers, dir, tag);
    expect(difference(of.expected, own), `${tag}, our reader`).toBe('');
    expect(difference(of.expected, foreign), `${tag}, a read_committed reader`).toBe('');
    expect(await disorder(broker.brokers, tag)).toEqual([]);
  }

  test('an undisturbed run leaves what it leaves embedded', async () => {
    const dir = join(base, 'calm');
    const scenario = await lay(laid, dir, 'calm');
    const from = performance.now();
    await succeed(runArgs(scenario), { cwd: dir });
    ms = performance.now() - from;
    await expectEqual(laid, dir, 'calm');
  });

  for (let seed = first; seed < first + seeds; seed++)
    test(`killed, seed ${seed}`, { timeout: 5 * MINUTES }, async () => {
      const tag = `live${seed}`;
      const dir = join(base, tag);
      const scenario = await lay(laid, dir, tag);
      const random = seededRandom(seed);
      const between = (): void => {
        if (random.below(2) === 0) rmSync(join(dir, 'data', 'kafka'), { recursive: true, force: true });
      };
      const tour = [...(tours[(seed - 1) % tours.length] as readonly ProbePoint[])];
      await live(scenario, dir, runArgs(scenario), KILLS, random, log, {
        timesUpTo: ms || 5000,
        between,
        gain: 20,
        tour,
        often: ['kafka.sent', 'kafka.noted'],
      });
      await expectEqual(laid, dir, tag);
    });

  test('every named point was hit', () => {
    console.log(`${log.kills} kills, ${log.atTime} at a random time; ${[...log.atPoint].map(([point, hits]) => `${point} ${hits}`).join(', ')}`);
    for (const point of points) expect(log.atPoint.get(point), point).toBeGreaterThan(0);
  });

  // these wait for sessions and transactions to end
  test.concurrent.each([null, 'kafka.sent', 'kafka.noted', 'kafka.appended'])(
    'the owner stands still (at %s), another takes over and ends, the owner wakes up',
    async (point) => {
      const tag = `still-${point ?? 'anywhere'}`.replace('.', '-');
      const dir = join(base, tag);
      await lay(following, dir, tag);
      cpSync(join(dir, 'data'), join(dir, 'elsewhere'), { recursive: true });
      const one = start(dir, [], point === null ? {} : { env: { MILLRACE_PROBE: `${point}:12:stop` } });
      if (point === null) {
        expect(await begun(one, broker.brokers, `${tag}.dear`)).toBe(true);
        one.child.kill('SIGSTOP');
      } else await Promise.race([one.saw(`probe ${point}\n`), one.finished]);
      const { code, stderr } = await start(dir, TO_END, { dataDir: 'elsewhere' }).finished;
      expect(code, stderr).toBe(0);
      one.child.kill('SIGCONT');
      await Promise.race([one.saw(' slot_taken '), one.saw(' analyzer_taken '), one.finished]);
      // it takes part again, with what the other has left
      await sleep(3000);
      expect(await one.kill('SIGTERM'), one.said).toMatchObject({ code: 0 });
      await expectEqual(following, dir, tag);
    },
  );

  /** Kills where the planted bug shows, and gives what differs. */
  async function planted(name: string, file: string, from: string, to: string): Promise<string> {
    const copy = join(base, `${name}-copy`);
    const bin = copySources(copy);
    if (from !== '') patch(join(copy, file), from, to);
    const dir = join(base, name);
    const scenario = await lay(laid, dir, name);
    const options: KillOptions = { bin, clean: true, timesUpTo: ms, points: ['kafka.sent'] };
    const refused = await live(scenario, dir, runArgs(scenario), 3, seededRandom(first), newKillLog(livePoints), options).then(() => null, String);
    if (refused !== null) return refused;
    const wrong = await disorder(broker.brokers, name);
    return `${difference(laid.expected, (await kafkaAnswers(laid.pair, broker.brokers, dir, name)).foreign)}${wrong.join('\n')}`;
  }

  test('a planted bug: none, as a control', { timeout: 2 * MINUTES }, async () => {
    expect(await planted('control', '', '', '')).toBe('');
  });

  test('a planted bug is found: what had left is not read back', { timeout: 2 * MINUTES }, async () => {
    expect(await planted('unread', 'preprocessor/task/left.ts', 'if (left !== undefined) found(', 'if (left === undefined) found(')).not.toBe('');
  });
});
