import { setTimeout as sleep } from 'node:timers/promises';
import { MillraceError } from '@millrace/runtime/errors.ts';
import type { Appended, PartitionBatches } from '../client.ts';
import type { Identity } from './batchhead.ts';
import type { Cluster, Purpose } from './cluster.ts';
import { CODE, refusal, Transient } from './codes.ts';
import { type Batch, Outbox, type Reach, type Ticket } from './outbox.ts';
import { waitBefore } from './patience.ts';
import { type Acknowledged, produce } from './produce-request.ts';
import { ask } from './requests.ts';
import type { Wire } from './wire.ts';

/** requests under way to one broker; while they are, what comes next gathers */
const IN_FLIGHT = 5;
const REQUEST_BYTES = 8 * 1024 * 1024;
const TIMEOUT = 8_000;

interface Flight {
  readonly outbox: Outbox;
  readonly batch: Batch & { bytes: Buffer };
}

export interface SenderOptions {
  readonly cluster: Cluster;
  readonly patience: number;
  readonly transactionalId: string | null;
  /** a writer's identity, asked for once, and again after one was given up */
  identify(): Promise<Identity>;
  /** a partition's batches failed for good: what else must end with them */
  failed?(error: Error): void;
}

/** Sends batches to the leaders of their partitions: idempotent, acknowledged by all in-sync replicas, in order in each partition. */
export class Sender {
  readonly #options: SenderOptions;
  readonly #outboxes = new Map<string, Outbox>();
  readonly #active = new Set<Outbox>();
  readonly #inFlight = new Map<number, number>();
  readonly #connecting = new Set<number>();
  #identity: Identity | undefined;
  #identifying = false;
  #pending = 0;
  #drained: (() => void)[] = [];

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  get #purpose(): Purpose {
    return this.#options.transactionalId === null ? 'produce' : 'produce-transaction';
  }

  outbox(topic: string, partition: number): Outbox {
    const place = `${topic}/${partition}`;
    let outbox = this.#outboxes.get(place);
    if (outbox === undefined) {
      outbox = new Outbox(topic, partition, this.#options.patience, (error) => this.#fail(outbox as Outbox, error));
      this.#outboxes.set(place, outbox);
    }
    return outbox;
  }

  append(records: readonly PartitionBatches[]): Promise<readonly Appended[]> {
    if (this.#options.cluster.closed) return Promise.reject(new MillraceError('broker_unreachable', 'The connection to Kafka was closed.'));
    return new Promise((resolve, reject) => {
      let left = 0;
      let failure: Error | undefined;
      const reaches: Reach[] = [];
      const ticket: Ticket = {
        ended: (error) => {
          failure ??= error;
          if (--left > 0) return;
          if (failure === undefined) resolve(reaches);
          else reject(failure);
          this.#finished();
        },
      };
      for (const { topic, partition, batches } of records) {
        const outbox = this.outbox(topic, partition);
        const reach = { topic, partition, end: -1 };
        const before = left;
        for (const builder of batches) {
          if (builder.count === 0) continue;
          outbox.add(builder, ticket, reach);
          this.#active.add(outbox);
          left++;
        }
        if (left > before) reaches.push(reach);
      }
      if (left === 0) {
        resolve(reaches);
        return;
      }
      this.#pending++;
      this.pump();
    });
  }

  /** resolves when no append is under way, whatever came of it */
  drained(): Promise<void> {
    return this.#pending === 0 ? Promise.resolve() : new Promise((resolve) => this.#drained.push(resolve));
  }

  #finished(): void {
    this.#pending--;
    if (this.#pending > 0) return;
    const waiting = this.#drained;
    this.#drained = [];
    for (const resolve of waiting) resolve();
  }

  /** Sends what can leave now. */
  pump(): void {
    const { cluster } = this.#options;
    if (cluster.closed || this.#active.size === 0) return;
    if (this.#identity === undefined) {
      void this.#identify();
      return;
    }
    const byNode = new Map<number, Outbox[]>();
    for (const outbox of this.#active) {
      if (!outbox.sendable) continue;
      const leader = cluster.leaderOf(outbox.topic, outbox.partition);
      if (leader === undefined) void this.#learn(outbox);
      else if (byNode.has(leader)) byNode.get(leader)?.push(outbox);
      else byNode.set(leader, [outbox]);
    }
    for (const [node, outboxes] of byNode) {
      const wire = cluster.established(node, this.#purpose);
      if (wire === undefined) void this.#connect(node, outboxes);
      else while (this.#send(node, wire, outboxes));
    }
  }

  async #identify(): Promise<void> {
    if (this.#identifying) return;
    this.#identifying = true;
    try {
      this.#identity = await this.#options.identify();
    } catch (error) {
      for (const outbox of this.#active) this.#fail(outbox, error as Error);
    } finally {
      this.#identifying = false;
      this.pump();
    }
  }

  async #learn(outbox: Outbox): Promise<void> {
    outbox.resting = true;
    try {
      await this.#options.cluster.locate(outbox.topic, outbox.partition);
      outbox.resting = false;
      this.pump();
    } catch (error) {
      this.#troubled(outbox, error);
    }
  }

  async #connect(node: number, outboxes: readonly Outbox[]): Promise<void> {
    if (this.#connecting.has(node)) return;
    this.#connecting.add(node);
    try {
      await this.#options.cluster.wire(node, this.#purpose);
      this.#connecting.delete(node);
      this.pump();
    } catch (error) {
      this.#connecting.delete(node);
      for (const outbox of outboxes) this.#troubled(outbox, error);
    }
  }

  /** One request with the next batch of each partition; whether there was anything to send and room for it. */
  #send(node: number, wire: Wire, outboxes: readonly Outbox[]): boolean {
    const inFlight = this.#inFlight.get(node) ?? 0;
    if (inFlight >= IN_FLIGHT || wire.closed) return false;
    const flights: Flight[] = [];
    let bytes = 0;
    for (const outbox of outboxes) {
      if (!outbox.sendable || bytes >= REQUEST_BYTES) continue;
      const batch = outbox.take(this.#identity as Identity);
      flights.push({ outbox, batch });
      bytes += batch.bytes.length;
    }
    if (flights.length === 0) return false;
    this.#inFlight.set(node, inFlight + 1);
    void this.#fly(node, wire, flights);
    return true;
  }

  async #fly(node: number, wire: Wire, flights: readonly Flight[]): Promise<void> {
    const { cluster, transactionalId } = this.#options;
    const sent = flights.map(({ outbox, batch }) => ({ topic: outbox.topic, partition: outbox.partition, bytes: batch.bytes }));
    let answers: Acknowledged[] = [];
    let failure: unknown;
    try {
      answers = await ask(wire, cluster.addressOf(node), produce(transactionalId, TIMEOUT, sent));
    } catch (error) {
      failure = error;
    }
    this.#inFlight.set(node, (this.#inFlight.get(node) ?? 1) - 1);
    const byPlace = new Map(answers.map((answer) => [`${answer.topic}/${answer.partition}`, answer]));
    for (const { outbox, batch } of flights) {
      // given up meanwhile: what the broker says of it concerns nobody any more
      if (!outbox.awaits(batch)) continue;
      const answer = byPlace.get(outbox.place);
      if (answer !== undefined) this.#answered(outbox, batch, answer);
      else this.#bounced(outbox, batch, failure ?? new Transient(`Kafka, ${outbox.place}: left out of the answer.`, false));
    }
    this.pump();
  }

  #answered(outbox: Outbox, batch: Batch, { error, offset, said }: Acknowledged): void {
    if (error === CODE.none || error === CODE.duplicateSequence) {
      outbox.acknowledged(batch, offset);
      batch.ticket.ended();
      if (outbox.empty) this.#active.delete(outbox);
      else if (outbox.turned) this.#rest(outbox, true);
    } else if (error === CODE.outOfOrderSequence && outbox.isBehindFailed(batch))
      this.#bounced(outbox, batch, new Transient(`Kafka, ${outbox.place}: an earlier batch failed.`, false));
    else this.#bounced(outbox, batch, refusal(error, outbox.place, said));
  }

  #bounced(outbox: Outbox, batch: Batch, failure: unknown): void {
    if (!(failure instanceof Transient)) this.#fail(outbox, failure as Error);
    else if (outbox.cameBack(batch, failure)) this.#rest(outbox, true);
  }

  /** Nothing could be sent at all. */
  #troubled(outbox: Outbox, failure: unknown): void {
    if (!(failure instanceof Transient)) {
      this.#fail(outbox, failure as Error);
      return;
    }
    if (outbox.empty) {
      outbox.resting = false;
      return;
    }
    outbox.patience.failed(failure);
    this.#rest(outbox, failure.moved);
  }

  #rest(outbox: Outbox, moved: boolean): void {
    outbox.resting = true;
    void (async () => {
      await sleep(waitBefore(outbox.failures++));
      // what it fails with, the next request fails with too
      if (moved && !this.#options.cluster.closed) await this.#options.cluster.refresh().catch(() => {});
      outbox.resting = false;
      this.pump();
    })();
  }

  #fail(outbox: Outbox, error: Error): void {
    outbox.resting = false;
    this.#active.delete(outbox);
    // the partition's next batch begins with a new writer: the broker cannot miss one of this writer's numbers
    this.#identity = undefined;
    for (const ticket of outbox.abandon()) ticket.ended(error);
    this.#options.failed?.(error);
  }

  /** Gives up those batches that never left. */
  withdraw(error: Error): void {
    for (const outbox of this.#active) {
      for (const ticket of outbox.withdraw()) ticket.ended(error);
      if (outbox.empty) this.#active.delete(outbox);
    }
  }

  /** Ends all appends under way. */
  end(error: Error): void {
    for (const outbox of [...this.#active]) this.#fail(outbox, error);
  }
}
