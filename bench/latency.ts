import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openEmbedded } from '@millrace/transport/embedded/open.ts';
import type { Appender, Log, Reader, Transport } from '@millrace/transport/log.ts';
import { start } from './child.ts';
import { PROFILE } from './engine-tax.ts';
import { type Cell, percentile } from './numbers.ts';
import { payment, TOPIC } from './records.ts';

const OUTPUT = 'payments.enriched';
const RATES = [1_000, 10_000];
/** at the rate, before anything counts, unless told otherwise */
const WARM_SECONDS = 3;
const SECONDS = 8;
const PATIENCE_MS = 20_000;
/** payments before the first that is due */
const PROBES = 100;
const NO_KEY = new Uint8Array(0);

/** A topic whose Avro values begin with the payment's `tx_id`, and which payments come out there. */
interface Observed {
  readonly topic: string;
  readonly has: (payment: string) => boolean;
}

interface OpenLoop {
  readonly pipeline: string;
  readonly rate: number;
  readonly outputs: readonly Observed[];
  readonly warmSeconds?: number;
  /** makes of the empty data directory what the pipeline needs */
  readonly prepare?: (transport: Transport, dir: string) => Promise<void>;
  /** instead of an embedded log: another, and the profile by which the engine finds it */
  readonly place?: { readonly log: Log; readonly profile: string; close(): Promise<void> };
}

/** appends that may be on their way at a time: what is due behind them goes with the next */
const MOST_APPENDS = 4;

/** The payments of one rate: record i is due at `begun + i / rate`, whether or not the machine keeps up. */
class Schedule {
  readonly total: number;
  readonly rate: number;
  /** number of the first that counts */
  readonly first: number;
  readonly #begun = performance.now() + 100;
  readonly #beganAt = Date.now() + 100;
  readonly #out: Appender;
  #made = 0;
  #onTheirWay = 0;
  #failure: { readonly error: unknown } | null = null;

  constructor(rate: number, warmSeconds: number, log: Log) {
    this.rate = rate;
    this.first = rate * warmSeconds;
    this.total = this.first + rate * SECONDS;
    this.#out = log.appender(TOPIC);
  }

  /** when a record is due, on the clock of `performance` */
  due(n: number): number {
    return this.#begun + (n * 1000) / this.rate;
  }

