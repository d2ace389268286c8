import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FencedProducer, KafkaClient, Place } from '@millrace/transport/kafka/client.ts';
import { readAll, values } from '@millrace/transport/kafka/client-grounds.case.ts';
import { Cluster } from '@millrace/transport/kafka/fast/cluster.ts';
import { Sender } from '@millrace/transport/kafka/fast/sender.ts';
import type { OldOwner, OldOwnerReport } from './old-owner.ts';

export const count = (partitions: number) => [...Array(partitions).keys()];
export const placesOf = (topic: string, partitions: number): Place[] => count(partitions).map((partition) => ({ topic, partition }));
/** by the client itself */
export const fence = (client: KafkaClient, id: string, places: readonly Place[]) => client.fenced?.(id, places) as Promise<FencedProducer>;
/** all values of a partition */
export const texts = async (client: KafkaClient, topic: string, partition: number) => (await readAll(client, topic, partition)).map(({ value }) => value);

/** What lies below the client, for what the client does not let anybody do. */
export async function below(brokers: readonly string[]): Promise<{ cluster: Cluster; patience: number }> {
  const patience = 60_000;
  const cluster = new Cluster({ brokers, client: 'fast', tls: null, sasl: null, clientId: 'below', patience, prefetch: 1, arrived() {} });
  await cluster.open();
  return { cluster, patience };
}

/** Tries to append as an owner that may be gone; resolves with what it ends with. */
export async function tryAs(
  access: { cluster: Cluster; patience: number },
  { producerId, epoch }: FencedProducer,
  topic: string,
  partition: number,
): Promise<string> {
  const sender = new Sender({ ...access, transactionalId: null, identify: async () => ({ id: producerId, epoch, transactional: false }) });
  return sender.append([{ topic, partition, batches: [values('never')] }]).then(
    () => 'appended',
    (error) => error.code,
  );
}

/** Drives `old-owner.ts`. */
class Rival {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(settings: OldOwner) {
    this.#process = spawn(process.execPath, [new URL('./old-owner.ts', import.meta.url).pathname, JSON.stringify(settings)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#lines = createInterface({ input: this.#process.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  }

  async #say(word: string): Promise<unknown> {
    this.#process.stdin?.write(`${word}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('the old owner has ended');
    return JSON.parse(value);
  }

  /** it has fenced everybody and begins to append */
  async go(): Promise<{ producerId: number; epoch: number }> {
    return (await this.#say('go')) as { producerId: number; epoch: number };
  }

  async stop(): Promise<OldOwnerReport> {
    return (await this.#say('stop')) as OldOwnerReport;
  }

  end(): void {
    this.#process.kill('SIGKILL');
  }
}

export interface Struggle {
  readonly client: KafkaClient;
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly id: string;
  readonly partitions: number;
  readonly spared?: readonly number[];
  readonly rounds: number;
  /** how the new owner takes over; null: not by the client's own way, and it appends nothing */
  readonly takeOver: (places: readonly Place[], round: number) => Promise<FencedProducer | null>;
}

export interface Outcome {
  /** rounds after which records of the old owner stood behind the ends that the new one was told */
  readonly breached: number;
  /** records of the old owner in all */
  readonly old: number;
  /** of the new one */
  readonly fresh: number;
  /** rounds and partitions in which the old one was never told INVALID_PRODUCER_EPOCH */
  readonly untold: number;
  /** what else it was told, by Kafka's error code */
  readonly codes: readonly string[];
}

/** An old owner appends as fast as it can; a new one takes over, asks for the ends, and appends; again and again. */
export async function struggle({ client, brokers, topic, id, partitions, spared = [], rounds, takeOver }: Struggle): Promise<Outcome> {
  const all = [...Array(partitions).keys()];
  const places = all.map((partition) => ({ topic, partition }));
  const endsOf = new Map<string, readonly number[]>();
  const breached = new Set<string>();
  const codes = new Set<string>();
  let untold = 0;
  const rival = new Rival({ brokers, topic, id, partitions, spared });
  try {
    for (let round = 0; round < rounds; round++) {
      const { producerId, epoch } = await rival.go();
      if (producerId < 0) throw new Error('no producer id');
      await sleep(20);
      const owner = await takeOver(places, round);
      const ends = await client.offsets(topic, 'end');
      endsOf.set(`old ${epoch}`, ends);
      await owner?.append(all.map((partition) => ({ topic, partition, batches: [values(`new ${round}`)] })));
      await sleep(40);
      const { refused } = await rival.stop();
      for (const counts of refused) {
        if (!('47' in counts)) untold++;
        for (const code of Object.keys(counts)) codes.add(code);
      }
    }
  } finally {
    rival.end();
  }
  let old = 0;
  let fresh = 0;
  for (const partition of all) {
    for (const { value, offset } of await readAll(client, topic, partition)) {
      const ends = endsOf.get(value ?? '');
      if (ends === undefined) {
        fresh++;
        continue;
      }
      old++;
      if (offset >= (ends[partition] as number)) breached.add(value as string);
    }
  }
  return { breached: breached.size, old, fresh, untold, codes: [...codes].sort() };
}
