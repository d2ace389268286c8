import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '@millrace/runtime/clock.ts';
import { partitionOf } from '@millrace/shared-schemas/murmur2.ts';
import { openKafkaLog } from '@millrace/transport/kafka/transport.ts';
import type { Log } from '@millrace/transport/log.ts';
import { type Broker, millrace, type Run, startBroker } from './child.ts';
import { payment, TOPIC } from './records.ts';

/** What a profile chooses between. */
export interface Way {
  readonly client: 'fast' | 'kafkajs';
  readonly visibility: 'immediate' | 'transactional';
  /** ms */
  readonly commitEvery: number;
  readonly threads: number;
  /** `keyed` has a rolling aggregate besides what `windowed` has */
  readonly pipeline: 'windowed' | 'keyed';
}

/** One run to the end of a topic, without what a first run takes that finds the topic empty: a second one on the same topic would restore a state, which this one does not. */
export interface Drained {
  /** CPU-seconds of the process per million records */
  readonly cpu: number;
  /** records a second */
  readonly rate: number;
  readonly peakMb: number;
  /** part of the time that this machine's cores were at work, start-up and broker included */
  readonly busy: number;
}

export const PARTITIONS = 4;
const EMPTY = `${TOPIC}.none`;
/** event time of record 0, epoch ms, and ms between two records */
const BEGIN = 1_767_607_200_000;
const STEP = 2;
const PER_FLUSH = 4_000;
/** a payment of 220 bytes */
const PAD = 44;

export function profileFile(dir: string, broker: Broker, { client, visibility, commitEvery, threads }: Way, partitions: number): string {
  const path = join(dir, 'profile.yaml');
  const brokers = broker.brokers.map((address) => `"${address}"`).join(', ');
  const transport = `type: kafka, brokers: [${brokers}], client: ${client}, visibility: ${visibility}, commit_every: ${commitEvery}ms`;
  writeFileSync(
    path,
    `transport: { ${transport}, topics: { create: true, partitions: ${partitions}, replication: 1 } }\nparallelism: ${threads}\nlog: { level: warn }\n`,
  );
  return path;
}

export function logOf(broker: Broker): ReturnType<typeof openKafkaLog> {
  return openKafkaLog({ settings: { brokers: broker.brokers, client: 'fast', tls: null, sasl: null }, clock: systemClock, create: true, replication: 1 });
}

/** Payments by card, in as many partitions as the run has tasks. */
async function fill(log: Log, records: number): Promise<void> {
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

/** A broker with one topic of payments, which any number of runs read to its end: each is a pipeline of its own name, with outputs of its own. */
export class Drains {
  readonly #broker: Broker;
  readonly #records: number;
  readonly #dir = mkdtempSync(join(tmpdir(), 'millrace-bench-kafka-'));
  #runs = 0;

  constructor(broker: Broker, records: number) {
    this.#broker = broker;
    this.#records = records;
  }

  static async open(records: number): Promise<Drains> {
    const broker = await startBroker();
    const { log, close } = await logOf(broker);
    await fill(log, records);
    await log.ensure(EMPTY, PARTITIONS, { format: 'json' });
    await close();
    return new Drains(broker, records);
  }

  /** A first run of the pipeline, under a name that no other has, from a topic to its end. */
  async #first(by: Way, topic: string): Promise<Run> {
    const dir = mkdtempSync(join(this.#dir, 'run-'));
    cpSync(fileURLToPath(new URL('pipelines', import.meta.url)), dir, { recursive: true });
    const path = join(dir, `${by.pipeline}.yaml`);
    const [head = '', outputs = ''] = readFileSync(path, 'utf8').split(/^(?= +outputs:)/m);
    const suffix = this.#runs++;
    const named = head.replace(/^name: .*/m, (line) => `${line}-${suffix}`).replace(`topic: ${TOPIC},`, `topic: ${topic},`);
    writeFileSync(path, named + outputs.replace(/topic: [\w.]+/g, (field) => `${field}.${suffix}`));
    return millrace(path, ['--profile', profileFile(dir, this.#broker, by, PARTITIONS), '--data-dir', join(dir, 'data'), '--until', 'end']);
  }

  async run(by: Way): Promise<Drained> {
    const records = this.#records;
    const before = cores();
    const worked = await this.#first(by, TOPIC);
    const after = cores();
    const idle = await this.#first(by, EMPTY);
    if (worked.recordsIn !== records) throw new Error(`${worked.recordsIn} of ${records} records were read`);
    if (idle.recordsIn !== 0) throw new Error(`${idle.recordsIn} records were read of the empty topic`);
    return {
      cpu: (worked.cost.cpuMs - idle.cost.cpuMs) / 1000 / (records / 1e6),
      rate: (records * 1000) / (worked.elapsedMs - idle.elapsedMs),
      peakMb: worked.cost.peakMb,
      busy: (after.busy - before.busy) / (after.all - before.all),
    };
  }

  async close(): Promise<void> {
    await this.#broker.close();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
