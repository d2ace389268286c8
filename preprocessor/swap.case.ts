import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadPipeline } from '@millrace/pipeline/load.ts';
import type { Plan } from '@millrace/pipeline/plan.ts';
import { defaultProfile } from '@millrace/pipeline/profile.ts';
import { type Clock, systemClock } from '@millrace/runtime/clock.ts';
import { HeaderReader } from '@millrace/shared-schemas/header.ts';
import { type Model, modelHash, modelText } from '@millrace/shared-schemas/model.ts';
import { type ModelDecision, modelKey, modelsTopic } from '@millrace/shared-schemas/model-decision.ts';
import type { Reader } from '@millrace/transport/log.ts';
import { type MemoryTransport, openMemory } from '@millrace/transport/memory.ts';
import { run } from './run.ts';
import type { RunOptions, RunProgress } from './run-options.ts';

/** Test support: a record stage that scores, over memory, and a stand-in for the analyzer that decides at boundaries. */
export const MINUTE = 60_000;
/** not itself a boundary */
export const START = 1_700_000_000_000;

export interface Payment {
  readonly id: string;
  readonly amount: number;
  readonly at: number;
}

/** what came out of the bridge */
export interface Scored {
  readonly id: string;
  readonly p: number | null;
  readonly flagged: boolean;
}

export function pipeline({ swap = 'at_event_time', train = 'train: { from: enriched, window: 1m, every: 1m }', features = '[amount]' } = {}): string {
  return `
version: 1
name: shop
schemas:
  payment: { type: record, name: P, fields: [{ name: id, type: string }, { name: amount, type: double }, { name: at, type: long }] }
  scored: { type: record, name: S, fields: [{ name: id, type: string }, { name: amount, type: double }, { name: at, type: long }, { name: p, type: ["null", double] }, { name: flagged, type: boolean }] }
preprocess:
  sources:
    - { id: payments, type: topic, topic: payments, format: json, schema: payment, event_time: { field: at, out_of_order: 5s } }
  steps:
    - { id: live, type: score, model: fraud, as: p, alarm: flagged }
  outputs:
    - { id: bridge, topic: enriched, schema: scored, format: json, key: id }
analyze:
  sources: [{ id: enriched, output: bridge }]
  sinks: [{ id: screen, type: console }]
models:
  fraud:
    type: logistic_regression
    features: ${features}
    swap: ${swap}
${train === '' ? '' : `    label: { field: flagged }\n    ${train}\n`}`;
}

/** A model that scores every payment the same: `odds` are its log-odds. */
export function constant(odds: number, more: Partial<Model> = {}): Model {
  return {
    format: 1,
    type: 'logistic_regression',
    name: 'fraud',
    features: ['amount'],
    schema: '',
    intercept: odds,
    coefficients: [0],
    scaler: null,
    threshold: 0.9,
    training: {
      from: 0,
      to: 1,
      rows: 1,
      positives: 1,
      l2: 1,
      l1: 0,
      class_weight: 'none',
      standardize: false,
      iterations: 1,
      converged: true,
      engine: 'test',
    },
    metrics: null,
    parent: null,
    boundary: null,
    ...more,
  };
}

export const probability = (odds: number): number => 1 / (1 + Math.exp(-odds));

export class Shop {
  readonly transport: MemoryTransport = openMemory();
  readonly events: { code: string; message: string }[] = [];
  readonly dir = mkdtempSync(join(tmpdir(), 'millrace-swap-'));
  plan!: Plan;

  async load(yaml: string): Promise<this> {
    mkdirSync(this.dir, { recursive: true });
    writeFileSync(join(this.dir, 'p.yaml'), yaml);
    const { plan, findings } = await loadPipeline(join(this.dir, 'p.yaml'), { env: {} });
    if (plan === null) throw new Error(JSON.stringify(findings));
    this.plan = plan;
    return this;
  }

  /** one partition a list */
  pay(partitions: readonly (readonly Payment[])[]): void {
    // done on return, in memory
    void this.transport.log.ensure('payments', partitions.length);
    for (const [p, payments] of partitions.entries()) for (const payment of payments) this.append('payments', p, JSON.stringify(payment));
  }

  append(topic: string, partition: number, text: string): void {
    const out = this.transport.log.appender(topic);
    const value = Buffer.from(text);
    const pos = out.begin(partition, START, value, 0, -1);
    out.buffer.set(value, pos);
    out.end(pos + value.length);
    this.transport.commit({ appenders: [out], puts: [] });
  }

  store(model: Model, hash = modelHash(model), text = modelText(model)): string {
    this.transport.commit({ appenders: [], puts: [[modelKey('shop', hash), Buffer.from(text)]] });
    return hash;
  }

  decide(boundary: number | null, promoted: string | null): void {
    void this.transport.log.ensure(modelsTopic('shop'), 1);
    const decision: ModelDecision = { model: 'fraud', boundary, trained: promoted, promoted, reason: 'test' };
    this.append(modelsTopic('shop'), 0, JSON.stringify(decision));
  }

