import { readFileSync } from 'node:fs';
import type { Plan } from '@millrace/pipeline/plan.ts';
import { readExposition, type Told, told } from '@millrace/runtime/exposition.case.ts';
import { describe, expect, test } from 'vitest';
import { analyzeProgress, batchProgress, recordProgress } from './progress.case.ts';
import { type Stage, Standing } from './standing.ts';
import { runMetrics } from './start.ts';

const BOTH: readonly Stage[] = ['preprocess', 'analyze'];
const NOW = 1_767_607_210_000;
const plan = {
  name: 'minutes',
  sources: [
    { id: 'payments', type: 'generator', format: 'json' },
    { id: 'history', type: 'file', format: 'json' },
    { id: 'rates', type: 'file', format: 'parquet' },
  ],
  tables: [{ id: 'merchants' }],
} as unknown as Plan;

function setUp(stages = BOTH) {
  const clock = { now: () => NOW, monotonic: () => 0, cpu: () => 0 };
  const standing = new Standing({ stages, clock, patience: { preprocess: 1, analyze: 1 } });
  const { metrics, batch } = runMetrics(standing, plan, '1.2.3', clock);
  const scrape = async (): Promise<Map<string, Told>> => readExposition(await metrics.text());
  return { standing, metrics, batch, scrape };
}

function full() {
  const all = setUp();
  all.standing.hearRecords(recordProgress());
  all.standing.hearAnalyze(analyzeProgress());
  all.batch(batchProgress());
  const decision = { model: 'fraud', boundary: NOW - 1000, trained: 'a1b2', promoted: 'a1b2', reason: 'the first model' };
  const skipped = { ...decision, boundary: NOW, trained: null, promoted: null, reason: 'no rows' };
  all.batch(batchProgress({ batchDuration: 2000, numInputRows: 0, training: [decision, { ...decision, promoted: null }, skipped] }));
  return all;
}

/** Own metrics as `name{labels} value`, buckets left out. */
function lines(metrics: ReadonlyMap<string, Told>): string[] {
  return [...metrics.values()]
    .flatMap(({ samples }) => samples)
    .filter(({ name }) => name.startsWith('millrace_') && !name.endsWith('_bucket') && !name.startsWith('millrace_stage_state'))
    .map(({ name, labels, value }) => {
      const { pipeline, ...own } = labels;
      expect(pipeline).toBe('minutes');
      return `${name}${JSON.stringify(own).replace(/"(\w+)":/g, '$1=')} ${value}`;
    });
}

