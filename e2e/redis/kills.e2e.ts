/** SIGKILL of workers and of the analyzer at random times and points, Redis emptied in between: the multisets of a run that hands nothing out and that nobody disturbs. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { jobPoints, probePoints } from '@millrace/runtime/probe.ts';
import { type Random, seededRandom } from '@millrace/runtime/random.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fraud, queries } from '../support/analyze-scenarios.ts';
import type { Millrace } from '../support/cli.ts';
import { answer, difference, lay, live, newKillLog, runArgs, type Scenario, undisturbed } from '../support/kills.ts';
import { describeRedis, RedisServer } from '../support/redis.ts';
import { handedOut, layOut, startWorker } from '../support/redis-jobs.ts';

const MINUTE = 60_000;
const SEEDS = Number(process.env['MILLRACE_SEEDS'] ?? 6);
const FIRST = Number(process.env['MILLRACE_SEED'] ?? 1);
const WORKERS = 2;
const KILLS_OF_RUN = 4;
const OFTEN = ['run.started', 'batch.committed', 'analyze.offsets', 'analyze.results', 'analyze.sink', 'analyze.committed'] as const;

describeRedis('killed while jobs are about', () => {
  const base = mkdtempSync(join(tmpdir(), 'millrace-job-kills-'));
  const expected = new Map<Scenario, Awaited<ReturnType<typeof undisturbed>>>();
  const log = newKillLog(probePoints);
  const ofWorkers = { kills: 0, atPoint: 0, emptied: 0 };
  let server: RedisServer;

  beforeAll(async () => {
    server = await RedisServer.start();
    for (const scenario of [queries, fraud]) {
      const template = join(base, `${scenario.name}-template`);
      await lay(scenario, template);
      expected.set(scenario, await undisturbed(scenario, template, join(base, `${scenario.name}-undisturbed`)));
    }
  });
  afterAll(async () => {
    await server?.close();
    rmSync(base, { recursive: true, force: true });
  });

  /** Keeps a worker at work, killing it time and again, until told to let it be. */
  async function hunted(dir: string, random: Random, over: AbortSignal): Promise<void> {
    const begin = (): Millrace =>
      startWorker(dir, random.below(2) === 0 ? {} : { MILLRACE_PROBE: `${jobPoints[random.below(jobPoints.length)]}:${1 + random.below(4)}` });
    for (let worker = begin(); ; worker = begin()) {
      await Promise.race([
        ...jobPoints.map((point) => worker.saw(`probe ${point}`)),
        sleep(1500 + random.below(4000), undefined, { signal: over }).catch(() => {}),
      ]);
      if (over.aborted && !worker.said.includes('probe ')) {
        // one that has hardly begun dies of it
        await worker.kill('SIGTERM');
        return;
      }
      // one that stands still is late before it is dead
      if (worker.said.includes('probe ')) {
        ofWorkers.atPoint++;
        await sleep(random.below(1500));
      }
      await worker.kill();
      ofWorkers.kills++;
      if (over.aborted) return;
      if (random.below(4) === 0) {
        await server.say('FLUSHALL');
        ofWorkers.emptied++;
      }
    }
  }

  test.each(Array.from({ length: SEEDS }, (_, i) => FIRST + i))('seed %i', { timeout: 15 * MINUTE }, async (seed) => {
    const scenario = seed % 2 === 0 ? fraud : queries;
    const { answer: wanted, ms } = expected.get(scenario) as Awaited<ReturnType<typeof undisturbed>>;
    const random = seededRandom(seed);
    const dir = join(base, `${scenario.name}-${seed}`);
    layOut(join(base, `${scenario.name}-template`), dir, server);
    const over = new AbortController();
    const workers = Array.from({ length: WORKERS }, (_, i) => hunted(dir, seededRandom(seed, i + 1), over.signal));
    try {
      await live(scenario, dir, runArgs(handedOut(scenario)), KILLS_OF_RUN, random, log, { timesUpTo: 1.2 * ms, often: OFTEN });
    } finally {
      over.abort();
      await Promise.all(workers);
    }
    expect(difference(wanted, await answer(scenario, dir)), `${scenario.name}, seed ${seed}`).toBe('');
    rmSync(dir, { recursive: true });
  });

  test('that was not for nothing', () => {
    const points = [...log.atPoint].filter(([, hits]) => hits > 0).map(([point, hits]) => `${point} ${hits}`);
    console.log(`the analyzer was killed ${log.kills} times, ${log.atTime} of them at a random time, else at ${points.join(', ')}`);
    console.log(
      `workers were killed ${ofWorkers.kills} times, ${ofWorkers.atPoint} of them in the middle of a job; Redis was emptied ${ofWorkers.emptied} times`,
    );
    expect(log.kills).toBeGreaterThanOrEqual(SEEDS);
    expect(ofWorkers.kills).toBeGreaterThanOrEqual(SEEDS);
    expect(ofWorkers.atPoint).toBeGreaterThan(0);
  });
});
