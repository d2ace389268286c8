import { MillraceError } from '@millrace/runtime/errors.ts';
import { BatchAppender } from '../batchappender.ts';
import type { Log, TopicInfo } from '../log.ts';
import type { Arrivals } from './arrivals.ts';
import { CATALOG, CATALOG_CONFIG, Catalog, type Meta } from './catalog.ts';
import type { KafkaClient } from './client.ts';
import { KafkaReader } from './kafka-reader.ts';

export interface KafkaLogOptions {
  readonly client: KafkaClient;
  readonly arrivals: Arrivals;
  /** epoch ms */
  readonly now: () => number;
  /** whether what is not there is created (profile: transport.topics.create), and with how many replicas */
  readonly create: boolean;
  readonly replication: number;
  /** ms to wait for a broker */
  readonly patience: number;
}

/** how often the brokers are asked for topics that others have made, ms */
const REFRESH_MS = 3000;
/** how long an end waits for transactions that are being decided, ms, and how often it looks */
const UNDECIDED_MS = 1000;
const UNDECIDED_LOOK_MS = 20;
/** how often brokers are asked for a topic that was just made, ms */
const CREATED_LOOK_MS = 50;

/** what makes a topic the ledger of a pipeline: none of those that are listed */
export const LEDGER_META: Meta = { internal: 'true', kind: 'ledger' };

/** what an internal topic is created with: it is cut below the snapshots of its readers, and by nothing else */
const INTERNAL: Meta = { 'cleanup.policy': 'delete', 'retention.ms': '-1', 'retention.bytes': '-1' };

/** The log on Kafka: partitions as the brokers have them, facts as the catalog has them. */
export class KafkaLog implements Log {
  readonly #options: KafkaLogOptions;
  readonly #catalog: Catalog;
  readonly #partitions = new Map<string, number>();
  readonly #ensured = new Set<string>();
  readonly #refreshing: NodeJS.Timeout;
  #closed = false;

  private constructor(options: KafkaLogOptions) {
    this.#options = options;
    this.#catalog = new Catalog(options.client, options.arrivals, options.patience);
    this.#refreshing = setInterval(() => void this.#refresh().catch(() => {}), REFRESH_MS);
    this.#refreshing.unref();
  }

  /** Reads what topics there are. */
  static async open(options: KafkaLogOptions): Promise<KafkaLog> {
    const log = new KafkaLog(options);
    try {
      if ((await options.client.topics([CATALOG])).has(CATALOG)) log.#catalog.begin();
      await log.#catalog.catchUp();
      await log.#refresh();
    } catch (error) {
      log.close();
      throw error;
    }
    return log;
  }

