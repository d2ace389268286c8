import { setTimeout as sleep } from 'node:timers/promises';
import { MillraceError } from '@millrace/runtime/errors.ts';
import type { ClientOptions } from '../client.ts';
import type { FetchedPartition } from './chunk.ts';
import { brokenAt, failure, isFinal, isHalfOpen, typeOf } from './errors.ts';
import { KafkajsFeed } from './feed.ts';
import { anyBroker, type Cluster } from './library.ts';

/** ms that a broker holds a fetch which finds nothing; new feeds wait for it */
const WAIT_MS = 50;
/** bytes of one partition, and of all, in an answer */
const PARTITION_BYTES = 1024 * 1024;
const ANSWER_BYTES = 8 * 1024 * 1024;
const READ_COMMITTED = 1;

interface Answer {
  readonly responses: readonly { readonly topicName: string; readonly partitions: readonly FetchedPartition[] }[];
}

/** Fetches for all feeds: one request at a time to each broker that leads a partition of theirs. */
export class Fetcher {
  readonly #cluster: Cluster;
  readonly #options: ClientOptions;
  readonly #feeds = new Set<KafkajsFeed>();
  /** brokers that are being asked */
  readonly #asking = new Set<number>();
  #finding = false;
  /** the leaders known may be old ones */
  #stale = true;
  #halfOpen = false;
  #closed = false;
  #woken: () => void = () => {};
  #wake = new Promise<void>(() => {});

  constructor(cluster: Cluster, options: ClientOptions) {
    this.#cluster = cluster;
    this.#options = options;
    this.#rearm();
  }

