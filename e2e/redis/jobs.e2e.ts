/** Batches as jobs on a real Redis: whoever is killed, stopped or empty, sinks come to what they are in a run that hands nothing out. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { testCertificate } from '@millrace/runtime/certificate.case.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fraud, queries } from '../support/analyze-scenarios.ts';
import { Millrace } from '../support/cli.ts';
import { answer, difference, lay, type Scenario, undisturbed } from '../support/kills.ts';
import { describeRedis, RedisServer } from '../support/redis.ts';
import { grown, layOut, startRun, startWorker, stopped, well } from '../support/redis-jobs.ts';

const MINUTE = 60_000;
/** bytes of `changes.jsonl` after a few batches; it comes to more than three times as much */
const SOME = 2000;
/** `queries` with no sink but topics, in small batches */
const topics: Scenario = {
  ...queries,
  name: 'topics',
  yaml: queries.yaml
    .replace('name: queries', 'name: topics')
    .replace('max_records: 120', 'max_records: 60')
    .split('\n')
    .filter((line) => !line.includes('type: file, path: out/'))
    .join('\n'),
  files: [],
  replaced: [],
  parts: [],
  topics: ['sales', 'queries.minutes', 'queries.moving', 'queries.checked', 'topics.dead'],
  settled: { 'queries.moving': queries.settled?.['queries.moving'] as never, 'topics.dead': queries.settled?.['queries.dead'] as never },
};
const base = mkdtempSync(join(tmpdir(), 'millrace-jobs-'));
const expected = new Map<Scenario, Awaited<ReturnType<typeof undisturbed>>>();

