import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openEmbedded } from '@millrace/transport/embedded/open.ts';
import type { Reader, Transport } from '@millrace/transport/log.ts';
import { start } from './child.ts';
import { PROFILE } from './engine-tax.ts';
import { type Cell, percentile } from './numbers.ts';
import { payment, TOPIC } from './records.ts';

const OUTPUT = 'payments.enriched';
const RATES = [1_000, 10_000];
/** at the rate, before anything counts */
const WARM_SECONDS = 3;
const SECONDS = 8;
const PATIENCE_MS = 20_000;
const NO_KEY = new Uint8Array(0);

/** The payments of one rate: record i is due at `begun + i / rate`, whether or not the machine keeps up. */
class Schedule {
  readonly total: number;
  readonly latencies: number[] = [];
  readonly #rate: number;
  readonly #begun = performance.now() + 100;
  readonly #beganAt = Date.now() + 100;
  made = 0;
  /** behind the last one seen */
  seen = 0;

  constructor(rate: number) {
    this.#rate = rate;
    this.total = rate * (WARM_SECONDS + SECONDS);
  }

  /** appends what is due, durable and readable on return */
  async produce(transport: Transport): Promise<void> {
    const due = Math.min(this.total, Math.floor(((performance.now() - this.#begun) * this.#rate) / 1000) + 1);
    if (due <= this.made) return;
    const out = transport.log.appender(TOPIC);
    const now = Date.now();
    for (; this.made < due; this.made++) {
      const text = payment(this.made, this.#beganAt + Math.floor((this.made * 1000) / this.#rate));
      let pos = out.begin(0, now, NO_KEY, 0, -1);
      while (out.buffer.length - pos < text.length) pos = out.grow();
      out.end(pos + out.buffer.latin1Write(text, pos));
    }
    await out.flush();
  }

  /** takes the time of what has come out */
  observe(reader: Reader): void {
    for (let view = reader.poll(1 << 20); view !== null; view = reader.poll(1 << 20)) {
      const now = performance.now();
      for (let i = 0; i < view.count; i++) {
        const at = view.valueStart[i] + 5;
        // Avro: length, zigzag, of tx_id `t<number>`
        const n = Number(view.buffer.latin1Slice(at + 2, at + 1 + (view.buffer[at] >> 1)));
        this.seen = n + 1;
        if (n >= WARM_SECONDS * this.#rate) this.latencies.push(now - (this.#begun + (n * 1000) / this.#rate));
      }
    }
  }
}

/** number of the last payment that is not filtered out */
function lastOf(total: number): number {
  let n = total - 1;
  while (payment(n, 0).includes('"amount":0,')) n--;
  return n;
}

async function measure(rate: number): Promise<Cell> {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-bench-latency-'));
  // the producer does not wait for the disk: it stands for whoever filled the topic
  const transport = openEmbedded(dir, { sync: false });
  transport.log.ensure(TOPIC, 1);
  transport.log.ensure(OUTPUT, 1);
  const reader = transport.log.reader(OUTPUT, 0, { offset: 0 });
  const engine = start('pipelines/keyed.yaml', ['--profile', PROFILE, '--data-dir', dir]);
  try {
    await sleep(1500);
    const schedule = new Schedule(rate);
    const last = lastOf(schedule.total);
    const until = performance.now() + (WARM_SECONDS + SECONDS) * 1000 + PATIENCE_MS;
    while (schedule.seen <= last) {
      await schedule.produce(transport);
      schedule.observe(reader);
      if (performance.now() > until) throw new Error(`at ${rate} rec/s only ${schedule.seen} of ${schedule.total} records came out in time`);
      await sleep(1);
    }
    const sorted = Float64Array.from(schedule.latencies).sort();
    const value = [0.5, 0.99, 1].map((p) => percentile(sorted, p).toFixed(1)).join(' / ');
    return { what: `keyed: latency at ${rate} rec/s, p50 / p99 / worst, ms`, value: `${value} of ${sorted.length}`, goal: '', met: null };
  } finally {
    await engine.stop();
    await transport.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Open loop: from the moment a record is due to be made to the moment its output can be read, by another process, of the keyed pipeline. */
export async function latency(): Promise<Cell[]> {
  const cells: Cell[] = [];
  for (const rate of RATES) cells.push(await measure(rate));
  return cells;
}