  /** Appends what is due, every millisecond and whether or not what went before is acknowledged. @throws what an append failed with */
  async run(): Promise<void> {
    while (this.#made < this.total || this.#onTheirWay > 0) {
      if (this.#failure !== null) throw this.#failure.error;
      if (this.#onTheirWay < MOST_APPENDS) this.#append();
      await sleep(1);
    }
  }

  #append(): void {
    const due = Math.min(this.total, Math.floor(((performance.now() - this.#begun) * this.rate) / 1000) + 1);
    if (due <= this.#made) return;
    const out = this.#out;
    for (; this.#made < due; this.#made++) append(out, payment(this.#made, this.#beganAt + Math.floor((this.#made * 1000) / this.rate)));
    this.#onTheirWay++;
    out.flush().then(
      () => void this.#onTheirWay--,
      (error: unknown) => {
        this.#failure = { error };
      },
    );
  }
}

/** What has come out on one topic. */
class Observer {
  readonly topic: string;
  readonly latencies: number[] = [];
  readonly #reader: Reader;
  readonly #schedule: Schedule;
  /** number of the last payment that comes out here */
  readonly #last: number;
  #seen = -1;

  constructor(log: Log, { topic, has }: Observed, schedule: Schedule) {
    this.topic = topic;
    this.#reader = log.reader(topic, 0, { offset: 0 });
    this.#schedule = schedule;
    let last = schedule.total - 1;
    while (!has(payment(last, 0))) last--;
    this.#last = last;
  }

  get done(): boolean {
    return this.#seen >= this.#last;
  }

  /** takes the time of what has come out */
  observe(): void {
    for (let view = this.#reader.poll(1 << 20); view !== null; view = this.#reader.poll(1 << 20)) {
      const now = performance.now();
      for (let i = 0; i < view.count; i++) {
        const at = view.valueStart[i] + 5;
        // a heartbeat
        if (view.valueEnd[i] <= at) continue;
        // Avro: length, zigzag, of tx_id `t<number>`
        const n = Number(view.buffer.latin1Slice(at + 2, at + 1 + (view.buffer[at] >> 1)));
        this.#seen = n;
        if (n >= this.#schedule.first) this.latencies.push(now - this.#schedule.due(n));
      }
    }
  }
}

/** Gives the engine something to do, and waits until it has answered: how long it takes to start is no latency. */
async function answers(log: Log, topic: string): Promise<void> {
  const out = log.appender(TOPIC);
  for (let n = 0; n < PROBES; n++) append(out, payment(n, Date.now()));
  await out.flush();
  const reader = log.reader(topic, 0, { offset: 0 });
  const until = performance.now() + PATIENCE_MS;
  while (reader.poll(1) === null) {
    if (performance.now() > until) throw new Error(`nothing came out on ${topic}`);
    await log.wait(10);
  }
  reader.close();
}

function append(out: Appender, text: string): void {
  let pos = out.begin(0, Date.now(), NO_KEY, 0, -1);
  while (out.buffer.length - pos < text.length) pos = out.grow();
  out.end(pos + out.buffer.latin1Write(text, pos));
}

/** Takes the time of what comes out as it arrives, until all has. Where a log does not tell of other processes' appends at once it is looked at every millisecond. */
async function observeAll(log: Log, observers: readonly Observer[], { rate, total }: Schedule): Promise<void> {
  const until = performance.now() + (total / rate) * 1000 + PATIENCE_MS;
  for (;;) {
    const seen = log.version();
    for (const observer of observers) observer.observe();
    if (observers.every(({ done }) => done)) return;
    if (performance.now() > until)
      throw new Error(`at ${rate} rec/s not all came out in time: ${observers.map(({ topic, latencies }) => `${latencies.length} of ${topic}`).join(', ')}`);
    await log.wait(1, seen);
  }
}

/** Latencies in ms, sorted, by output: from the moment a record is due to be made to the moment what came of it can be read, by another process. */
export async function openLoop({ pipeline, rate, outputs, warmSeconds = WARM_SECONDS, prepare, place }: OpenLoop): Promise<Float64Array[]> {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-bench-latency-'));
  // the producer does not wait for the disk: it stands for whoever filled the topic
  const transport = place === undefined ? openEmbedded(dir, { sync: false }) : null;
  const log = (place ?? (transport as Transport)).log;
  for (const topic of [TOPIC, ...outputs.map((output) => output.topic)]) await log.ensure(topic, 1);
  if (transport !== null) await prepare?.(transport, dir);
  const engine = start(pipeline, ['--profile', place?.profile ?? PROFILE, '--data-dir', dir]);
  try {
    await answers(log, (outputs[0] as Observed).topic);
    const schedule = new Schedule(rate, warmSeconds, log);
    const observers = outputs.map((output) => new Observer(log, output, schedule));
    await Promise.all([schedule.run(), observeAll(log, observers, schedule)]);
    return observers.map(({ latencies }) => Float64Array.from(latencies).sort());
  } finally {
    await engine.stop();
    await (place ?? (transport as Transport)).close();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** p50 / p99 / worst, and of how many */
export function quantiles(sorted: Float64Array): string {
  return `${[0.5, 0.99, 1].map((p) => percentile(sorted, p).toFixed(1)).join(' / ')} of ${sorted.length}`;
}

/** Of the keyed pipeline, at each rate. */
export async function latency(): Promise<Cell[]> {
  const cells: Cell[] = [];
  for (const rate of RATES) {
    const [sorted] = await openLoop({ pipeline: 'pipelines/keyed.yaml', rate, outputs: [{ topic: OUTPUT, has: (text) => !text.includes('"amount":0,') }] });
    cells.push({ what: `keyed: latency at ${rate} rec/s, p50 / p99 / worst, ms`, value: quantiles(sorted), goal: '', met: null });
  }
  return cells;
}
