import { MillraceError } from '@millrace/runtime/errors.ts';
import { BatchReader, type BatchStore } from '../batchreader.ts';
import type { Appended, ClientOptions, Feed, KafkaClient, PartitionBatches } from './client.ts';

interface Partition {
  readonly batches: { base: number; count: number; bytes: Buffer }[];
  end: number;
}

/** Brokers in memory, for what no real one can be made to do at the right moment. */
export class FakeBrokers {
  readonly #topics = new Map<string, Partition[]>();
  readonly #arrived = new Set<() => void>();
  /** epoch of each id that fenced */
  readonly #fences = new Map<string, number>();
  /** called at a transaction's end, before anything of it is visible; throwing makes the end fail */
  beforeCommit: () => Promise<void> = async () => {};
  /** called with each append under a fence, before anything of it is visible; throwing makes it fail */
  beforeAppend: (topic: string) => Promise<void> = async () => {};

  #append(records: readonly PartitionBatches[]): Appended[] {
    const appended: Appended[] = [];
    for (const { topic, partition, batches } of records) {
      const of = this.#topics.get(topic)?.[partition];
      if (of === undefined) throw new MillraceError('unknown_topic', topic);
      for (const batch of batches) {
        of.batches.push({ base: of.end, count: batch.count, bytes: Buffer.from(batch.finish(of.end)) });
        of.end += batch.count;
      }
      if (batches.some(({ count }) => count > 0)) appended.push({ topic, partition, end: of.end });
    }
    for (const arrived of this.#arrived) arrived();
    return appended;
  }

  readonly open = async ({ arrived }: ClientOptions): Promise<KafkaClient> => {
    this.#arrived.add(arrived);
    const topics = this.#topics;
    return {
      topics: async (names) => new Map([...topics].filter(([name]) => names === null || names.includes(name)).map(([name, of]) => [name, of.length])),
      async create(wanted) {
        for (const { name, partitions } of wanted)
          if (!topics.has(name))
            topics.set(
              name,
              Array.from({ length: partitions }, () => ({ batches: [], end: 0 })),
            );
      },
      offsets: async (topic, which) => (topics.get(topic) ?? []).map(({ end }) => (which === 'start' ? 0 : end)),
      deleteRecords: async () => {},
      feed: (topic, partition, offset) => feedOf((topics.get(topic) as Partition[])[partition] as Partition, topic, partition, offset),
      producer: { append: async (records) => this.#append(records) },
      transactional: async () => {
        // bytes are taken when they are sent, as builders are used again after the append
        let pending: PartitionBatches[] = [];
        return {
          append: async (records) => void pending.push(...records),
          commit: async () => {
            await this.beforeCommit();
            this.#append(pending);
            pending = [];
          },
          abort: async () => {
            pending = [];
          },
        };
      },
      fenced: async (id, places) => {
        const epoch = (this.#fences.get(id) ?? 0) + 1;
        this.#fences.set(id, epoch);
        // a marker takes an offset
        for (const { topic, partition } of places) (topics.get(topic)?.[partition] as Partition).end++;
        return {
          producerId: 1,
          fencedProducerId: 1,
          epoch,
          append: async (records) => {
            for (const { topic, partition } of records)
              if (!places.some((of) => of.topic === topic && of.partition === partition)) throw new Error(`${topic}/${partition} was not named when fencing`);
            if (this.#fences.get(id) !== epoch) throw new MillraceError('fenced', `Kafka, ${id}: INVALID_PRODUCER_EPOCH.`);
            for (const { topic } of records) await this.beforeAppend(topic);
            return this.#append(records);
          },
        };
      },
      close: async () => void this.#arrived.delete(arrived),
    };
  };
}

function feedOf(of: Partition, topic: string, partition: number, offset: number): Feed {
  const covering = (at: number) => of.batches.findLast(({ base }) => base <= at);
  const store: BatchStore = {
    at: (base) => of.batches.find((batch) => batch.base === base)?.bytes,
    covering: (at) => covering(at)?.bytes,
    start: () => 0,
    end: () => of.end,
  };
  const reader = new BatchReader(topic, partition, store, { offset });
  /** over markers */
  const skip = (): void => {
    const at = reader.position.offset;
    const batch = covering(at);
    if (batch !== undefined && at < batch.base + batch.count) return;
    reader.seek({ offset: of.batches.find(({ base }) => base > at)?.base ?? Math.max(at, of.end) });
  };
  return {
    poll(maxBytes, maxRecords) {
      skip();
      const view = reader.poll(maxBytes, maxRecords);
      skip();
      return view;
    },
    get position() {
      return reader.position.offset;
    },
    get end() {
      return of.end;
    },
    start: 0,
    seek: (to) => reader.seek({ offset: to }),
    close: () => reader.close(),
  };
}
