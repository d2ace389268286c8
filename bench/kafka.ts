/** `npm run bench:kafka [-- RECORDS ROUNDS]`: draining a topic and record latency on a real broker of this machine, both clients; prints one table. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@millrace/runtime/clock.ts';
import { partitionOf } from '@millrace/shared-schemas/murmur2.ts';
import { openKafkaLog } from '@millrace/transport/kafka/transport.ts';
import type { Log } from '@millrace/transport/log.ts';
import { type Broker, millrace, startBroker } from './child.ts';
import { openLoop, quantiles } from './latency.ts';
import { type Cell, median, render, spread } from './numbers.ts';
import { payment, TOPIC } from './records.ts';

const [records = 2_000_000, rounds = 3] = process.argv.slice(2).map(Number);
const CLIENTS = ['fast', 'kafkajs'] as const;
const PARTITIONS = 4;
/** event time of record 0, epoch ms, and ms between two records */
const BEGIN = 1_767_607_200_000;
const STEP = 2;
const PER_FLUSH = 4_000;
const LATENCY_RATE = 10_000;
const COMMIT_EVERY = [20, 100];

function profileFile(dir: string, broker: Broker, client: string, commitEvery: number, partitions: number): string {
  const path = join(dir, `${client}-${commitEvery}-${partitions}.yaml`);
  writeFileSync(
    path,
    `transport: { type: kafka, brokers: [${broker.brokers.map((address) => `"${address}"`).join(', ')}], client: ${client}, commit_every: ${commitEvery}ms, topics: { create: true, partitions: ${partitions}, replication: 1 } }\nlog: { level: warn }\n`,
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
    const text = payment(i, BEGIN + i * STEP);
    const end = key.latin1Write(/"card_id":"([^"]*)"/.exec(text)?.[1] ?? '', 0);
    let pos = out.begin(partitionOf(key, 0, end, PARTITIONS), Date.now(), key, 0, end);
    while (out.buffer.length - pos < text.length) pos = out.grow();
    out.end(pos + out.buffer.latin1Write(text, pos));
    if (i % PER_FLUSH === PER_FLUSH - 1) await out.flush();
  }
  await out.flush();
}

/** One run to the end of a filled topic on a broker of its own, and one that finds nothing left, which is taken off. */
async function drain(client: string): Promise<{ cpu: number; rate: number; peakMb: number }> {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-bench-kafka-'));
  const broker = await startBroker();
  try {
    const { log, close } = await logOf(broker);
    await fill(log);
    await close();
    const args = ['--profile', profileFile(dir, broker, client, 100, PARTITIONS), '--data-dir', join(dir, 'data'), '--until', 'end'];
    const worked = await millrace('pipelines/keyed.yaml', args);
    const idle = await millrace('pipelines/keyed.yaml', args);
    if (worked.recordsIn !== records) throw new Error(`${worked.recordsIn} of ${records} records were read`);
    return {
      cpu: (worked.cost.cpuMs - idle.cost.cpuMs) / 1000 / (records / 1e6),
      rate: (records * 1000) / (worked.elapsedMs - idle.elapsedMs),
      peakMb: worked.cost.peakMb,
    };
  } finally {
    await broker.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function latency(client: string, commitEvery: number): Promise<Cell> {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-bench-kafka-'));
  const broker = await startBroker();
  try {
    const { log, close } = await logOf(broker);
    const profile = profileFile(dir, broker, client, commitEvery, 1);
    const outputs = [{ topic: 'payments.enriched', has: (text: string) => !text.includes('"amount":0,') }];
    const [sorted] = await openLoop({ pipeline: 'pipelines/keyed.yaml', rate: LATENCY_RATE, outputs, place: { log, close, profile } });
    return {
      what: `${client}: latency at ${LATENCY_RATE} rec/s, commit_every ${commitEvery}ms, p50 / p99 / worst, ms`,
      value: quantiles(sorted),
      goal: '',
      met: null,
    };
  } finally {
    await broker.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

const cells: Cell[] = [];
const drained = new Map<string, Awaited<ReturnType<typeof drain>>[]>(CLIENTS.map((client) => [client, []]));
for (let round = 0; round < rounds; round++) for (const client of CLIENTS) drained.get(client)?.push(await drain(client));
for (const [client, runs] of drained) {
  const fast = client === 'fast';
  const rate = median(runs.map((run) => run.rate));
  cells.push(
    {
      what: `${client}: drain, CPU-s per million records`,
      value: spread(runs.map(({ cpu }) => cpu)),
      goal: fast ? '≤ 3' : '',
      met: fast ? median(runs.map(({ cpu }) => cpu)) <= 3 : null,
    },
    { what: `${client}: drain, rec/s on one thread`, value: `${Math.round(rate / 1000)}k`, goal: fast ? '≥ 350k' : '', met: fast ? rate >= 350_000 : null },
    { what: `${client}: drain, resident memory at its highest, MB`, value: median(runs.map(({ peakMb }) => peakMb)).toFixed(0), goal: '', met: null },
  );
}
for (const commitEvery of COMMIT_EVERY) for (const client of CLIENTS) cells.push(await latency(client, commitEvery));
console.log(
  `${records} payments of 200 B in ${PARTITIONS} partitions · ${rounds} rounds in turns · median [least … most] · exactly once, visibility transactional`,
);
process.stdout.write(render(cells));