  run(options: Partial<RunOptions> & { every?: number } = {}): Promise<RunProgress> {
    const clock: Clock = options.clock ?? systemClock;
    return run({
      plan: this.plan,
      profile: { ...defaultProfile, transport: { type: 'memory', partitions: 2, kafka: null }, checkpoint: { path: null, every: options.every ?? 5 } },
      dataDir: join(this.dir, 'data'),
      untilEnd: true,
      signal: new AbortController().signal,
      onProgress: () => {},
      onEvent: ({ code, message }) => void this.events.push({ code, message }),
      transport: this.transport,
      maxRecords: 100,
      ...options,
      clock,
    });
  }

  /** what the bridge holds, by id */
  scored(): Scored[] {
    const found: Scored[] = [];
    for (let p = 0; p < (this.transport.log.topic('enriched')?.partitions ?? 0); p++) {
      const reader = this.transport.log.reader('enriched', p, { offset: 0 });
      for (let view = reader.poll(1 << 20); view; view = reader.poll(1 << 20)) {
        for (let i = 0; i < view.count; i++) {
          if ((view.valueEnd[i] as number) < 0) continue;
          const { id, p, flagged } = JSON.parse(view.buffer.toString('utf8', view.valueStart[i], view.valueEnd[i])) as Scored;
          found.push({ id, p, flagged });
        }
      }
    }
    return found.sort((a, b) => (a.id < b.id ? -1 : 1));
  }
}

/** Decides at each boundary that the bridge has reached, as the analyzer does: model n, of log-odds n, is promoted at boundary n. */
export class Decider {
  readonly #shop: Shop;
  readonly #header = new HeaderReader();
  readonly #readers: Reader[] = [];
  readonly #heard = new Map<string, { watermark: number; idle: boolean }>();
  #decided = Number.NEGATIVE_INFINITY;
  #over = false;

  constructor(shop: Shop) {
    this.#shop = shop;
  }

  /** until `stop` */
  async work(): Promise<void> {
    while (!this.#over) {
      this.look();
      await sleep(3);
    }
  }

  stop(): void {
    this.#over = true;
  }

  look(): void {
    const complete = this.#completeness();
    if (!Number.isFinite(complete)) return;
    const last = Math.floor((complete + 1) / MINUTE);
    const from = Number.isFinite(this.#decided) ? this.#decided + 1 : last;
    for (let n = from; n <= last; n++) this.#shop.decide(n * MINUTE, this.#shop.store(constant(oddsAt(n), { boundary: n * MINUTE })));
    this.#decided = last;
  }

  #completeness(): number {
    const { log } = this.#shop.transport;
    const info = log.topic('enriched');
    const writers = JSON.parse(info?.meta['writers'] ?? '[]') as number[];
    for (let p = this.#readers.length; p < (info?.partitions ?? 0); p++) this.#readers.push(log.reader('enriched', p, { offset: 0 }));
    let least = Number.POSITIVE_INFINITY;
    for (const [p, reader] of this.#readers.entries()) {
      for (let view = reader.poll(1 << 20); view; view = reader.poll(1 << 20)) {
        for (let i = 0; i < view.count; i++) {
          const header = this.#header;
          if (!header.read(view.buffer, view.headersStart[i] as number, view.headersEnd[i] as number)) continue;
          const idle = header.heartbeat && header.kind === 'idle';
          this.#heard.set(`${p} ${header.writer}`, { watermark: header.watermark, idle });
        }
      }
      for (const writer of writers) {
        const { watermark, idle } = this.#heard.get(`${p} ${writer}`) ?? { watermark: Number.NEGATIVE_INFINITY, idle: false };
        if (!idle) least = Math.min(least, watermark);
      }
    }
    return least;
  }
}

/** small numbers, another for each boundary */
function oddsAt(n: number): number {
  return n - Math.floor(START / MINUTE) - 3;
}

/** What at_event_time comes to: each payment by the model of the last boundary that its partition's watermark had reached before it. */
export function expected(partitions: readonly (readonly Payment[])[], limit = Number.POSITIVE_INFINITY): Scored[] {
  const all = partitions.flatMap((payments) => {
    let watermark = Number.NEGATIVE_INFINITY;
    let born = Number.NaN;
    return payments.map(({ id, at }) => {
      const boundary = Math.min(limit, Math.floor((watermark + 1) / MINUTE));
      const p = boundary > Math.floor((born + 1) / MINUTE) ? probability(oddsAt(boundary)) : null;
      watermark = Math.max(watermark, at - 5001);
      if (Number.isNaN(born)) born = watermark;
      return { id, p, flagged: p !== null && p >= 0.9 };
    });
  });
  return all.sort((a, b) => (a.id < b.id ? -1 : 1));
}