test('every number of the reports, under its name, in seconds, bytes and rows', async () => {
  expect(lines(await full().scrape())).toEqual([
    'millrace_build_info{version="1.2.3"} 1',
    'millrace_records_in_total{stage="preprocess"} 9419',
    'millrace_records_in_total{stage="analyze"} 7425',
    'millrace_records_out_total{stage="preprocess",output="rows"} 7581',
    'millrace_records_out_total{stage="preprocess",output="alerts"} 12',
    'millrace_records_out_total{stage="analyze",output="windows"} 20',
    'millrace_dead_letters_total{stage="preprocess",code="undecodable"} 2',
    'millrace_dead_letters_total{stage="preprocess",code="late"} 1',
    'millrace_dead_letters_total{stage="analyze",code="expression_failed"} 1',
    'millrace_records_dropped_total{stage="preprocess"} 4',
    'millrace_records_dropped_total{stage="analyze"} 0',
    'millrace_lag_records{stage="preprocess",source="payments"} 2',
    'millrace_lag_records{stage="preprocess",source="rates"} 10',
    'millrace_lag_records{stage="analyze",source="clean"} 9',
    'millrace_lag_bytes{stage="preprocess",source="history"} 4096',
    'millrace_watermark_timestamp_seconds{stage="preprocess"} 1767607204.417',
    'millrace_watermark_timestamp_seconds{stage="analyze"} 1767607204.224',
    'millrace_event_time_lag_seconds{stage="preprocess"} 5.583',
    'millrace_event_time_lag_seconds{stage="analyze"} 5.776',
    'millrace_progress_ratio{stage="preprocess"} 0.25',
    'millrace_commits_total{} 40',
    'millrace_commit_seconds_total{} 0.08',
    'millrace_snapshots_total{} 2',
    'millrace_table_versions_total{outcome="taken"} 3',
    'millrace_table_versions_total{outcome="refused"} 1',
    'millrace_stage_silence_seconds{stage="preprocess"} 0',
    'millrace_stage_silence_seconds{stage="analyze"} 0',
    'millrace_batches_total{} 6',
    'millrace_batch_last_number{} 41',
    'millrace_batch_last_timestamp_seconds{} 1767607200.5',
    'millrace_batch_phase_seconds_total{phase="wal_commit"} 0.01',
    'millrace_batch_phase_seconds_total{phase="add_batch"} 0.05',
    'millrace_batch_phase_seconds_total{phase="commit_offsets"} 0.02',
    'millrace_model_info{model="fraud",hash="a1b2"} 1',
    'millrace_model_trainings_total{model="fraud",result="trained"} 2',
    'millrace_model_trainings_total{model="fraud",result="skipped"} 1',
    'millrace_model_promotions_total{model="fraud"} 1',
    'millrace_model_boundary_timestamp_seconds{model="fraud"} 1767607210',
    'millrace_query_watermark_timestamp_seconds{query="per_card"} 1767607204.224',
    'millrace_query_event_time_lag_seconds{query="per_card"} 5.776',
    'millrace_query_late_rows_total{query="per_card"} 5',
    'millrace_state_rows{query="per_card"} 80',
    'millrace_state_bytes{query="per_card"} 4096',
    'millrace_state_rows_updated_total{query="per_card"} 60',
    'millrace_state_rows_removed_total{query="per_card"} 20',
    'millrace_batch_duration_seconds_sum{} 2.04',
    'millrace_batch_duration_seconds_count{} 2',
    'millrace_batch_input_rows_sum{} 1500',
    'millrace_batch_input_rows_count{} 2',
  ]);
});

test('the state is 1 at one and 0 at the others, of each stage', async () => {
  const { standing, scrape } = full();
  const state = async (stage: Stage): Promise<string[]> =>
    ((await scrape()).get('millrace_stage_state')?.samples ?? [])
      .filter(({ labels, value }) => labels.stage === stage && value === 1)
      .map(({ labels }) => labels.state as string);
  expect(await state('preprocess')).toEqual(['running']);
  standing.hearRecords(recordProgress({ state: 'paused' }));
  standing.fail('analyze', 'storage_full');
  expect([await state('preprocess'), await state('analyze')]).toEqual([['paused'], ['failed']]);
  expect(told(await scrape(), 'millrace_stage_state')).toBe(2);
});

test('what nobody has measured is left out, not 0', async () => {
  const { standing, scrape } = setUp();
  const before = lines(await scrape());
  expect(before.filter((line) => !/silence|build_info|_total\{\} 0$|phase_seconds|batch_duration|batch_input/.test(line))).toEqual([]);
  standing.hearRecords(recordProgress({ watermark: Number.NEGATIVE_INFINITY, fraction: null }));
  const after = await scrape();
  for (const name of ['millrace_watermark_timestamp_seconds', 'millrace_event_time_lag_seconds', 'millrace_progress_ratio'])
    expect(after.get(name)?.samples, name).toEqual([]);
});

test('a process without an analyzer has no metrics of one', async () => {
  const names = [...(await setUp(['preprocess']).scrape()).keys()];
  expect(names).toContain('millrace_records_in_total');
  expect(names.filter((name) => /batch|query|model|state_rows/.test(name))).toEqual([]);
  expect([...(await setUp(['analyze']).scrape()).keys()].filter((name) => /commits|snapshots|table/.test(name))).toEqual([]);
});

test('counters follow the totals up and never go back; gauges go where they go', async () => {
  const { standing, scrape } = full();
  const seen = async () => {
    const now = await scrape();
    return [told(now, 'millrace_records_in_total', { stage: 'preprocess' }), told(now, 'millrace_lag_records', { source: 'payments' })];
  };
  expect(await seen()).toEqual([9419, 2]);
  expect(await seen()).toEqual([9419, 2]);
  standing.hearRecords(recordProgress({ recordsIn: 10_000, lag: { payments: 70 } }));
  expect(await seen()).toEqual([10_000, 70]);
  standing.hearRecords(recordProgress({ recordsIn: 9_000, lag: { payments: 1 } }));
  expect(await seen()).toEqual([10_000, 1]);
  standing.hearRecords(recordProgress({ recordsIn: 10_001 }));
  expect((await seen())[0]).toBe(10_001);
});

