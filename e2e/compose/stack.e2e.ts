/** docker-compose.yml, each service a process of this machine: healthy, at work, watched, through a crash and to a clean end. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { queriesOf } from '../support/compose/dashboard.ts';
import { readCompose } from '../support/compose/file.ts';
import { root } from '../support/compose/mapping.ts';
import { Stack } from '../support/compose/stack.ts';
import { describeKafka } from '../support/kafka.ts';
import { describeRedis } from '../support/redis.ts';

const has = (program: string): boolean => spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
const prometheus = has('prometheus');
/** fewer customers than the demo has, and faster days: its first alert comes sooner */
const env = { CUSTOMERS: '300', TERMINALS: '600', SPEED: '43200' };

interface Alert {
  readonly tx_id: number;
  readonly customer_id: number;
  readonly event_time: number;
}

const suite = (): void => {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-compose-'));
  let stack: Stack;
  let seen: Alert[] = [];

  async function alerts(): Promise<Alert[]> {
    const command = 'millrace topic cat fraud.alerts --json --until end --profile compose --data-dir /var/lib/millrace';
    const lines = (await stack.exec('preprocessor', command.split(' '))).split('\n').filter((line) => line !== '');
    return lines.map((line) => (JSON.parse(line) as { value: Alert }).value);
  }

  /** Waits until there are more than so many. */
  async function moreThan(count: number): Promise<Alert[]> {
    for (const until = performance.now() + 120_000; ; ) {
      const found = await alerts();
      if (found.length > count) return found;
      if (performance.now() > until) expect.unreachable(`no more than ${found.length} alerts; the preprocessor says:\n${stack.process('preprocessor').said}`);
      await sleep(500);
    }
  }

  function expectOnce(found: readonly Alert[]): void {
    const days = found.map(({ customer_id, event_time }) => `${customer_id} on day ${Math.floor(event_time / 86_400_000)}`);
    expect(new Set(found.map(({ tx_id }) => tx_id)).size).toBe(found.length);
    expect(new Set(days).size).toBe(found.length);
  }

  function token(name: string): string {
    return readFileSync(stack.environment(name)['TOKEN_FILE'] as string, 'utf8').trim();
  }

  async function ask<T>(path: string): Promise<T> {
    const response = await fetch(`${stack.url('prometheus')}/api/v1/${path}`);
    const { status, data, error } = (await response.json()) as { status: string; data: T; error?: string };
    expect(status, error).toBe('success');
    return data;
  }

  beforeAll(async () => {
    const file = readCompose(readFileSync(join(root, 'docker-compose.yml'), 'utf8'), env);
    stack = await Stack.prepare(file, dir, ['grafana', ...(prometheus ? [] : ['prometheus'])]);
    await stack.up();
  });
  afterAll(async () => {
    await stack?.down();
    rmSync(dir, { recursive: true, force: true });
  });

  test('every service is healthy', async () => {
    for (const { name, health } of stack.services) if (health !== null) expect(await stack.ill(name), name).toBeNull();
  });

  test('alerts come', async () => {
    seen = await moreThan(0);
    expectOnce(seen);
  });

  test('the preprocessors share the payments', async () => {
    for (const name of ['preprocessor', 'preprocessor-2']) {
      const read = async (): Promise<number> => {
        const told = await (await fetch(`${stack.url(name)}/metrics`, { headers: { authorization: `Bearer ${token(name)}` } })).text();
        return Number(/^millrace_records_in_total\{[^}]*\} (\d+)/m.exec(told)?.[1] ?? 0);
      };
      await expect.poll(read, { timeout: 60_000, message: stack.process(name).said }).toBeGreaterThan(0);
    }
  });

  test('the commands of docs/compose.md show something', async () => {
    const page = readFileSync(join(root, 'docs/compose.md'), 'utf8');
    const calls = [...page.matchAll(/^docker compose exec (\S+) (millrace .*)$/gm)];
    expect(calls.length).toBeGreaterThan(2);
    for (const [, service, command] of calls) {
      const out = await stack.exec(service as string, (command as string).split(' '));
      expect(out.trim().split('\n').length, `${command}\n${out}`).toBeGreaterThan(2);
    }
  });

  test('nobody without the token is told anything', async () => {
    for (const name of ['generator', 'preprocessor', 'preprocessor-2', 'analyzer', 'analyzer-2', 'worker-1', 'worker-2'])
      for (const path of ['metrics', 'ready', 'health']) expect((await fetch(`${stack.url(name)}/${path}`)).status, `${name}/${path}`).toBe(401);
  });

  test.skipIf(!prometheus)(
    `Prometheus reaches every process, and the dashboard shows something in every panel${prometheus ? '' : ' (no prometheus here: apt-get install prometheus)'}`,
    async () => {
      const rates = performance.now() + 60_000;
      const queries = queriesOf(join(root, 'deploy/grafana/dashboards/millrace.json'));
      expect(queries.length).toBeGreaterThan(15);
      for (const { panel, expr } of queries) {
        for (;;) {
          const { result } = await ask<{ result: { value: [number, string] }[] }>(`query?query=${encodeURIComponent(expr)}`);
          if (result.some(({ value }) => value[1] !== 'NaN')) break;
          if (performance.now() > rates) expect.unreachable(`${panel} shows nothing: ${expr}`);
          await sleep(1000);
        }
      }
      const { activeTargets } = await ask<{ activeTargets: { labels: { service: string }; health: string; lastError: string }[] }>('targets');
      const told = activeTargets.map(({ labels, health, lastError }) => `${labels.service} ${health} ${lastError}`.trim());
      expect(told.sort()).toEqual(['analyzer up', 'analyzer-2 up', 'generator up', 'preprocessor up', 'preprocessor-2 up', 'worker-1 up', 'worker-2 up']);
      const { groups } = await ask<{ groups: { rules: { name: string; health: string }[] }[] }>('rules');
      for (const { name, health } of groups.flatMap(({ rules }) => rules)) expect(health, name).toBe('ok');
    },
  );

  test('a killed preprocessor is started again, and no alert comes twice', async () => {
    const before = await alerts();
    stack.process('preprocessor').signal('SIGKILL');
    expect(await stack.process('preprocessor').exit).toEqual({ code: null, signal: 'SIGKILL' });
    await expect.poll(() => stack.restarts('preprocessor'), { timeout: 10_000 }).toBe(1);
    await stack.healthy('preprocessor');
    seen = await moreThan(before.length + 20);
    expectOnce(seen);
    const kept = new Set(seen.map(({ tx_id }) => tx_id));
    expect(before.filter(({ tx_id }) => !kept.has(tx_id))).toEqual([]);
  });

  test('a killed worker is started again, and both go on', async () => {
    stack.process('worker-1').signal('SIGKILL');
    await expect.poll(() => stack.restarts('worker-1'), { timeout: 10_000 }).toBe(1);
    await stack.healthy('worker-1');
    expectOnce(await moreThan(seen.length));
  });

  test('of the analyzers one stands by, and goes on where the other is killed', { timeout: 200_000 }, async () => {
    const ask = async (name: string, path: string): Promise<Response> =>
      fetch(`${stack.url(name)}/${path}`, { headers: { authorization: `Bearer ${token(name)}` } });
    const state = async (name: string): Promise<string | undefined> =>
      /^millrace_stage_state\{[^}]*state="(\w+)"[^}]*\} 1$/m.exec(await (await ask(name, 'metrics')).text())?.[1];
    const first = await state('analyzer');
    const [leader, spare] = first === 'running' ? (['analyzer', 'analyzer-2'] as const) : (['analyzer-2', 'analyzer'] as const);
    expect([await state(leader), await state(spare)]).toEqual(['running', 'standing_by']);
    for (const name of [leader, spare]) expect((await ask(name, 'ready')).status).toBe(200);
    expect(stack.process(spare).said).toContain('standing_by');
    const restarts = stack.restarts(spare);
    await stack.stopService(leader, 'SIGKILL');
    await expect.poll(() => state(spare), { timeout: 60_000, interval: 500 }).toBe('running');
    expect(stack.restarts(spare)).toBe(restarts);
  });

  test('on SIGTERM everything ends well within ten seconds', async () => {
    const others = stack.services.filter(({ name }) => !['preprocessor', 'worker-1', 'token', 'kafka'].includes(name));
    expect(others.map(({ name }) => [name, stack.restarts(name)])).toEqual(others.map(({ name }) => [name, 0]));
    for (const [name, { code, signal, ms }] of await stack.stop()) {
      // the one that was killed before
      if (signal === 'SIGKILL') continue;
      expect({ name, code, signal, said: code === 0 ? '' : stack.process(name).said }).toEqual({ name, code: 0, signal: null, said: '' });
      expect(ms, name).toBeLessThan(10_000);
    }
  });
};

describeKafka('on a broker', () => describeRedis('and a Redis, the stack of docker-compose.yml', suite));