  async ensure(name: string, partitions: number, meta: Meta = {}, config?: Meta): Promise<TopicInfo> {
    const there = await created(this.#options, name, partitions, config ?? (meta.internal === 'true' ? INTERNAL : {}));
    if (there !== partitions) throw new MillraceError('partition_count_changed', `Topic ${name} has ${there} partitions, not ${partitions}.`);
    await this.#catalog.merge(name, meta, this.#options.now(), () => created(this.#options, CATALOG, 1, CATALOG_CONFIG));
    if (this.#partitions.get(name) !== there) this.#options.arrivals.notify();
    this.#partitions.set(name, there);
    this.#ensured.add(name);
    return { name, partitions, meta: this.#catalog.meta(name) };
  }

  topic(name: string): TopicInfo | null {
    const partitions = this.#partitions.get(name);
    return partitions === undefined ? null : { name, partitions, meta: this.#catalog.meta(name) };
  }

  async identity(topic: string): Promise<string | null> {
    return (await this.#options.client.identity?.(topic)) ?? null;
  }

  topics(): TopicInfo[] {
    const infos = [...this.#partitions].map(([name, partitions]) => ({ name, partitions, meta: this.#catalog.meta(name) }));
    const shown = infos.filter(({ name, meta }) => name !== CATALOG && meta.kind !== LEDGER_META.kind);
    return shown.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
  }

  reader(topic: string, partition: number, from: { offset: number }): KafkaReader {
    this.#place(topic, partition);
    return new KafkaReader(this.#options.client, topic, partition, from, this.#options.arrivals);
  }

  appender(topic: string): BatchAppender {
    return new BatchAppender(topic, this.#known(topic), async (appender) => {
      const taken = appender.take();
      if (taken.length === 0) return;
      await this.#options.client.producer.append(taken.map((of) => ({ topic, ...of })));
      for (const { batches } of taken) appender.giveBack(batches);
    });
  }

  async startOffset(topic: string, partition: number): Promise<number> {
    this.#place(topic, partition);
    return (await this.#options.client.offsets(topic, 'start'))[partition] as number;
  }

  /** The end of what is decided; waits a little for transactions that are just being decided. */
  async endOffset(topic: string, partition: number): Promise<number> {
    this.#place(topic, partition);
    const { client } = this.#options;
    const end = (await client.offsets(topic, 'end'))[partition] as number;
    for (let waited = 0; ; waited += UNDECIDED_LOOK_MS) {
      const stable = (await client.offsets(topic, 'stable'))[partition] as number;
      if (stable >= end || waited >= UNDECIDED_MS) return stable;
      await new Promise((resolve) => setTimeout(resolve, UNDECIDED_LOOK_MS));
    }
  }

  ends(topic: string): Promise<readonly number[]> {
    this.#known(topic);
    return this.#options.client.offsets(topic, 'end');
  }

  async truncateBefore(topic: string, partition: number, offset: number): Promise<void> {
    const end = await this.endOffset(topic, partition);
    await this.#options.client.deleteRecords(topic, new Map([[partition, Math.min(offset, end)]]));
  }

  version(): number {
    return this.#options.arrivals.version;
  }

  wait(ms: number, since?: number): Promise<void> {
    return this.#options.arrivals.wait(ms, since);
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#refreshing);
    this.#catalog.close();
  }

  async #refresh(): Promise<void> {
    const all = await this.#options.client.topics(null);
    if (this.#closed) return;
    if (all.has(CATALOG)) this.#catalog.begin();
    this.#catalog.look();
    let changed = false;
    for (const [name, partitions] of all) {
      if (this.#partitions.get(name) === partitions) continue;
      this.#partitions.set(name, partitions);
      changed = true;
    }
    // a topic just made may not be known to every broker
    for (const name of [...this.#partitions.keys()]) if (!all.has(name) && !this.#ensured.has(name)) this.#partitions.delete(name);
    if (changed) this.#options.arrivals.notify();
  }

  #place(topic: string, partition: number): void {
    if (!(partition >= 0 && partition < this.#known(topic))) throw new RangeError(`${topic} has no partition ${partition}`);
  }

  #known(topic: string): number {
    const partitions = this.#partitions.get(topic);
    if (partitions === undefined) throw new MillraceError('unknown_topic', `There is no topic ${topic}.`);
    return partitions;
  }
}

/** Creates a topic that is not there, if it may; gives the partitions that it has. */
async function created(options: KafkaLogOptions, name: string, partitions: number, config: Meta): Promise<number> {
  const { client, create, replication } = options;
  let there = (await client.topics([name])).get(name);
  if (there !== undefined) return there;
  if (!create)
    throw new MillraceError('unknown_topic', `There is no topic ${name} on the brokers, and the profile says transport.topics.create: false.`, {
      hint: `Create it with ${partitions} partitions${Object.entries(config)
        .map(([key, value]) => `, ${key}=${value}`)
        .join('')}, or set transport.topics.create: true.`,
    });
  await client.create([{ name, partitions, replication, config }]);
  // of several brokers some learn of it later
  for (let waited = 0; waited <= options.patience; waited += CREATED_LOOK_MS) {
    there = (await client.topics([name])).get(name);
    if (there !== undefined) return there;
    await new Promise((resolve) => setTimeout(resolve, CREATED_LOOK_MS));
  }
  throw new MillraceError('unknown_topic', `Topic ${name} was created and is not there.`);
}