test('a gauge of something that is gone is gone: the model that was in force, a source', async () => {
  const { standing, scrape } = full();
  await scrape();
  standing.hearAnalyze(analyzeProgress({ models: { fraud: 'c3d4' }, lag: {} }));
  const metrics = await scrape();
  expect(metrics.get('millrace_model_info')?.samples.map(({ labels }) => labels.hash)).toEqual(['c3d4']);
  expect(metrics.get('millrace_lag_records')?.samples.map(({ labels }) => labels.source)).not.toContain('clean');
});

test('names of people come through whole, whatever is in them', async () => {
  const { standing, scrape } = full();
  const odd = ['a"b', 'a\\', 'a\nb', '{x="1"} 5', '__proto__', 'constructor', 'ä 💳', ''];
  standing.hearRecords(recordProgress({ out: Object.fromEntries(odd.map((name, i) => [name, i])) }));
  const samples = (await scrape()).get('millrace_records_out_total')?.samples.filter(({ labels }) => labels.stage === 'preprocess') ?? [];
  expect(new Map(samples.map(({ labels, value }) => [labels.output, value]))).toEqual(new Map(odd.map((name, i) => [name, i])));
});

describe('conventions', () => {
  test('counters end in _total and nothing else does, units are of the base, helps are sentences', async () => {
    for (const [name, { type, help }] of await full().scrape()) {
      if (!name.startsWith('millrace_')) continue;
      expect(name.endsWith('_total'), name).toBe(type === 'counter');
      expect(name, name).toMatch(/^millrace_[a-z]+(_[a-z]+)*$/);
      expect(name, name).not.toMatch(/_(ms|millis|milliseconds|minutes|kib|mib|kilobytes|percent)(_|$)/);
      expect(help, name).toMatch(/^[A-Z].{15,}\.$/);
    }
  });

  test('the process tells its event loop, heap and CPU', async () => {
    const metrics = await setUp().scrape();
    expect(told(metrics, 'process_cpu_seconds_total')).toBeGreaterThan(0);
    expect(told(metrics, 'nodejs_heap_size_used_bytes')).toBeGreaterThan(1e6);
    expect([...metrics.keys()]).toContain('nodejs_eventloop_lag_p99_seconds');
  });

  test('runs beside each other keep their numbers apart', async () => {
    const [first, second] = [full(), setUp()];
    expect(told(await first.scrape(), 'millrace_batches_total')).toBe(6);
    expect(told(await second.scrape(), 'millrace_batches_total')).toBe(0);
  });
});

test('docs/operations.md has every metric, with its type and its labels, and no other', async () => {
  const page = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| `((?:millrace|process|nodejs)_\w+)` \| (\w+) \|([^|]*)\|/gm)];
  const documented = rows
    .filter(([, name]) => !name?.startsWith('millrace_worker_'))
    .map(([, name, type, labels]) => [name, type, [...(labels as string).matchAll(/`(\w+)`/g)].map(([, label]) => label).sort()]);
  const metrics = await full().scrape();
  const held = [...metrics].map(([name, { type, samples }]) => {
    const labels = new Set(samples.flatMap((sample) => Object.keys(sample.labels)));
    return [name, type, [...labels].filter((label) => label !== 'pipeline' && label !== 'le').sort()];
  });
  // requests and collections of garbage come and go: their labels are not always there to see, and some systems lack a metric of theirs
  const fixed = ([name]: unknown[]): boolean => String(name).startsWith('millrace_');
  expect(documented.filter(fixed)).toEqual(held.filter(fixed));
  const names = (all: unknown[][]): unknown[] => all.map(([name, type]) => `${name} ${type}`).sort();
  if (process.platform === 'linux') expect(names(documented)).toEqual(names(held));
  else expect(names(documented)).toEqual(expect.arrayContaining(names(held)));
});
