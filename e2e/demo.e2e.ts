/** The demo as a newcomer starts it: what it says at its end is what lies in its topics, and Ctrl-C leaves nothing behind. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Millrace, succeed } from './support/cli.ts';

const pipeline = fileURLToPath(new URL('../pipelines/fraud-detection/pipeline.yaml', import.meta.url));
/** fewer payments than a newcomer sees: the same app in a few seconds */
const env = { CUSTOMERS: '1000', TERMINALS: '2000' };
const small = ['demo', '--speed', '200000', '--json'];
let cwd = '';
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'millrace-demo-'));
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

type Event = Record<string, unknown> & { event: string };
const lines = <T>(text: string): T[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);

async function records<T>(topic: string): Promise<T[]> {
  const text = await succeed(['topic', 'cat', topic, '--json', '--until', 'end', '--data-dir', '.millrace/demo'], { cwd });
  return lines<{ value: T }>(text).map(({ value }) => value);
}

interface Document {
  readonly finished: boolean;
  readonly elapsed_ms: number;
  readonly records: number;
  readonly bridge_rows: number;
  readonly windows_closed: number;
  readonly dead_letters: number;
  readonly first_alert_ms: number;
  readonly latency_ms: Record<'to_bridge' | 'to_alert', { p50: number; p99: number; max: number; records: number } | null>;
  readonly models: { trained: number; promoted: number };
  readonly judged: { hash: string; auc_roc: number; average_precision: number } | null;
  readonly alerts: { total: number; fraud: number; days: number; most_a_day: number; budget_a_day: number };
}

test('the closing document is what lies in the topics', async () => {
  const out = lines<Event>(await succeed([...small, '--days', '15', '--keep'], { cwd, env }));
  const last = out.at(-1) as Event & Document;
  expect(last).toMatchObject({ event: 'done', finished: true });

  const bridge = await records<{ event_time: number }>('payments.scored');
  expect(last.bridge_rows).toBe(bridge.length);
  const dead = await records('fraud.dead');
  expect(dead.length).toBeGreaterThan(0);
  expect(last.dead_letters).toBe(dead.length);
  expect(last.windows_closed).toBeGreaterThan(1000);

  const alerts = await records<{ tx_id: number; event_time: number; customer_id: number; is_fraud: boolean }>('fraud.alerts');
  expect(alerts.length).toBeGreaterThan(100);
  const days = Object.values(Object.groupBy(alerts, ({ event_time }) => Math.floor(event_time / 86_400_000)));
  expect(last.alerts).toMatchObject({
    total: alerts.length,
    fraud: alerts.filter(({ is_fraud }) => is_fraud).length,
    days: days.length,
    most_a_day: Math.max(...days.map((day) => day?.length ?? 0)),
  });
  expect(last.alerts.most_a_day).toBeLessThanOrEqual(last.alerts.budget_a_day);
  for (const day of days) expect(new Set(day?.map(({ customer_id }) => customer_id)).size).toBe(day?.length);

  const decisions = (await records<{ trained: string | null; promoted: string | null }>('fraud-detection.models')).filter(({ trained }) => trained !== null);
  expect(decisions.length).toBeGreaterThan(0);
  expect(last.models).toEqual({ trained: decisions.length, promoted: decisions.filter(({ promoted }) => promoted !== null).length });
  const { models } = JSON.parse(await succeed(['model', 'list', pipeline, '--json', '--data-dir', '.millrace/demo'], { cwd })) as {
    models: { hash: string; metrics: Record<string, number> | null }[];
  };
  const judged = models.findLast(({ metrics }) => metrics !== null);
  expect(last.judged).toMatchObject({ hash: judged?.hash, auc_roc: judged?.metrics?.auc_roc, average_precision: judged?.metrics?.average_precision });
  // labels that leak would do better
  expect(last.judged?.average_precision).toBeLessThan(0.8);

  // every alert was told as it came, and what it was only once that could be known
  expect(new Set(out.filter(({ event }) => event === 'alert').map(({ tx_id }) => tx_id))).toEqual(new Set(alerts.map(({ tx_id }) => tx_id)));
  const known = out.filter(({ event }) => event === 'known');
  const end = Math.max(...bridge.map(({ event_time }) => event_time));
  expect(known.length).toBe(alerts.filter(({ event_time }) => event_time + 7 * 86_400_000 <= Math.ceil(end / 86_400_000) * 86_400_000).length);
  const truth = new Map(alerts.map(({ tx_id, is_fraud }) => [tx_id, is_fraud]));
  for (const { tx_id, is_fraud } of known) expect(is_fraud).toBe(truth.get(tx_id as number));

  // at this speed a small machine may never catch up with what is due, and then says so
  for (const latency of Object.values(last.latency_ms)) {
    if (latency === null) continue;
    expect(latency.p50).toBeGreaterThanOrEqual(0);
    expect(latency.p99).toBeGreaterThanOrEqual(latency.p50);
    expect(latency.max).toBeGreaterThanOrEqual(latency.p99);
  }
  expect(last.first_alert_ms).toBeLessThan(last.elapsed_ms);
});

test('Ctrl-C in the middle ends it well, with nothing left; again it starts afresh', async () => {
  const demo = new Millrace([...small, '--days', '500'], { cwd, env });
  await new Promise<void>((resolve, reject) => {
    let text = '';
    demo.child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes('"event":"alert"')) resolve();
    });
    demo.child.on('close', () => reject(new Error(`it ended before any alert:\n${text.slice(-2000)}`)));
  });
  const asked = Date.now();
  const { code, signal, stdout } = await demo.kill('SIGINT');
  expect({ code, signal }).toEqual({ code: 0, signal: null });
  expect(Date.now() - asked).toBeLessThan(10_000);
  expect(lines<Event>(stdout).at(-1)).toMatchObject({ event: 'done', finished: false });
  expect(existsSync(join(cwd, '.millrace/demo'))).toBe(false);

  const again = lines<Event>(await succeed([...small, '--days', '1'], { cwd, env })).at(-1) as Event & Document;
  expect(again).toMatchObject({ finished: true, models: { trained: 2, promoted: 2 } });
  expect(again.alerts.days).toBe(1);
  expect(readdirSync(join(cwd, '.millrace'))).toEqual([]);
});

test('a killed demo leaves what the next one clears away; a directory of others stays', async () => {
  const demo = new Millrace(['demo', '--days', '500'], { cwd, env });
  await demo.saw('records');
  // one at a time: the second says so
  const second = await new Millrace(['demo', '--days', '1'], { cwd, env }).finished;
  expect(second).toMatchObject({ code: 1 });
  expect(second.stderr).toContain('already_running');
  await demo.kill('SIGKILL');
  expect(existsSync(join(cwd, '.millrace/demo/log.mdb'))).toBe(true);
  const out = await succeed(['demo', '--days', '1', '--speed', '200000'], { cwd, env });
  expect(out).toContain('finished');
  mkdirSync(join(cwd, 'photos'));
  writeFileSync(join(cwd, 'photos/cat.png'), '');
  const other = await new Millrace(['demo', '--data-dir', 'photos'], { cwd, env }).finished;
  expect(other.code).toBe(2);
  expect(other.stderr).toContain('already_there');
  expect(readdirSync(join(cwd, 'photos'))).toEqual(['cat.png']);
});
