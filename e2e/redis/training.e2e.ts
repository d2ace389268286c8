/** Models fitted as jobs: whoever dies over one, another comes to the same model. And an analyzer that only stood by ends as one that had nothing to do. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fraud, queries } from '../support/analyze-scenarios.ts';
import { Millrace, succeed } from '../support/cli.ts';
import { type Answer, answer, difference, lay, runArgs } from '../support/kills.ts';
import { describeRedis, RedisServer } from '../support/redis.ts';
import { grown, layOut, startRun, startWorker, stopped, well } from '../support/redis-jobs.ts';

const MINUTE = 60_000;
/** the analyzer fits too, and so does one more worker: that none of these gets any of the fits is as good as impossible */
const DOOMED = 3;

describeRedis('training on Redis', () => {
  const base = mkdtempSync(join(tmpdir(), 'millrace-training-'));
  let server: RedisServer;
  let expected: { readonly answer: Answer; readonly models: unknown };

  /** hashes of what was trained, metrics and all that stands in a list of models */
  async function models(dir: string): Promise<unknown> {
    return (JSON.parse(await succeed(['model', 'list', 'pipeline.yaml', '--data-dir', 'data', '--json'], { cwd: dir })) as { models: unknown }).models;
  }

  beforeAll(async () => {
    server = await RedisServer.start();
    const template = join(base, 'fraud-template');
    await lay(fraud, template);
    const dir = join(base, 'undisturbed');
    cpSync(template, dir, { recursive: true, preserveTimestamps: true });
    await succeed(runArgs(fraud), { cwd: dir });
    expected = { answer: await answer(fraud, dir), models: await models(dir) };
    expect(expected.models).toHaveLength(new Set((expected.models as { hash: string }[]).map(({ hash }) => hash)).size);
  });
  afterAll(async () => {
    await server?.close();
    rmSync(base, { recursive: true, force: true });
  });

  test('workers die with a model in hand: another fits it, and it is the same model', { timeout: 3 * MINUTE }, async () => {
    const dir = join(base, 'died');
    layOut(join(base, 'fraud-template'), dir, server);
    const doomed = Array.from({ length: DOOMED }, () => startWorker(dir, { MILLRACE_PROBE: 'jobs.fitted:1' }));
    const other = startWorker(dir);
    await Promise.all([...doomed, other].map((worker) => worker.saw('info waiting')));
    const run = startRun(fraud, dir);
    let died = 0;
    const deaths = doomed.map(async (worker) => {
      await worker.saw('probe jobs.fitted');
      died++;
      await sleep(300);
      await worker.kill();
    });
    await well(run);
    await stopped(other);
    // those that had nothing to fit
    await Promise.all(doomed.map((worker) => (worker.said.includes('probe ') ? worker.finished : worker.kill('SIGTERM'))));
    console.log(`${died} of ${DOOMED} workers died with a model in hand`);
    expect(died).toBeGreaterThan(0);
    expect(deaths).toHaveLength(DOOMED);
    expect(await models(dir)).toEqual(expected.models);
    expect(difference(expected.answer, await answer(fraud, dir))).toBe('');
  });

  test('an analyzer that stands by and is told to stop has nothing to complain of', { timeout: 2 * MINUTE }, async () => {
    const template = join(base, 'queries-template');
    await lay(queries, template);
    const dir = join(base, 'stood-by');
    layOut(template, dir, server);
    const analyzer = (): Millrace =>
      new Millrace(['run', 'pipeline.yaml', '--only', 'analyze', '--data-dir', 'data', '--profile', 'redis.yaml', '--json'], { cwd: dir });
    await well(startRun(queries, dir, ['--only', 'preprocess']));
    const first = analyzer();
    await grown(dir, 'out/changes.jsonl', 1, first);
    const second = analyzer();
    await second.saw(' standing_by ');
    const { code, stdout, stderr } = await second.kill('SIGTERM');
    expect(code, stderr).toBe(0);
    expect(stderr).not.toContain('already_running Process');
    expect(JSON.parse(stdout.trim().split('\n').at(-1) as string)).toMatchObject({ pipeline: 'queries' });
    expect(await first.kill('SIGTERM')).toMatchObject({ code: 0 });
  });
});