  open(topic: string, partition: number, offset: number): KafkajsFeed {
    const feed = new KafkajsFeed(topic, partition, offset, this.#options.prefetch, (changed) => {
      if (changed.closed) this.#feeds.delete(changed);
      this.#rearm();
    });
    this.#feeds.add(feed);
    void this.#findLeaders();
    return feed;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const feed of [...this.#feeds]) feed.close();
    this.#rearm();
    await Promise.race([this.#cluster.disconnect().catch(() => {}), sleep(2000, undefined, { ref: false })]);
  }

  /** wakes the loops that have nothing to ask */
  #rearm(): void {
    this.#woken();
    this.#wake = new Promise((resolve) => {
      this.#woken = resolve;
    });
  }

  /** Finds the leaders of partitions that have none, and sees to it that they are asked. */
  async #findLeaders(): Promise<void> {
    if (this.#finding) return;
    this.#finding = true;
    try {
      for (let pause = 10; ; pause = Math.min(pause * 2, 200)) {
        const lost = [...this.#feeds].filter((feed) => feed.active && feed.leader === null);
        if (lost.length === 0 || this.#closed) return;
        let failed = false;
        for (const feed of lost) {
          try {
            await this.#findLeader(feed);
          } catch (error) {
            failed = true;
            this.#blame(feed, error);
          }
        }
        if (failed) await sleep(pause);
      }
    } finally {
      this.#finding = false;
      this.#rearm();
    }
  }

  async #findLeader(feed: KafkajsFeed): Promise<void> {
    const cluster = this.#cluster;
    if (this.#halfOpen) await cluster.disconnect();
    this.#halfOpen = false;
    if (!cluster.isConnected()) await cluster.connect();
    if (this.#stale) await cluster.refreshMetadata();
    this.#stale = false;
    // throws for a topic that is not there, before the cluster's view is spoiled by it
    await (await anyBroker(cluster)).metadata([feed.topic]);
    await cluster.addMultipleTargetTopics([feed.topic]);
    const [leader] = Object.keys(cluster.findLeaderForPartitions(feed.topic, [feed.partition]));
    if (leader === undefined || Number(leader) < 0) {
      this.#stale = true;
      throw new MillraceError('unknown_topic', `Partition ${feed.partition} of topic ${feed.topic} is not known to the brokers.`);
    }
    feed.leader = Number(leader);
    if (!this.#asking.has(feed.leader)) void this.#ask(feed.leader);
  }

  /** Asks one broker as long as it leads a partition that someone wants. */
  async #ask(node: number): Promise<void> {
    this.#asking.add(node);
    try {
      while (!this.#closed) {
        const led = [...this.#feeds].filter((feed) => feed.leader === node && feed.active);
        if (led.length === 0) return;
        const hungry = led.filter((feed) => feed.room > 0);
        if (hungry.length === 0) {
          await this.#wake;
          continue;
        }
        const groups = grouped(hungry);
        // only the last may be held by the broker, which answers one request of a connection after the other
        for (const [n, feeds] of groups.entries()) await this.#fetch(node, feeds, n === groups.length - 1 ? WAIT_MS : 0);
      }
    } finally {
      this.#asking.delete(node);
    }
  }

  async #fetch(node: number, feeds: readonly KafkajsFeed[], maxWaitTime: number): Promise<void> {
    const generations = feeds.map((feed) => feed.generation);
    const topics = new Map<string, { partition: number; fetchOffset: string; maxBytes: number }[]>();
    for (const { topic, partition, fetchOffset, room } of feeds) {
      const of = topics.get(topic) ?? [];
      if (of.length === 0) topics.set(topic, of);
      of.push({ partition, fetchOffset: String(fetchOffset), maxBytes: Math.min(PARTITION_BYTES, room) });
    }
    let changed = false;
    try {
      const broker = await this.#cluster.findBroker({ nodeId: String(node) });
      const request = { isolationLevel: READ_COMMITTED, maxWaitTime, minBytes: 1, maxBytes: ANSWER_BYTES };
      const answer = (await broker.fetch({ ...request, topics: [...topics].map(([topic, partitions]) => ({ topic, partitions })) })) as Answer;
      for (const { topicName, partitions } of answer.responses) {
        for (const fetched of partitions) {
          const at = feeds.findIndex((feed) => feed.topic === topicName && feed.partition === fetched.partition);
          const feed = feeds[at];
          if (feed?.active && feed.generation === generations[at] && feed.take(fetched)) changed = true;
        }
      }
    } catch (error) {
      changed = await this.#failed(feeds, error);
    }
    if (changed && !this.#closed) this.#options.arrived();
  }

  /** Sees what a failed fetch means for those it was for. Tells whether a feed has ended. */
  async #failed(feeds: readonly KafkajsFeed[], error: unknown): Promise<boolean> {
    if (typeOf(error) !== '' && feeds.length > 1) {
      for (const feed of feeds) feed.alone = true;
      return false;
    }
    const broken = brokenAt(error);
    if (broken !== null) this.#cluster.removeBroker(broken);
    this.#stale = true;
    let ended = false;
    for (const feed of feeds) {
      if (typeOf(error) === 'OFFSET_OUT_OF_RANGE' && feeds.length === 1) ended = (await this.#outOfRange(feed)) || ended;
      else {
        feed.leader = null;
        ended = this.#blame(feed, error) || ended;
      }
    }
    await sleep(10);
    void this.#findLeaders();
    return ended;
  }

  /** The offset is below what is kept, or behind the end. */
  async #outOfRange(feed: KafkajsFeed): Promise<boolean> {
    const { topic, partition, fetchOffset, generation } = feed;
    try {
      const asked = async (fromBeginning: boolean) => {
        const [found] = await this.#cluster.fetchTopicsOffset([{ topic, partitions: [{ partition }], fromBeginning }]);
        return Number(found.partitions[0].offset);
      };
      const start = await asked(true);
      const end = await asked(false);
      if (feed.generation !== generation) return false;
      if (fetchOffset < start) {
        feed.skipTo(start);
        return true;
      }
      // a broker that has just begun to lead may not know its end yet
      feed.leader = null;
      if (fetchOffset > end)
        return this.#blame(feed, new MillraceError('log_too_short', `${topic}/${partition} ends at offset ${end}, but was read up to ${fetchOffset} before.`));
      return false;
    } catch (error) {
      feed.leader = null;
      return this.#blame(feed, error);
    }
  }

  /** Ends the feed when trying again is no use, or has been for as long as it may. */
  #blame(feed: KafkajsFeed, error: unknown): boolean {
    if (isHalfOpen(error)) this.#halfOpen = true;
    const failed = failure(error, `partition ${feed.partition} of topic ${feed.topic}`);
    if (isFinal(failed)) {
      feed.fail(failed);
      return true;
    }
    feed.patience ??= setTimeout(() => {
      feed.fail(failed);
      if (!this.#closed) this.#options.arrived();
    }, this.#options.patience);
    return false;
  }
}

/** Which feeds can be asked for in one request: one a partition, and those that are to be asked for alone by themselves. */
function grouped(feeds: readonly KafkajsFeed[]): KafkajsFeed[][] {
  const groups: KafkajsFeed[][] = [];
  const together = new Map<string, KafkajsFeed>();
  for (const feed of feeds) {
    const place = `${feed.topic}/${feed.partition}`;
    if (feed.alone || together.has(place)) groups.push([feed]);
    else together.set(place, feed);
  }
  if (together.size > 0) groups.push([...together.values()]);
  return groups;
}
