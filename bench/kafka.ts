/**
 * `npm run bench:kafka [-- RECORDS ROUNDS [ROWS]]`: draining a topic and record latency on a real broker of this machine, by the ways that a profile chooses between; prints one table.
 * ROWS: those whose names hold one of these words, such as `immediate` or `drain:immediate,latency:immediate` (names: `drain:…` and `latency:…`, see DRAINED and TIMED).
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@millrace/runtime/clock.ts';
import { partitionOf } from '@millrace/shared-schemas/murmur2.ts';
import { openKafkaLog } from '@millrace/transport/kafka/transport.ts';
import type { Log } from '@millrace/transport/log.ts';
import { type Broker, millrace, startBroker } from './child.ts';
import { openLoop, quantiles } from './latency.ts';
import { type Cell, median, percentile, render, spread } from './numbers.ts';
import { payment, TOPIC } from './records.ts';

const [recordsWanted = '2000000', roundsWanted = '3', rows = ''] = process.argv.slice(2);
const records = Number(recordsWanted);
const rounds = Number(roundsWanted);

/** What a profile chooses between. */
interface Way {
  readonly client: 'fast' | 'kafkajs';
  readonly visibility: 'immediate' | 'transactional';
  /** ms */
  readonly commitEvery: number;
  readonly threads: number;
  /** `keyed` has a rolling aggregate besides what `windowed` has */
  readonly pipeline: 'windowed' | 'keyed';
}

const way = (client: Way['client'], visibility: Way['visibility'], commitEvery = 100, threads = 1, pipeline: Way['pipeline'] = 'windowed'): Way => ({
  client,
  visibility,
  commitEvery,
  threads,
  pipeline,
});
const nameOf = ({ client, visibility, threads, pipeline }: Way) =>
  `${client}, ${visibility}${threads > 1 ? `, ${threads} threads` : ''}${pipeline === 'keyed' ? ', rolling too' : ''}`;

const IMMEDIATE = way('fast', 'immediate');
const TIMED_GOAL = way('fast', 'immediate', 100, 1, 'keyed');
const TWO_THREADS = way('fast', 'immediate', 100, 2);
const wanted = (ways: Readonly<Record<string, Way>>): Way[] =>
  Object.entries(ways).flatMap(([name, by]) => (rows.split(',').some((word) => name.includes(word)) ? [by] : []));
const DRAINED = wanted({
  'drain:immediate': IMMEDIATE,
  'drain:rolling': way('fast', 'immediate', 100, 1, 'keyed'),
  'drain:transactional': way('fast', 'transactional'),
  'drain:two-threads': TWO_THREADS,
  'drain:kafkajs': way('kafkajs', 'transactional'),
});
const TIMED = wanted({
  'latency:immediate': TIMED_GOAL,
  'latency:transactional-20': way('fast', 'transactional', 20, 1, 'keyed'),
  'latency:transactional-100': way('fast', 'transactional', 100, 1, 'keyed'),
  'latency:kafkajs-20': way('kafkajs', 'transactional', 20, 1, 'keyed'),
  'latency:kafkajs-100': way('kafkajs', 'transactional', 100, 1, 'keyed'),
});
const PARTITIONS = 4;
/** event time of record 0, epoch ms, and ms between two records */
const BEGIN = 1_767_607_200_000;
const STEP = 2;
const PER_FLUSH = 4_000;
const LATENCY_RATE = 10_000;
/** a payment of 220 bytes */
const PAD = 44;
/** the broker too has compiled most of its code by then */
const WARM_SECONDS = 60;

function profileFile(dir: string, broker: Broker, { client, visibility, commitEvery, threads }: Way, partitions: number): string {
  const path = join(dir, 'profile.yaml');
  const brokers = broker.brokers.map((address) => `"${address}"`).join(', ');
  const transport = `type: kafka, brokers: [${brokers}], client: ${client}, visibility: ${visibility}, commit_every: ${commitEvery}ms`;
  writeFileSync(
    path,
    `transport: { ${transport}, topics: { create: true, partitions: ${partitions}, replication: 1 } }\nparallelism: ${threads}\nlog: { level: warn }\n`,
  );
  return path;
}

function logOf(broker: Broker): ReturnType<typeof openKafkaLog> {
  return openKafkaLog({ settings: { brokers: broker.brokers, client: 'fast', tls: null, sasl: null }, clock: systemClock, create: true, replication: 1 });
}

/** Payments by card, in as many partitions as the run has tasks. */
async function fill(log: Log): Promise<void> {
  await log.ensure(TOPIC, PARTITIONS, { format: 'json' });
  const out = log.appender(TOPIC);
  const key = Buffer.alloc(64);
  for (let i = 0; i < records; i++) {
    const text = payment(i, BEGIN + i * STEP, PAD);
    const end = key.latin1Write(/"card_id":"([^"]*)"/.exec(text)?.[1] ?? '', 0);
    let pos = out.begin(partitionOf(key, 0, end, PARTITIONS), Date.now(), key, 0, end);
    while (out.buffer.length - pos < text.length) pos = out.grow();
    out.end(pos + out.buffer.latin1Write(text, pos));
    if (i % PER_FLUSH === PER_FLUSH - 1) await out.flush();
  }
  await out.flush();
}