describeRedis('jobs on Redis', () => {
  let server: RedisServer;
  let made = 0;

  beforeAll(async () => {
    server = await RedisServer.start();
    for (const scenario of [queries, fraud, topics]) {
      await lay(scenario, join(base, `${scenario.name}-template`));
      expected.set(scenario, await undisturbed(scenario, join(base, `${scenario.name}-template`), join(base, `${scenario.name}-undisturbed`)));
    }
  });
  afterAll(async () => {
    await server?.close();
    rmSync(base, { recursive: true, force: true });
  });

  function fresh(scenario: Scenario, of = server, more = ''): string {
    const dir = join(base, `${scenario.name}-${made++}`);
    layOut(join(base, `${scenario.name}-template`), dir, of, more);
    return dir;
  }

  async function expectEqual(scenario: Scenario, dir: string): Promise<void> {
    expect(difference((expected.get(scenario) as Awaited<ReturnType<typeof undisturbed>>).answer, await answer(scenario, dir))).toBe('');
  }

  const times = (text: string, code: string): number => text.split('\n').filter((line) => line.includes(` ${code} `)).length;

  test.each([queries, fraud])('$name: two workers share the batches', { timeout: 4 * MINUTE }, async (scenario) => {
    const dir = fresh(scenario);
    const workers = [startWorker(dir), startWorker(dir)];
    await Promise.all(workers.map((worker) => worker.saw('info waiting')));
    await well(startRun(scenario, dir));
    const jobs = await Promise.all(workers.map(stopped));
    for (const done of jobs) expect(done).toBeGreaterThan(0);
    console.log(`${scenario.name}: jobs by worker: ${jobs.join(', ')}`);
    expect(existsSync(join(dir, 'data/jobs'))).toBe(true);
    // models are fitted as jobs as well
    if (scenario === fraud) expect(await server.say('KEYS millrace:fraud.*.fit.*')).toMatch(/fit\.[0-9a-f]{32}/);
    await expectEqual(scenario, dir);
  });

  test('the analyzer alone works on its own batches', { timeout: 4 * MINUTE }, async () => {
    const dir = fresh(queries);
    await well(startRun(queries, dir));
    await expectEqual(queries, dir);
  });

  test.each(['jobs.begun', 'jobs.worked', 'jobs.left'])('a worker that stands still at %s, and then dies', { timeout: 4 * MINUTE }, async (point) => {
    const dir = fresh(queries);
    const still = startWorker(dir, { MILLRACE_PROBE: `${point}:3` });
    const other = startWorker(dir);
    await Promise.all([still, other].map((worker) => worker.saw('info waiting')));
    const run = startRun(queries, dir);
    await still.saw(`probe ${point}`);
    await sleep(500);
    await still.kill();
    await well(run);
    await stopped(other);
    await expectEqual(queries, dir);
  });

  test('a worker that comes back late changes nothing', { timeout: 4 * MINUTE }, async () => {
    const dir = fresh(queries);
    const late = startWorker(dir, { MILLRACE_PROBE: 'jobs.worked:2:stop' });
    await late.saw('info waiting');
    const run = startRun(queries, dir);
    await late.saw('probe jobs.worked');
    await well(run);
    late.child.kill('SIGCONT');
    // it ends what it is at first
    await stopped(late);
    await expectEqual(queries, dir);
  });

  test('Redis emptied, time and again', { timeout: 4 * MINUTE }, async () => {
    const dir = fresh(queries);
    const worker = startWorker(dir);
    const run = startRun(queries, dir);
    await grown(dir, 'out/changes.jsonl', 1, run);
    let over = false;
    const ended = well(run).finally(() => {
      over = true;
    });
    for (let n = 0; n < 40 && !over; n++) {
      await server.say('FLUSHALL');
      await sleep(120);
    }
    await ended;
    await stopped(worker);
    await expectEqual(queries, dir);
  });

  test('Redis away for 20 s, and back with nothing in it', { timeout: 4 * MINUTE }, async () => {
    const dir = fresh(queries);
    const worker = startWorker(dir);
    const run = startRun(queries, dir);
    await grown(dir, 'out/changes.jsonl', SOME, run);
    await server.stop();
    await run.saw(' redis_away ');
    await sleep(20_000);
    expect(run.child.exitCode).toBe(null);
    await server.start();
    const { stderr } = await well(run);
    expect(times(stderr, 'redis_away')).toBe(1);
    expect(times(stderr, 'redis_back')).toBe(1);
    await stopped(worker);
    await expectEqual(queries, dir);
  });

  test('Redis that stands still for a while', { timeout: 4 * MINUTE }, async () => {
    const dir = fresh(queries);
    const worker = startWorker(dir);
    const run = startRun(queries, dir);
    await grown(dir, 'out/changes.jsonl', SOME, run);
    server.pause();
    await run.saw(' redis_away ');
    await sleep(3000);
    server.resume();
    const { stderr } = await well(run);
    expect(times(stderr, 'redis_away')).toBe(1);
    expect(times(stderr, 'redis_back')).toBe(1);
    await stopped(worker);
    await expectEqual(queries, dir);
  });

  test('told to stop while Redis is away, the analyzer ends its batch and goes', { timeout: 4 * MINUTE }, async () => {
    const own = await RedisServer.start();
    const dir = fresh(queries, own);
    const run = startRun(queries, dir);
    await grown(dir, 'out/changes.jsonl', SOME, run);
    await own.stop();
    await run.saw(' redis_away ');
    run.child.kill('SIGTERM');
    // it does not wait for Redis
    await well(run);
    await own.start();
    await well(startRun(queries, dir));
    await own.close();
    await expectEqual(queries, dir);
  });

  const ANALYZE = ['run', 'pipeline.yaml', '--only', 'analyze', '--data-dir', 'data', '--profile', 'redis.yaml', '--json'];
  const analyzer = (dir: string, ...more: string[]): Millrace => new Millrace([...ANALYZE, ...more], { cwd: dir });
  /** One that stops itself in the middle of a batch, where it holds no lock of the data directory: nobody could write to that before it went on. */
  const stoppedInside = async (dir: string, point: string): Promise<Millrace> => {
    const first = new Millrace(ANALYZE, { cwd: dir, env: { MILLRACE_PROBE: `${point}:stop` } });
    await Promise.race([first.saw('probe '), well(first)]);
    return first;
  };

  test('an analyzer that is stopped is replaced by the one that stands by, and cannot commit when it goes on', { timeout: 4 * MINUTE }, async () => {
    const dir = fresh(topics);
    await well(startRun(topics, dir, ['--only', 'preprocess']));
    const first = await stoppedInside(dir, 'analyze.committed:20');
    const second = analyzer(dir, '--until', 'end');
    await second.saw(' standing_by ');
    await well(second);
    first.child.kill('SIGCONT');
    const { code, stderr } = await first.finished;
    expect(stderr).toContain(' fenced ');
    expect(code).toBe(1);
    await expectEqual(topics, dir);
  });

  test('one that writes files is replaced when it is dead, not before', { timeout: 4 * MINUTE }, async () => {
    const dir = fresh(queries);
    await well(startRun(queries, dir, ['--only', 'preprocess']));
    const first = await stoppedInside(dir, 'analyze.sink:12');
    const second = analyzer(dir, '--until', 'end');
    await second.saw(' owner_silent ');
    expect(second.child.exitCode).toBe(null);
    await first.kill();
    await well(second);
    await expectEqual(queries, dir);
  });

  test('a wrong password, no password, no server: a code each, exit 1, nothing written', { timeout: 4 * MINUTE }, async () => {
    const guarded = await RedisServer.start('correct');
    const tell = async (dir: string, env: Record<string, string> = {}): Promise<string> => {
      const [run, worker] = await Promise.all([startRun(queries, dir, [], env).finished, startWorker(dir, env).finished]);
      expect([run.code, worker.code]).toEqual([1, 1]);
      expect(existsSync(join(dir, 'data'))).toBe(false);
      expect(existsSync(join(dir, 'out'))).toBe(false);
      expect(run.stderr + run.stdout + worker.stderr + worker.stdout).not.toContain('battery');
      const code = /redis_[a-z]+/.exec(run.stderr)?.[0] ?? run.stderr;
      expect(worker.stderr).toContain(code);
      return code;
    };
    expect(await tell(fresh(queries, guarded))).toBe('redis_refused');
    expect(await tell(fresh(queries, guarded, ', password: "${SECRET}"'), { SECRET: 'battery' })).toBe('redis_refused');
    const dir = fresh(queries, guarded, ', password: "${SECRET}"');
    await well(startRun(queries, dir, [], { SECRET: 'correct' }));
    await expectEqual(queries, dir);
    await guarded.stop();
    expect(await tell(fresh(queries, guarded))).toBe('redis_unreachable');
    await guarded.close();
  });

  test('over TLS, and not to a server that its authority has not signed', { timeout: 4 * MINUTE }, async () => {
    for (const name of ['own', 'other']) {
      const { cert, key } = testCertificate({ hosts: ['127.0.0.1'] });
      writeFileSync(join(base, `${name}.pem`), cert);
      writeFileSync(join(base, `${name}.key`), key);
    }
    const secure = await RedisServer.start('correct', { cert: join(base, 'own.pem'), key: join(base, 'own.key') });
    const secret = { SECRET: 'correct' };
    const dir = fresh(queries, secure, ', password: "${SECRET}", tls: { ca: ../own.pem }');
    const worker = startWorker(dir, secret);
    await worker.saw('info waiting');
    await well(startRun(queries, dir, [], secret));
    expect(await stopped(worker)).toBeGreaterThan(0);
    await expectEqual(queries, dir);
    const wrong = await startRun(queries, fresh(queries, secure, ', password: "${SECRET}", tls: { ca: ../other.pem }'), [], secret).finished;
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringMatching(/redis_unreachable .*(SELF_SIGNED|UNABLE_TO_VERIFY|SIGNATURE|CERT)/)]);
    await secure.close();
  });

  test('a worker whose profile names no Redis, or whose file analyzes nothing, is a wrong call', { timeout: 4 * MINUTE }, async () => {
    const dir = fresh(queries);
    const { code, stderr } = await new Millrace(['worker', 'pipeline.yaml', '--profile', 'profile.yaml'], { cwd: dir }).finished;
    expect(code).toBe(2);
    expect(stderr).toContain('wrong_usage');
  });
});
