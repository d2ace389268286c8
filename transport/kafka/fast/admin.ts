import { MillraceError } from '@millrace/runtime/errors.ts';
import type { NewTopic } from '../client.ts';
import type { Cluster } from './cluster.ts';
import { CODE, refusal, Transient } from './codes.ts';
import { persist } from './patience.ts';
import { createTopics, deleteRecords, listOffsets, metadata, NO_ID, type PartitionOffset } from './requests.ts';

const TIMEOUT = 5_000;

/** Questions about topics, and changes to them. */
export class Admin {
  readonly #cluster: Cluster;
  readonly #patience: number;

  constructor(cluster: Cluster, patience: number) {
    this.#cluster = cluster;
    this.#patience = patience;
  }

  topics(names: readonly string[] | null): Promise<ReadonlyMap<string, number>> {
    return persist(this.#patience, async () => {
      const { topics } = await this.#cluster.askAny(metadata(names));
      const found = new Map<string, number>();
      for (const { name, error, internal, leaders } of topics) {
        if (internal || error === CODE.unknownTopic) continue;
        if (error !== CODE.none && error !== CODE.leaderNotAvailable) throw refusal(error, `topic ${name}`);
        found.set(name, leaders.length);
      }
      return found;
    });
  }

  /** null: it is not there, or from before brokers gave topics ids */
  identity(topic: string): Promise<string | null> {
    return persist(this.#patience, async () => {
      const [found] = (await this.#cluster.askAny(metadata([topic]))).topics;
      return found === undefined || found.id === NO_ID ? null : found.id;
    });
  }

  async create(topics: readonly NewTopic[]): Promise<void> {
    if (topics.length === 0) return;
    let rest = topics;
    await persist(this.#patience, async () => {
      const again = new Set<string>();
      let failure: Transient | undefined;
      for (const { name, error, said } of await this.#cluster.askController(createTopics(rest, TIMEOUT))) {
        if (error === CODE.none || error === CODE.topicExists) continue;
        const refused = refusal(error, `create topic ${name}`, said);
        if (!(refused instanceof Transient)) throw refused;
        again.add(name);
        failure = refused;
      }
      rest = rest.filter(({ name }) => again.has(name));
      if (failure?.moved) await this.#cluster.refresh();
      if (failure !== undefined) throw failure;
    });
    // the broker that made them tells the others; until then, which is long on busy machines, they are unknown there
    for (const { name } of topics) await persist(this.#patience, (failed) => this.#cluster.leaders(name, failed > 0), this.#patience);
  }

  async offsets(topic: string, which: 'start' | 'end' | 'stable'): Promise<readonly number[]> {
    return persist(this.#patience, async (failed) => {
      const leaders = await this.#cluster.leaders(topic, failed > 0);
      const offsets: number[] = new Array(leaders.length).fill(0);
      const found = await this.#byLeader(leaders, [...leaders.keys()], (node, partitions) =>
        this.#cluster.ask(
          node,
          listOffsets(
            partitions.map((partition) => ({ topic, partition })),
            which,
          ),
        ),
      );
      this.#check(topic, found);
      for (const { partition, offset } of found) offsets[partition] = offset;
      return offsets;
    });
  }

  async deleteRecords(topic: string, before: ReadonlyMap<number, number>): Promise<void> {
    await persist(this.#patience, async (failed) => {
      const leaders = await this.#cluster.leaders(topic, failed > 0);
      for (const partition of before.keys())
        if (leaders[partition] === undefined) throw new MillraceError('unknown_topic', `Topic ${topic} has no partition ${partition}.`);
      const found = await this.#byLeader(leaders, [...before.keys()], (node, partitions) =>
        this.#cluster.ask(
          node,
          deleteRecords(
            topic,
            partitions.map((partition) => [partition, before.get(partition) as number]),
            TIMEOUT,
          ),
        ),
      );
      // what lies below the first offset kept is gone already
      this.#check(
        topic,
        found.filter(({ error }) => error !== CODE.offsetOutOfRange),
      );
      const outside = found.filter(({ error }) => error === CODE.offsetOutOfRange).map(({ partition }) => partition);
      if (outside.length === 0) return;
      const ends = await this.offsets(topic, 'end');
      for (const partition of outside)
        if ((before.get(partition) as number) > (ends[partition] as number)) throw refusal(CODE.offsetOutOfRange, `delete records of ${topic}/${partition}`);
    });
  }

  async #byLeader<T>(leaders: readonly number[], partitions: readonly number[], work: (node: number, partitions: number[]) => Promise<T[]>): Promise<T[]> {
    const grouped = Map.groupBy(partitions, (partition) => leaders[partition] as number);
    return (await Promise.all([...grouped].map(([node, mine]) => work(node, mine)))).flat();
  }

  #check(topic: string, found: readonly PartitionOffset[]): void {
    for (const { partition, error } of found) if (error !== CODE.none) throw refusal(error, `${topic}/${partition}`);
  }
}
