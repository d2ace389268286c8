import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach } from 'vitest';
import { BatchBuilder } from '../recordbatch.ts';
import type { ClientOptions, Feed, KafkaClient, NewTopic, Producer } from './client.ts';

/** A broker that the suite may harm. */
export interface Grounds {
  readonly brokers: readonly string[];
  kill(): Promise<void>;
  start(): Promise<void>;
  pause(): void;
  resume(): void;
}

export type Open = (options: ClientOptions) => Promise<KafkaClient>;

export interface Given {
  readonly key?: string | null;
  readonly value: string | Buffer | null;
  readonly headers?: Buffer;
  readonly timestamp?: number;
}

export interface Got {
  readonly offset: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: string | null;
  readonly timestamp: number;
}

/** Times of records are near the clock: a broker forgets a writer whose last records are older than a day, and then takes a batch twice. */
export const TIME = Date.now();

/** A batch of these records. */
export function batch(records: readonly Given[]): BatchBuilder {
  const builder = new BatchBuilder();
  for (const { key = null, value, headers, timestamp = TIME } of records) {
    const keyBytes = Buffer.from(key ?? '');
    let pos = builder.begin(timestamp, keyBytes, 0, key === null ? -1 : keyBytes.length);
    if (value === null) {
      builder.end(-1, headers);
      continue;
    }
    const bytes = Buffer.from(value);
    while (builder.buffer.length - pos < bytes.length) pos = builder.grow();
    builder.end(pos + bytes.copy(builder.buffer, pos), headers);
  }
  return builder;
}

export const values = (...texts: readonly string[]): BatchBuilder => batch(texts.map((value) => ({ value })));

/** Takes all that a feed has now. */
export function take(feed: Feed, got: Got[], maxBytes = 1 << 20, maxRecords?: number): number {
  let bytes = 0;
  for (let view = feed.poll(maxBytes, maxRecords); view !== null; view = feed.poll(maxBytes, maxRecords)) {
    const span = (start: number, end: number, encoding: 'utf8' | 'hex') => (end < 0 ? null : (view?.buffer.toString(encoding, start, end) ?? null));
    for (let at = 0; at < view.count; at++) {
      bytes += Math.max(0, (view.valueEnd[at] as number) - (view.valueStart[at] as number));
      got.push({
        offset: view.offsets[at] as number,
        timestamp: view.timestamps[at] as number,
        key: span(view.keyStart[at] as number, view.keyEnd[at] as number, 'utf8'),
        value: span(view.valueStart[at] as number, view.valueEnd[at] as number, 'utf8'),
        headers: span(view.headersStart[at] as number, view.headersEnd[at] as number, 'hex'),
      });
    }
    view.release();
  }
  return bytes;
}

export async function until(what: string, done: () => boolean, ms = 30_000): Promise<void> {
  for (let waited = 0; !done(); waited += 5) {
    if (waited > ms) throw new Error(`not within ${ms} ms: ${what}`);
    await sleep(5);
  }
}

/** All records from an offset to the end of what is decided. */
export async function readAll(client: KafkaClient, topic: string, partition = 0, from = 0): Promise<Got[]> {
  const end = (await client.offsets(topic, 'stable'))[partition] as number;
  const feed = client.feed(topic, partition, from);
  const got: Got[] = [];
  try {
    await until(`${topic}/${partition} read to ${end}, but stands at ${feed.position}`, () => {
      take(feed, got);
      return feed.position >= end;
    });
  } finally {
    feed.close();
  }
  return got;
}

/** Appends numbered records to all partitions, some appends at a time, while `harm` is done; gives what each partition must hold. */
export async function appendThrough(
  client: { readonly producer: Producer },
  topic: string,
  partitions: number,
  appends: number,
  harm: (at: number) => void,
): Promise<string[][]> {
  const under: Promise<unknown>[] = [];
  const all = [...Array(partitions).keys()];
  const expected: string[][] = all.map(() => []);
  for (let at = 0; at < appends; at++) {
    const rows = all.map((partition) => [...Array(20).keys()].map((row) => `${partition}:${at}:${row}`));
    for (const [partition, mine] of rows.entries()) expected[partition]?.push(...mine);
    const sent = client.producer.append(rows.map((mine, partition) => ({ topic, partition, batches: [values(...mine)] })));
    // it is awaited later; until then its failure is no one's fault
    sent.catch(() => {});
    under.push(sent);
    harm(at);
    if (under.length === 20) await under.shift();
    await sleep(2);
  }
  await Promise.all(under);
  return expected;
}

let names = 0;

/** What each case needs: clients that are closed behind it, and topics of its own. */
export class Bench {
  readonly #open: Open;
  readonly #grounds: () => Grounds;
  #clients: KafkaClient[] = [];
  arrivals = 0;

  constructor(open: Open, grounds: () => Grounds) {
    this.#open = open;
    this.#grounds = grounds;
    afterEach(async () => {
      const clients = this.#clients;
      this.#clients = [];
      for (const client of clients) await client.close();
    });
  }

  async client(options: Partial<ClientOptions> = {}): Promise<KafkaClient> {
    const client = await this.#open({
      brokers: this.#grounds().brokers,
      client: 'fast',
      tls: null,
      sasl: null,
      clientId: 'suite',
      patience: 40_000,
      prefetch: 1 << 20,
      arrived: () => {
        this.arrivals++;
      },
      ...options,
    });
    this.#clients.push(client);
    return client;
  }

  async topic(client: KafkaClient, topic: Partial<NewTopic> = {}): Promise<string> {
    const name = `suite-${process.pid}-${++names}`;
    await client.create([{ name, partitions: 1, replication: 1, config: {}, ...topic }]);
    return name;
  }
}
