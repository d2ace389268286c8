/**
 * A process that owns an id of `KafkaClient.fenced` and does not let go of it: at each `go` on stdin it fences and then appends as fast as brokers answer,
 * whatever they say, until `stop`, and then until it has been refused in every partition, for a while. It tells of both on stdout, a line each.
 */
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientOptions } from '@millrace/transport/kafka/client.ts';
import { values } from '@millrace/transport/kafka/client-grounds.case.ts';
import { stamp } from '@millrace/transport/kafka/fast/batchhead.ts';
import { Cluster, type Purpose } from '@millrace/transport/kafka/fast/cluster.ts';
import { fence } from '@millrace/transport/kafka/fast/fenced.ts';
import { produce } from '@millrace/transport/kafka/fast/produce-request.ts';
import { ask } from '@millrace/transport/kafka/fast/requests.ts';

export interface OldOwner {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly id: string;
  readonly partitions: number;
  /** partitions that it leaves alone until it is refused anywhere */
  readonly spared: readonly number[];
}

/** What became of its appends in each partition. */
export interface OldOwnerReport {
  /** one behind the last record acknowledged; −1: none was */
  readonly ends: number[];
  /** how often each of Kafka's error codes was the answer */
  readonly refused: Record<string, number>[];
}

const PURPOSES: readonly Purpose[] = ['control', 'produce', 'fetch', 'fetch-more'];
const { brokers, topic, id, partitions, spared } = JSON.parse(process.argv[2] ?? '') as OldOwner;
const options: ClientOptions = { brokers, client: 'fast', tls: null, sasl: null, clientId: 'old', patience: 60_000, prefetch: 1, arrived() {} };
const cluster = new Cluster(options);
await cluster.open();
let stopped = true;
/** ms after `stop` in which it still tries where it was not told yet that it is fenced */
const TOLD_WITHIN = 3_000;

/** Batch after batch to one partition; on a connection that others use as well, so that brokers take several at a time. */
async function appending(
  partition: number,
  owner: { id: number; epoch: number },
  held: Promise<void>,
  refused: () => void,
  report: OldOwnerReport,
): Promise<void> {
  if (spared.includes(partition)) await held;
  for (let sequence = 0; !stopped; ) {
    const bytes = Buffer.from(values(`old ${owner.epoch}`).finish(0));
    stamp(bytes, { ...owner, transactional: false }, sequence);
    try {
      const leader = cluster.leaderOf(topic, partition);
      if (leader === undefined) throw new Error('nobody leads it');
      const wire = await cluster.wire(leader, PURPOSES[partition % PURPOSES.length] as Purpose);
      const [answer] = await ask(wire, '', produce(null, 8_000, [{ topic, partition, bytes }]));
      if (answer === undefined) continue;
      const { error, offset } = answer;
      if (error === 0) {
        sequence++;
        report.ends[partition] = offset + 1;
        continue;
      }
      const counts = report.refused[partition] as Record<string, number>;
      counts[error] = (counts[error] ?? 0) + 1;
      if (error === 47) refused();
      else await again();
    } catch {
      await again();
    }
  }
}

async function again(): Promise<void> {
  await sleep(20);
  await cluster.learn(topic, true).catch(() => {});
}

let running: Promise<OldOwnerReport> | undefined;
let report: OldOwnerReport | undefined;

async function run(): Promise<OldOwnerReport> {
  const all = [...Array(partitions).keys()];
  const places = all.map((partition) => ({ topic, partition }));
  const { producerId, epoch } = await fence({ cluster, patience: 60_000 }, id, places);
  await cluster.learn(topic, true);
  stopped = false;
  report = { ends: all.map(() => -1), refused: all.map(() => ({})) };
  const mine = report;
  const held = Promise.withResolvers<void>();
  releases = held.resolve;
  process.stdout.write(`${JSON.stringify({ producerId, epoch })}\n`);
  await Promise.all(all.map((partition) => appending(partition, { id: producerId, epoch }, held.promise, held.resolve, mine)));
  return mine;
}
let releases = (): void => {};

for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'go') running = run();
  else {
    releases();
    const told = (): boolean => report?.refused.every((counts) => '47' in counts) ?? true;
    for (let waited = 0; !told() && waited < TOLD_WITHIN; waited += 5) await sleep(5);
    stopped = true;
    process.stdout.write(`${JSON.stringify(await running)}\n`);
  }
}
cluster.close();
