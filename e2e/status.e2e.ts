/** What a run tells those who watch it over HTTP: metrics that rise, probes that follow its life, a clean end with callers at the door. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readExposition, type Told, told } from '@millrace/runtime/exposition.case.ts';
import { afterAll, expect, test } from 'vitest';
import { type Finished, Millrace } from './support/cli.ts';

const root = mkdtempSync(join(tmpdir(), 'millrace-status-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const file = join(root, 'pipeline.yaml');
writeFileSync(
  file,
  `version: 1
name: watched
schemas:
  payment: { type: record, name: Payment, fields: [{ name: card, type: string }, { name: amount, type: double }, { name: at, type: long }] }
preprocess:
  sources:
    - id: payments
      type: generator
      schema: payment
      event_time: { field: at }
      generate: { seed: 7, rate: 2000, fields: { card: "'c' || i % 10", amount: "CASE WHEN i % 100 = 0 THEN -1 ELSE u1 END", at: "1767607200000 + i" } }
  steps:
    - { id: checked, type: map, set: { card: "CASE WHEN amount < 0 THEN CAST(CAST(card AS BIGINT) AS VARCHAR) ELSE card END" } }
    - { id: paid, type: filter, where: "amount > 0.2" }
  outputs:
    - { id: rows, from: paid, topic: watched.clean, schema: payment, key: card }
analyze:
  trigger: { every: 200ms }
  sources: [{ id: clean, output: rows }]
  queries:
    - { id: per_card, type: aggregate, group_by: [card], window: { tumbling: 1s }, watermark: bridge, select: { n: "count(*)" }, mode: append }
  sinks:
    - { id: windows, type: file, path: rows.jsonl, format: json }
`,
);

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** A run that serves, and calls to it over one connection that stays open, as a scraper's does. */
class Served {
  readonly run: Millrace;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #token: string | null;
  #url = '';

  constructor(name: string, args: readonly string[], env: Record<string, string> = {}) {
    this.run = new Millrace(['run', file, '--data-dir', join(root, name), ...args], { env });
    this.#token = env.TOKEN ?? null;
  }

  async ready(): Promise<void> {
    await this.run.saw('serves /metrics, /health and /ready.');
    this.#url = /info status (\S+) serves/.exec(this.run.said)?.[1] as string;
    const late = performance.now() + 20_000;
    while ((await this.ask('/ready')).status !== 200) {
      expect(performance.now(), this.run.said).toBeLessThan(late);
      await sleep(50);
    }
  }

  ask(path: string, token = this.#token): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const headers = token === null ? {} : { authorization: `Bearer ${token}` };
      get(this.#url + path, { agent: this.#agent, headers }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode as number, text }));
      }).on('error', reject);
    });
  }

  async scrape(): Promise<Map<string, Told>> {
    const { status, text } = await this.ask('/metrics');
    expect(status).toBe(200);
    return readExposition(text);
  }

  async stop(): Promise<{ finished: Finished; ms: number }> {
    const begun = performance.now();
    const finished = await this.run.kill('SIGTERM');
    this.#agent.destroy();
    return { finished, ms: performance.now() - begun };
  }
}

const RISING = [
  ['millrace_records_in_total', { stage: 'preprocess' }],
  ['millrace_records_in_total', { stage: 'analyze' }],
  ['millrace_records_out_total', { output: 'rows' }],
  ['millrace_dead_letters_total', { stage: 'preprocess', code: 'expression_failed' }],
  ['millrace_batches_total', {}],
  ['millrace_commits_total', {}],
  ['millrace_commit_seconds_total', {}],
  ['process_cpu_seconds_total', {}],
] as const;
const values = (metrics: ReadonlyMap<string, Told>): number[] => RISING.map(([name, labels]) => told(metrics, name, labels));

