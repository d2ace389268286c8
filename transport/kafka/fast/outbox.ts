import type { MillraceError } from '@millrace/runtime/errors.ts';
import type { BatchBuilder } from '../../recordbatch.ts';
import type { Place } from '../client.ts';
import { type Identity, stamp } from './batchhead.ts';
import type { Transient } from './codes.ts';
import { Patience } from './patience.ts';

/** The broker remembers this many of a writer's last batches in a partition: more under way could not be told from new ones. */
const UNDER_WAY = 5;
const SEQUENCES = 2 ** 31;

/** One call of `append`. It ends when all its batches have, well or not: only then may their builders be used again. */
export interface Ticket {
  /** one of its batches has ended */
  ended(error?: Error): void;
}

/** Where what one call of `append` sends to a partition ends. */
export interface Reach extends Place {
  end: number;
}

export interface Batch {
  readonly builder: BatchBuilder;
  readonly ticket: Ticket;
  readonly reach: Reach;
  /** what is sent, and sent again: null before the first time */
  bytes: Buffer | null;
  order: number;
}

/** Batches of one partition on their way to its leader, in order: each is taken once, however often it is sent. */
export class Outbox {
  readonly topic: string;
  readonly partition: number;
  /** may not send yet: not part of the transaction */
  gated = false;
  /** waits before the next try */
  resting = false;
  failures = 0;
  readonly patience: Patience;
  #waiting: Batch[] = [];
  #flying: Batch[] = [];
  #returned: Batch[] = [];
  #identity: Identity | undefined;
  #sequence = 0;
  #order = 0;
  /** Whether the broker has taken a batch since this writer began, or since the last failure. Where a broker knows nothing of a writer it takes any number for its first: so the first goes alone. */
  #known = false;

  constructor(topic: string, partition: number, patience: number, ended: (error: MillraceError) => void) {
    this.topic = topic;
    this.partition = partition;
    this.patience = new Patience(patience, ended);
  }

  get place(): string {
    return `${this.topic}/${this.partition}`;
  }

  get empty(): boolean {
    return this.#waiting.length + this.#flying.length + this.#returned.length === 0;
  }

  /** whether a batch may leave now; none does before all that were under way at a failure have come back */
  get sendable(): boolean {
    return !this.gated && !this.resting && this.#returned.length === 0 && this.#waiting.length > 0 && this.#flying.length < (this.#known ? UNDER_WAY : 1);
  }

  add(builder: BatchBuilder, ticket: Ticket, reach: Reach): void {
    this.#waiting.push({ builder, ticket, reach, bytes: null, order: 0 });
  }

  /** The next batch to send; `identity` is taken for the first of a row. */
  take(identity: Identity): Batch & { bytes: Buffer } {
    const batch = this.#waiting.shift() as Batch;
    if (batch.bytes === null) {
      this.#identity ??= identity;
      batch.bytes = batch.builder.finish(0);
      batch.order = this.#order++;
      stamp(batch.bytes, this.#identity, this.#sequence);
      this.#sequence = (this.#sequence + batch.builder.count) % SEQUENCES;
    }
    this.#flying.push(batch);
    return batch as Batch & { bytes: Buffer };
  }

  /** whether we still wait for what becomes of it */
  awaits(batch: Batch): boolean {
    return this.#flying.includes(batch);
  }

  #land(batch: Batch): void {
    this.#flying.splice(this.#flying.indexOf(batch), 1);
  }

  /** The broker has it, from this offset on (−1: it did not say). */
  acknowledged(batch: Batch, offset: number): void {
    this.#land(batch);
    if (offset >= 0) batch.reach.end = Math.max(batch.reach.end, offset + batch.builder.count);
    this.#known = true;
    this.failures = 0;
    this.patience.succeeded();
  }

  /** whether batches before this one failed, so that the broker cannot take it */
  isBehindFailed(batch: Batch): boolean {
    return [...this.#returned, ...this.#flying].some(({ order }) => order < batch.order);
  }

  /** It has to be sent again; true when it was the last of those under way, and all of them can be. */
  cameBack(batch: Batch, failure: Transient): boolean {
    this.#land(batch);
    this.#known = false;
    this.patience.failed(failure);
    this.#returned.push(batch);
    return this.#turned();
  }

  /** After an answer of any kind: whether all are back, to be sent again in their order. */
  #turned(): boolean {
    if (this.#flying.length > 0 || this.#returned.length === 0) return false;
    this.#waiting = [...this.#returned.sort((a, b) => a.order - b.order), ...this.#waiting];
    this.#returned = [];
    return true;
  }

  /** The same after one was acknowledged while others had come back. */
  get turned(): boolean {
    return this.#turned();
  }

  /** Gives up all batches, and this writer's numbers in the partition: nobody knows which of them the broker has. */
  abandon(): Ticket[] {
    const tickets = [...this.#returned, ...this.#flying, ...this.#waiting].map(({ ticket }) => ticket);
    this.#waiting = [];
    this.#flying = [];
    this.#returned = [];
    this.#identity = undefined;
    this.#sequence = 0;
    this.#known = false;
    this.failures = 0;
    this.patience.succeeded();
    return tickets;
  }

  /** Gives up those that never left. */
  withdraw(): Ticket[] {
    const tickets = this.#waiting.filter(({ bytes }) => bytes === null).map(({ ticket }) => ticket);
    this.#waiting = this.#waiting.filter(({ bytes }) => bytes !== null);
    return tickets;
  }
}