/** ms for which this machine's cores were at work, and there at all, since it started */
function cores(): { readonly busy: number; readonly all: number } {
  const times = cpus().map(({ times: { user, nice, sys, irq, idle } }) => ({ busy: user + nice + sys + irq, idle }));
  const busy = times.reduce((sum, core) => sum + core.busy, 0);
  return { busy, all: busy + times.reduce((sum, core) => sum + core.idle, 0) };
}

/** One run to the end of a filled topic on a broker of its own, and one that finds nothing left, which is taken off. */
async function drain(by: Way): Promise<{ cpu: number; rate: number; peakMb: number; busy: number }> {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-bench-kafka-'));
  const broker = await startBroker();
  try {
    const { log, close } = await logOf(broker);
    await fill(log);
    await close();
    const args = ['--profile', profileFile(dir, broker, by, PARTITIONS), '--data-dir', join(dir, 'data'), '--until', 'end'];
    const before = cores();
    const worked = await millrace(`pipelines/${by.pipeline}.yaml`, args);
    const after = cores();
    const idle = await millrace(`pipelines/${by.pipeline}.yaml`, args);
    if (worked.recordsIn !== records) throw new Error(`${worked.recordsIn} of ${records} records were read`);
    return {
      cpu: (worked.cost.cpuMs - idle.cost.cpuMs) / 1000 / (records / 1e6),
      rate: (records * 1000) / (worked.elapsedMs - idle.elapsedMs),
      peakMb: worked.cost.peakMb,
      busy: (after.busy - before.busy) / (after.all - before.all),
    };
  } finally {
    await broker.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function latency(by: Way): Promise<Cell> {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-bench-kafka-'));
  const broker = await startBroker();
  try {
    const { log, close } = await logOf(broker);
    const profile = profileFile(dir, broker, by, 1);
    const outputs = [{ topic: 'payments.enriched', has: (text: string) => !text.includes('"amount":0,') }];
    const place = { log, close, profile };
    const [sorted] = await openLoop({ pipeline: `pipelines/${by.pipeline}.yaml`, rate: LATENCY_RATE, warmSeconds: WARM_SECONDS, outputs, place });
    const every = by.visibility === 'immediate' ? '' : `, commit_every ${by.commitEvery}ms`;
    const goal = by === TIMED_GOAL;
    return {
      what: `${nameOf(by)}: latency at ${LATENCY_RATE} rec/s${every}, p50 / p99 / worst, ms`,
      value: quantiles(sorted),
      goal: goal ? 'p50 ≤ 3, p99 ≤ 20' : '',
      met: goal ? percentile(sorted as Float64Array, 0.5) <= 3 && percentile(sorted as Float64Array, 0.99) <= 20 : null,
    };
  } finally {
    await broker.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

const cells: Cell[] = [];
const drained = new Map<Way, Awaited<ReturnType<typeof drain>>[]>(DRAINED.map((by) => [by, []]));
for (let round = 0; round < rounds; round++) for (const by of DRAINED) drained.get(by)?.push(await drain(by));
const rateOf = (by: Way): number => median((drained.get(by) ?? []).map(({ rate }) => rate));
for (const [by, runs] of drained) {
  const goal = by === IMMEDIATE;
  const cpus = runs.map(({ cpu }) => cpu);
  cells.push(
    { what: `${nameOf(by)}: drain, CPU-s per million records`, value: spread(cpus), goal: goal ? '≤ 3' : '', met: goal ? median(cpus) <= 3 : null },
    {
      what: `${nameOf(by)}: drain, rec/s`,
      value: `${Math.round(rateOf(by) / 1000)}k`,
      goal: goal ? '≥ 350k' : '',
      met: goal ? rateOf(by) >= 350_000 : null,
    },
    {
      what: `${nameOf(by)}: drain, resident memory at its highest, MB`,
      value: median(runs.map(({ peakMb }) => peakMb)).toFixed(0),
      goal: '',
      met: null,
    },
  );
}
if (drained.has(IMMEDIATE) && drained.has(TWO_THREADS)) {
  const gain = rateOf(TWO_THREADS) / rateOf(IMMEDIATE);
  const busy = (by: Way): string => `${(100 * median((drained.get(by) ?? []).map((run) => run.busy))).toFixed(0)} %`;
  const what = `one and two threads: how busy this machine's ${cpus().length} cores were, broker and start-up included`;
  cells.push({ what, value: `${busy(IMMEDIATE)}, ${busy(TWO_THREADS)}`, goal: '', met: null });
  cells.push({ what: 'two threads against one', value: gain.toFixed(2), goal: '≥ 1.4', met: gain >= 1.4 });
}
for (const by of TIMED) cells.push(await latency(by));
console.log(`${records} payments of 220 B in ${PARTITIONS} partitions · ${rounds} rounds in turns · median [least … most] · exactly once`);
process.stdout.write(render(cells));