test.each([1, 2])('metrics rise, probes say so, and a stop is clean with a connection open, on %i threads', async (threads) => {
  writeFileSync(join(root, `threads-${threads}.yaml`), `parallelism: ${threads}\n`);
  const served = new Served(`rise-${threads}`, ['--status', '127.0.0.1:0', '--profile', join(root, `threads-${threads}.yaml`)]);
  try {
    await served.ready();
    expect(JSON.parse((await served.ask('/health')).text)).toMatchObject({
      status: 'ok',
      pipeline: 'watched',
      reasons: [],
      stages: { preprocess: { state: 'running' }, analyze: { state: 'running' } },
    });
    await sleep(1500);
    let before = await served.scrape();
    for (let i = 0; i < 3; i++) {
      await sleep(700);
      const after = await served.scrape();
      for (const [which, value] of values(after).entries()) expect(value, JSON.stringify(RISING[which])).toBeGreaterThan(values(before)[which] as number);
      expect(told(after, 'millrace_stage_silence_seconds', { stage: 'preprocess' })).toBeLessThan(10);
      before = after;
    }
    const one = (name: string, labels: Record<string, string> = {}): number => told(before, name, labels);
    // every hundredth payment cannot be checked, a fifth of the others is too small
    expect(one('millrace_dead_letters_total') / one('millrace_records_in_total', { stage: 'preprocess' })).toBeCloseTo(0.01, 2);
    expect(one('millrace_records_out_total', { output: 'rows' }) / one('millrace_records_in_total', { stage: 'preprocess' })).toBeCloseTo(0.79, 1);
    expect(one('millrace_watermark_timestamp_seconds', { stage: 'preprocess' })).toBeGreaterThan(1767607200);
    expect(one('millrace_event_time_lag_seconds', { stage: 'preprocess' })).toBeGreaterThan(0);
    expect(one('millrace_stage_state', { state: 'running' })).toBe(2);
  } finally {
    const { finished, ms } = await served.stop();
    expect.soft({ code: finished.code, signal: finished.signal }, finished.stderr).toEqual({ code: 0, signal: null });
    expect.soft(ms).toBeLessThan(10_000);
  }
  await expect(served.ask('/health')).rejects.toThrow(/ECONNREFUSED/);
});

test('counters begin anew after a kill, and the run is ready again', async () => {
  const first = new Served('again', ['--status', '127.0.0.1:0']);
  await first.ready();
  await sleep(4000);
  const before = told(await first.scrape(), 'millrace_records_in_total', { stage: 'preprocess' });
  expect(before).toBeGreaterThan(5000);
  await first.run.kill();
  const begun = performance.now();
  const second = new Served('again', ['--status', '127.0.0.1:0']);
  try {
    await second.ready();
    const metrics = await second.scrape();
    expect(told(metrics, 'millrace_stage_state', { state: 'running' })).toBe(2);
    // no more than came since, at 2,000 a second
    expect(told(metrics, 'millrace_records_in_total', { stage: 'preprocess' })).toBeLessThan(2 * (performance.now() - begun));
  } finally {
    expect((await second.stop()).finished.code).toBe(0);
  }
});

test('a profile names the address, and a token that callers bring', async () => {
  writeFileSync(join(root, 'served.yaml'), 'http: { listen: 127.0.0.1:0, token: "${TOKEN}" }\n');
  const served = new Served('token', ['--profile', join(root, 'served.yaml'), '--only', 'preprocess'], { TOKEN: 's3cret' });
  try {
    await served.ready();
    for (const path of ['/metrics', '/health', '/ready']) {
      expect((await served.ask(path)).status).toBe(200);
      expect((await served.ask(path, 'guess')).status).toBe(401);
    }
    expect((await served.scrape()).has('millrace_batches_total')).toBe(false);
  } finally {
    const { finished } = await served.stop();
    expect.soft(finished.code, finished.stderr).toBe(0);
    expect.soft(finished.stderr + finished.stdout).not.toContain('s3cret');
  }
});

test('two runs cannot have one port: the second says so and touches nothing', async () => {
  const first = new Served('first', ['--status', '127.0.0.1:0']);
  try {
    await first.ready();
    const port = /127\.0\.0\.1:(\d+) serves/.exec(first.run.said)?.[1];
    const { code, stderr } = await new Millrace(['run', file, '--data-dir', join(root, 'second'), '--status', `127.0.0.1:${port}`]).finished;
    expect(code).toBe(1);
    expect(stderr).toContain(`address_unusable The status server cannot listen at 127.0.0.1:${port}: another process listens there.`);
    expect(existsSync(join(root, 'second'))).toBe(false);
    expect((await first.ask('/ready')).status).toBe(200);
  } finally {
    await first.stop();
  }
});
