import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadPipeline } from '@millrace/pipeline/load.ts';
import type { Plan } from '@millrace/pipeline/plan.ts';
import { defaultProfile } from '@millrace/pipeline/profile.ts';
import { systemClock } from '@millrace/runtime/clock.ts';
import { readExposition, told } from '@millrace/runtime/exposition.case.ts';
import { expect, test } from 'vitest';
import { tempDir } from '../millrace.case.ts';
import { runStages, stagesOf } from '../stages.ts';
import { startStatus } from './start.ts';

const dir = tempDir();
const PIPELINE = `version: 1
name: failing
schemas:
  order: { type: record, name: Order, fields: [{ name: id, type: long }, { name: at, type: long }] }
preprocess:
  sources:
    - { id: orders, type: generator, schema: order, event_time: { field: at }, generate: { seed: 1, rate: 100, fields: { id: "i", at: "i" } } }
  outputs:
    - { id: bridge, topic: orders.clean, schema: order, key: id }
analyze:
  trigger: { every: 50ms }
  sources: [{ id: clean, output: bridge }]
  queries:
    - { id: one, type: sql, from: clean, sql: "SELECT (SELECT id FROM clean) AS other FROM clean" }
  sinks:
    - { id: rows, type: file, path: rows.jsonl, format: json }
`;

test('a stage that fails is seen from outside while the other is being stopped', async () => {
  writeFileSync(join(dir.path, 'p.yaml'), PIPELINE);
  const plan = (await loadPipeline(join(dir.path, 'p.yaml'), { env: {} })).plan as Plan;
  const stop = new AbortController();
  const status = await startStatus({
    at: { host: '127.0.0.1', port: 0, token: null },
    plan,
    stages: stagesOf(plan, null),
    version: '0',
    clock: systemClock,
    signal: stop.signal,
  });
  const ask = async (path: string) => {
    const response = await fetch(status.url + path);
    return { status: response.status, body: await response.json() };
  };
  try {
    expect(await ask('/health')).toMatchObject({ status: 200, body: { status: 'ok', stages: { preprocess: { state: 'recovering' } } } });
    expect(await ask('/ready')).toMatchObject({ status: 503, body: { reasons: ['preprocess is recovering', 'analyze is recovering'] } });
    let failed: string | null = null;
    const ended = runStages({
      plan,
      profile: defaultProfile,
      dataDir: join(dir.path, 'data'),
      untilEnd: false,
      only: null,
      clock: systemClock,
      signal: stop.signal,
      onRecords: (progress) => status.records(progress),
      onAnalyze: (progress) => status.analyze(progress),
      onBatch: (batch) => status.batch(batch),
      onFailure(stage, error) {
        failed ??= stage;
        status.failed(stage, error);
      },
      screen: { json: false, write: () => undefined },
      onEvent: () => undefined,
    });
    await expect(ended).rejects.toMatchObject({ code: 'query_failed' });
    expect(failed).toBe('analyze');
    const reasons = ['analyze has failed: query_failed'];
    expect(await ask('/health')).toMatchObject({ status: 503, body: { status: 'unavailable', reasons, stages: { analyze: { state: 'failed' } } } });
    expect(await ask('/ready')).toMatchObject({ status: 503, body: { reasons } });
    const metrics = readExposition(await (await fetch(`${status.url}/metrics`)).text());
    expect(told(metrics, 'millrace_stage_state', { stage: 'analyze', state: 'failed' })).toBe(1);
    expect(told(metrics, 'millrace_commits_total')).toBeGreaterThan(0);
    expect(told(metrics, 'millrace_records_out_total', { output: 'bridge' })).toBeGreaterThan(0);
  } finally {
    stop.abort();
    await status.close();
  }
  await expect(fetch(status.url)).rejects.toThrow();
});
