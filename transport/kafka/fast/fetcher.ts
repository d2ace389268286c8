import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientOptions, Feed } from '../client.ts';
import type { Admin } from './admin.ts';
import type { Cluster, Purpose } from './cluster.ts';
import { CODE, refusal, Transient } from './codes.ts';
import { FetchedFeed } from './feed.ts';
import { fetch, type PartitionAnswer } from './fetch-request.ts';
import { type Frame, Frames } from './frames.ts';
import { Patience, waitBefore } from './patience.ts';
import { ask } from './requests.ts';

/** ms that a broker holds a fetch back which finds nothing */
const MAX_WAIT = 50;
const MAX_BYTES = 32 * 1024 * 1024;
/** Two a broker: while one waits for something new, the other serves the feeds that were full when it left. */
const LANES: readonly Purpose[] = ['fetch', 'fetch-more'];

interface Fed {
  readonly feed: FetchedFeed;
  readonly patience: Patience;
  failures: number;
}

/** Fetches for all feeds of a client: one request a broker for all of them that want more, and the next as soon as it is answered. */
export class Fetcher {
  readonly #cluster: Cluster;
  readonly #admin: Admin;
  readonly #options: ClientOptions;
  readonly #fed = new Map<FetchedFeed, Fed>();
  readonly #lanes = new Set<string>();
  readonly #frames = new Frames();
  #due = false;
  #turn = 0;

  constructor(cluster: Cluster, admin: Admin, options: ClientOptions) {
    this.#cluster = cluster;
    this.#admin = admin;
    this.#options = options;
  }

