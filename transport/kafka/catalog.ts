import type { BatchView } from '../log.ts';
import { BatchBuilder } from '../recordbatch.ts';
import type { Arrivals } from './arrivals.ts';
import type { Feed, KafkaClient } from './client.ts';
import { drainTo, takeReady } from './drain.ts';

export type Meta = Readonly<Record<string, string>>;

/** The one topic of a cluster in which millrace keeps what Kafka's topics have no room for: topic name → its facts as JSON. */
export const CATALOG = '_millrace.catalog';
export const CATALOG_CONFIG: Meta = { 'cleanup.policy': 'compact' };

/** The facts of all topics, as far as the catalog has been read. */
export class Catalog {
  readonly #client: KafkaClient;
  readonly #arrivals: Arrivals;
  readonly #patience: number;
  #feed: Feed | null = null;
  readonly #metas = new Map<string, Meta>();

  constructor(client: KafkaClient, arrivals: Arrivals, patience: number) {
    this.#client = client;
    this.#arrivals = arrivals;
    this.#patience = patience;
  }

  /** Begins to read the catalog; until then, and on a cluster that has none, it is empty. */
  begin(): void {
    this.#feed ??= this.#client.feed(CATALOG, 0, 0);
  }

  meta(topic: string): Meta {
    return this.#metas.get(topic) ?? {};
  }

  /** Takes in what has come by itself. */
  look(): void {
    if (this.#feed !== null) takeReady(this.#feed, (view) => this.#take(view));
  }

  #take(view: BatchView): void {
    for (let n = 0; n < view.count; n++) {
      const topic = view.buffer.toString('utf8', view.keyStart[n], view.keyEnd[n]);
      if ((view.valueEnd[n] as number) < 0) this.#metas.delete(topic);
      else this.#metas.set(topic, JSON.parse(view.buffer.toString('utf8', view.valueStart[n], view.valueEnd[n])) as Meta);
    }
  }

  /** Reads to where the catalog ends now. */
  async catchUp(): Promise<void> {
    if (this.#feed === null) return;
    const [end] = await this.#client.offsets(CATALOG, 'end');
    await drainTo(this.#feed, end ?? 0, this.#arrivals, this.#patience, `The topic ${CATALOG}`, (view) => this.#take(view));
  }

  /** Merges facts into what is kept, and writes them unless they stand there already. `make` makes the catalog's topic where there is none. */
  async merge(topic: string, meta: Meta, timestamp: number, make: () => Promise<unknown>): Promise<void> {
    const stands = () => this.#metas.has(topic) && Object.entries(meta).every(([key, value]) => this.meta(topic)[key] === value);
    if (stands()) return;
    if (this.#feed === null) await make();
    this.begin();
    await this.catchUp();
    if (stands()) return;
    const merged = { ...this.meta(topic), ...meta };
    const batch = new BatchBuilder();
    const key = Buffer.from(topic);
    const value = Buffer.from(JSON.stringify(merged));
    let pos = batch.begin(timestamp, key, 0, key.length);
    while (batch.buffer.length - pos < value.length) pos = batch.grow();
    value.copy(batch.buffer, pos);
    batch.end(pos + value.length);
    await this.#client.producer.append([{ topic: CATALOG, partition: 0, batches: [batch] }]);
    this.#metas.set(topic, merged);
  }

  close(): void {
    this.#feed?.close();
  }
}
