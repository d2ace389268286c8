/**
 * What the analyzer costs and how soon it answers: `node bench/analyze.ts [RECORDS ROUNDS]`. A windowed aggregate over a bridge, light (200
 * merchants) and heavy (5,000 cards, a row out for every six in); a trigger that finds nothing and a batch without data; the time from an event
 * to its alert.
 */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openAnalyzer } from '@millrace/analyzer/open.ts';
import type { AnalyzedPlan } from '@millrace/analyzer/run-options.ts';
import { loadPipeline } from '@millrace/pipeline/load.ts';
import { defaultProfile } from '@millrace/pipeline/profile.ts';
import { systemClock } from '@millrace/runtime/clock.ts';
import { type Model, modelHash, modelText } from '@millrace/shared-schemas/model.ts';
import { modelKey } from '@millrace/shared-schemas/model-decision.ts';
import type { Transport } from '@millrace/transport/log.ts';
import { type Env, millrace, run } from './child.ts';
import { PROFILE } from './engine-tax.ts';
import { openLoop, quantiles } from './latency.ts';
import { type Cell, median, percentile, render, spread } from './numbers.ts';
import { fill } from './records.ts';

const AGGREGATED = 'pipelines/analyzed.yaml';
const ALERTS = 'pipelines/alerts.yaml';
const KINDS: readonly { readonly name: string; readonly env: Env; readonly goal: number | null }[] = [
  { name: '200 merchants, 5 min', env: { GROUP: 'merchant_id', WINDOW: '5m' }, goal: 300_000 },
  { name: '5,000 cards, 1 min', env: { GROUP: 'card_id', WINDOW: '1m' }, goal: null },
];
const ATTEMPTS = 100;
const NO_DATA_MS = 5;
const RATE = 5_000;
/** of `alerts.yaml`, ms */
const TRIGGER = 100;
/** an alert is a payment of more than so many dollars */
const ALARMING = 900;

/** Rows that the analyzer aggregates a CPU-second; a run that finds nothing left to do is taken off. */
async function aggregates(full: string, dir: string, records: number, rounds: number): Promise<Cell[]> {
  const options = (data: string): string[] => ['--profile', PROFILE, '--data-dir', data, '--until', 'end', '--only', 'analyze'];
  const rates = KINDS.map((): number[] => []);
  const peaks = KINDS.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, { env }] of KINDS.entries()) {
      rmSync(dir, { recursive: true, force: true });
      cpSync(full, dir, { recursive: true });
      const worked = await millrace(AGGREGATED, options(dir), env);
      const idle = await millrace(AGGREGATED, options(dir), env);
      if (worked.recordsIn !== records) throw new Error(`${worked.recordsIn} rows of ${records}`);
      rates[i].push((records * 1000) / (worked.cost.cpuMs - idle.cost.cpuMs));
      peaks[i].push(worked.cost.peakMb);
    }
  }
  return KINDS.map(({ name, goal }, i) => ({
    what: `aggregate, ${name}: thousand rows a CPU-second`,
    value: `${spread(
      rates[i].map((rate) => rate / 1000),
      0,
    )}, ${median(peaks[i]).toFixed(0)} MB`,
    goal: goal === null ? '' : `≥ ${goal / 1000}`,
    met: goal === null ? null : median(rates[i]) >= goal,
  }));
}

/** What is left of an aggregate of `dir` tries for data that is not there, and runs batches without any. */
async function withoutData(dir: string): Promise<Cell[]> {
  const file = fileURLToPath(new URL(AGGREGATED, import.meta.url));
  const { plan } = await loadPipeline(file, { env: KINDS[1].env });
  const opened = await openAnalyzer(
    {
      plan: plan as AnalyzedPlan,
      profile: defaultProfile,
      dataDir: dir,
      clock: systemClock,
      signal: new AbortController().signal,
      untilEnd: null,
      onProgress: () => {},
      onBatch: () => {},
      onEvent: () => {},
    },
    null,
  );
  try {
    await opened.batches.recover();
    const timed = async (what: string, work: () => Promise<unknown>): Promise<Cell> => {
      const all: number[] = [];
      const before = process.cpuUsage();
      for (let i = 0; i < ATTEMPTS; i++) {
        const begun = performance.now();
        await work();
        all.push(performance.now() - begun);
      }
      const { user, system } = process.cpuUsage(before);
      const value = `${spread(all, 3)}, CPU ${((user + system) / 1000 / ATTEMPTS).toFixed(3)}`;
      return { what, value, goal: `≤ ${NO_DATA_MS}`, met: median(all) <= NO_DATA_MS };
    };
    const attempts = await timed('a trigger without data, ms', async () => {
      if ((await opened.batches.next({}, null)) !== null) throw new Error('there was data');
    });
    return [attempts, await timed('a batch without data, on the disk, ms', () => opened.batches.empty('no_data'))];
  } finally {
    await opened.close();
  }
}

const model: Model = {
  format: 1,
  type: 'logistic_regression',
  name: 'fraud',
  features: ['amount_usd', 'n_1m', 'avg_1m'],
  schema: '',
  intercept: -ALARMING,
  coefficients: [1, 0, 0],
  scaler: null,
  threshold: 0.5,
  training: { from: 0, to: 1, rows: 1, positives: 1, l2: 1, l1: 0, class_weight: 'none', standardize: true, iterations: 1, converged: true, engine: 'none' },
  metrics: null,
  parent: null,
  boundary: null,
};

async function promote(transport: Transport, dir: string): Promise<void> {
  const hash = modelHash(model);
  await transport.commit({ appenders: [], puts: [[modelKey('bench-alerts', hash), Buffer.from(modelText(model))]] });
  await run('../cli/bin/millrace.js', ['model', 'promote', fileURLToPath(new URL(ALERTS, import.meta.url)), hash, '--data-dir', dir]);
}

const amountOf = (payment: string): number => (JSON.parse(payment) as { amount: number }).amount;

async function eventToAlert(): Promise<Cell[]> {
  const [scored, alerts] = await openLoop({
    pipeline: ALERTS,
    rate: RATE,
    outputs: [
      { topic: 'payments.scored', has: () => true },
      { topic: 'card.alerts', has: (payment) => amountOf(payment) * 1.25 > ALARMING },
    ],
    prepare: promote,
  });
  return [
    {
      what: `event to the record stage's own score at ${RATE} rec/s, p50 / p99 / worst, ms`,
      value: quantiles(scored),
      goal: 'p99 < 20',
      met: percentile(scored, 0.99) < 20,
    },
    {
      what: `event to alert at ${RATE} rec/s, trigger ${TRIGGER} ms, p50 / p99 / worst, ms`,
      value: quantiles(alerts),
      goal: `p50 < ${TRIGGER + 50}`,
      met: percentile(alerts, 0.5) < TRIGGER + 50,
    },
  ];
}

export async function analyze({ records, rounds }: { records: number; rounds: number }): Promise<Cell[]> {
  const root = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  try {
    const [full, dir] = [join(root, 'full'), join(root, 'run')];
    await fill(full, records);
    await millrace(AGGREGATED, ['--profile', PROFILE, '--data-dir', full, '--until', 'end', '--only', 'preprocess']);
    return [...(await aggregates(full, dir, records, rounds)), ...(await withoutData(dir)), ...(await eventToAlert())];
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [records = 600_000, rounds = 3] = process.argv.slice(2).map(Number);
  process.stdout.write(render(await analyze({ records, rounds })));
}