  feed(topic: string, partition: number, offset: number): Feed {
    const feed = new FetchedFeed(topic, partition, offset, this.#options.prefetch, () => this.#hungry());
    const patience = new Patience(this.#options.patience, (error) => this.#end(feed, error));
    this.#fed.set(feed, { feed, patience, failures: 0 });
    this.#hungry();
    return feed;
  }

  #end(feed: FetchedFeed, error: Error): void {
    feed.fail(error);
    if (!feed.closed && !this.#cluster.closed) this.#options.arrived();
  }

  #hungry(): void {
    if (this.#due) return;
    this.#due = true;
    queueMicrotask(() => {
      this.#due = false;
      this.#send();
    });
  }

  /** Asks each broker, if one of its lanes is free, for what the feeds that it leads want. */
  #send(): void {
    if (this.#cluster.closed) return;
    const byNode = new Map<number, Fed[]>();
    const places = new Set<string>();
    for (const fed of this.#fed.values()) {
      const { feed } = fed;
      if (feed.closed) {
        fed.patience.succeeded();
        this.#fed.delete(feed);
      } else if (!feed.busy && feed.wanted > 0) {
        // a request may name a partition once; another feed of the same one comes next time
        const place = `${feed.topic}/${feed.partition}`;
        if (places.has(place)) continue;
        places.add(place);
        const leader = this.#cluster.leaderOf(feed.topic, feed.partition);
        if (leader === undefined) void this.#learn(fed);
        else if (byNode.has(leader)) byNode.get(leader)?.push(fed);
        else byNode.set(leader, [fed]);
      }
    }
    for (const [node, feeds] of byNode) {
      const lane = LANES.find((name) => !this.#lanes.has(`${node}/${name}`));
      if (lane !== undefined) void this.#run(node, lane, feeds);
    }
  }

  async #learn(fed: Fed): Promise<void> {
    const { topic, partition } = fed.feed;
    fed.feed.busy = true;
    try {
      await this.#cluster.locate(topic, partition);
      fed.feed.busy = false;
      this.#hungry();
    } catch (error) {
      this.#failed(fed, error);
    }
  }

  async #run(node: number, lane: Purpose, feeds: Fed[]): Promise<void> {
    const key = `${node}/${lane}`;
    this.#lanes.add(key);
    for (const fed of feeds) {
      fed.feed.busy = true;
      // behind all others now, or those of the same partition would never have their turn
      this.#fed.delete(fed.feed);
      this.#fed.set(fed.feed, fed);
    }
    const turn = this.#turn++ % feeds.length;
    // a broker serves them in this order until it has enough
    const ordered = [...feeds.slice(turn), ...feeds.slice(0, turn)].map(({ feed }) => feed);
    let frame: Frame | null = null;
    const into = (bytes: number): Buffer => {
      frame = this.#frames.take(bytes);
      return frame.buffer;
    };
    try {
      const wire = this.#cluster.established(node, lane) ?? (await this.#cluster.wire(node, lane));
      const jumps = new Map(feeds.map(({ feed }) => [feed, feed.jumps]));
      const answer = await ask(wire, this.#cluster.addressOf(node), fetch(ordered, MAX_WAIT, MAX_BYTES), into);
      if (answer.error !== CODE.none) throw refusal(answer.error, `fetch from ${this.#cluster.addressOf(node)}`);
      this.#distribute(feeds, jumps, answer.partitions, frame);
    } catch (error) {
      for (const fed of feeds) this.#failed(fed, error);
    } finally {
      // those who took something of it hold it
      (frame as Frame | null)?.drop();
      this.#lanes.delete(key);
      this.#hungry();
    }
  }

  #distribute(feeds: readonly Fed[], jumps: ReadonlyMap<FetchedFeed, number>, answers: readonly PartitionAnswer[], frame: Frame | null): void {
    let arrived = false;
    const byPlace = new Map(answers.map((answer) => [`${answer.topic}/${answer.partition}`, answer]));
    for (const fed of feeds) {
      const { feed } = fed;
      feed.busy = false;
      const answer = byPlace.get(`${feed.topic}/${feed.partition}`);
      if (feed.closed || feed.jumps !== jumps.get(feed) || answer === undefined) continue;
      if (answer.error === CODE.none) {
        fed.patience.succeeded();
        fed.failures = 0;
        if (feed.take({ ...answer, frame })) arrived = true;
      } else if (answer.error === CODE.offsetOutOfRange) void this.#locate(fed);
      else this.#failed(fed, refusal(answer.error, `${feed.topic}/${feed.partition}`));
    }
    if (arrived && !this.#cluster.closed) this.#options.arrived();
  }

  /** Moves a feed that stands below the first offset kept to it. */
  async #locate(fed: Fed): Promise<void> {
    const { feed } = fed;
    const { topic, partition } = feed;
    const { jumps } = feed;
    feed.busy = true;
    try {
      const start = (await this.#admin.offsets(topic, 'start'))[partition] as number;
      const end = (await this.#admin.offsets(topic, 'end'))[partition] as number;
      // a broker that has just begun to lead may not know its end yet
      if (feed.next > end) throw new Transient(`${topic}/${partition} ends at offset ${end}, but is read from ${feed.next}`, true, 'log_too_short');
      if (feed.jumps === jumps && feed.next < start) {
        // who reads has to be told with the jump, not with the next answer
        feed.start = start;
        feed.jump(start);
      }
      feed.busy = false;
      this.#hungry();
    } catch (error) {
      this.#failed(fed, error);
    }
  }

  /** Lets a feed rest and tries again, or ends it. */
  #failed(fed: Fed, error: unknown): void {
    const { feed } = fed;
    if (feed.closed || this.#cluster.closed) return;
    if (!(error instanceof Transient)) {
      feed.busy = false;
      this.#end(feed, error as Error);
      return;
    }
    feed.busy = true;
    fed.patience.failed(error);
    void this.#rest(fed, error.moved);
  }

  async #rest(fed: Fed, moved: boolean): Promise<void> {
    await sleep(waitBefore(fed.failures++));
    // what it fails with, the next fetch fails with too
    if (moved && !this.#cluster.closed) await this.#cluster.refresh().catch(() => {});
    fed.feed.busy = false;
    this.#hungry();
  }

  close(): void {
    for (const { feed, patience } of this.#fed.values()) {
      patience.succeeded();
      feed.close();
    }
    this.#fed.clear();
  }
}
