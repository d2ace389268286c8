import { MillraceError } from '@millrace/runtime/errors.ts';
import type { ClientOptions } from '../client.ts';
import { CODE, refusal, Transient } from './codes.ts';
import { wireFailure } from './failures.ts';
import { ask, findCoordinator, type Metadata, metadata, missingApis, type Request } from './requests.ts';
import { connect, type Wire, type WireOptions } from './wire.ts';

const CONNECT_TIMEOUT = 5_000;
const REQUEST_TIMEOUT = 10_000;

/** What a connection is for: a broker answers one request of a connection after the other, so a long poll must not stand before a produce, nor a snapshot before records. */
export type Purpose = 'control' | 'produce' | 'produce-transaction' | 'fetch' | 'fetch-more';

interface Address {
  readonly host: string;
  readonly port: number;
}

const text = ({ host, port }: Address): string => `${host}:${port}`;

function parse(broker: string): Address {
  const at = broker.lastIndexOf(':');
  return { host: broker.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(broker.slice(at + 1)) };
}

interface Held {
  readonly opening: Promise<Wire>;
  wire: Wire | undefined;
}

/** Who leads what, as last heard, and the connections to the brokers. */
export class Cluster {
  readonly #options: ClientOptions;
  readonly #bootstrap: readonly Address[];
  readonly #wires = new Map<string, Held>();
  readonly #topics = new Set<string>();
  readonly #leaders = new Map<string, readonly number[]>();
  /** what the brokers say of topics that they give no leaders of */
  readonly #refusals = new Map<string, number>();
  readonly #coordinators = new Map<string, number>();
  #nodes = new Map<number, Address>();
  #controller = -1;
  #refreshing: Promise<void> | undefined;
  #turn = 0;
  #closed = false;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#bootstrap = options.brokers.map(parse);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Connects, and checks that the broker speaks what we do. */
  async open(): Promise<void> {
    const [wire, address] = await this.#any();
    const missing = await ask(wire, address, missingApis());
    if (missing.length > 0)
      throw new MillraceError('broker_refused', `The Kafka broker ${address} is too old, or no Kafka: it has not ${missing.join(', ')}.`, {
        hint: 'millrace needs Kafka 3.0 or later (transactions and read committed).',
      });
    await this.refresh();
  }

  /** The connection to a node if it stands now. */
  established(node: number, purpose: Purpose): Wire | undefined {
    const address = this.#nodes.get(node);
    const wire = address && this.#wires.get(`${text(address)}/${purpose}`)?.wire;
    return wire === undefined || wire.closed ? undefined : wire;
  }

  async wire(node: number, purpose: Purpose): Promise<Wire> {
    const address = this.#nodes.get(node);
    if (address === undefined) throw new Transient(`Kafka broker ${node}: its address is not known`, true);
    return this.#wire(address, purpose);
  }

  addressOf(node: number): string {
    const address = this.#nodes.get(node);
    return address === undefined ? `broker ${node}` : text(address);
  }

  /** Asks a node on its control connection. */
  async ask<T>(node: number, request: Request<T>): Promise<T> {
    return ask(await this.wire(node, 'control'), this.addressOf(node), request);
  }

  /** Asks any broker. */
  async askAny<T>(request: Request<T>): Promise<T> {
    const [wire, address] = await this.#any();
    return ask(wire, address, request);
  }

  #wire(address: Address, purpose: Purpose): Promise<Wire> {
    if (this.#closed) throw new MillraceError('broker_unreachable', 'The connection to Kafka was closed.');
    const key = `${text(address)}/${purpose}`;
    const held = this.#wires.get(key);
    if (held !== undefined && !held.wire?.closed) return held.opening;
    const { clientId, tls, sasl, patience } = this.#options;
    const requestTimeout = Math.max(1_000, Math.min(REQUEST_TIMEOUT, patience));
    const wireOptions: WireOptions = { clientId, tls, sasl, connectTimeout: CONNECT_TIMEOUT, requestTimeout };
    const opening = connect(address.host, address.port, wireOptions).then(
      (wire) => {
        if (this.#wires.get(key) === made) made.wire = wire;
        else wire.close();
        return wire;
      },
      (error) => {
        if (this.#wires.get(key) === made) this.#wires.delete(key);
        throw wireFailure(error, text(address));
      },
    );
    const made: Held = { opening, wire: undefined };
    this.#wires.set(key, made);
    return opening;
  }

  /** A control connection to the next broker that can be reached; the known ones first, each time beginning with another. */
  async #any(): Promise<[Wire, string]> {
    const known = new Map<string, Address>();
    for (const address of [...this.#nodes.values(), ...this.#bootstrap]) known.set(text(address), address);
    const all = [...known.values()];
    const from = this.#turn++;
    let failure: unknown;
    for (let index = 0; index < all.length; index++) {
      const address = all[(from + index) % all.length] as Address;
      try {
        return [await this.#wire(address, 'control'), text(address)];
      } catch (error) {
        if (!(error instanceof Transient)) throw error;
        failure = error;
      }
    }
    throw failure ?? new MillraceError('broker_unreachable', 'No Kafka broker is named.');
  }

  /** Asks anew who leads the topics in use. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#load().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #load(): Promise<void> {
    this.#take(await this.askAny(metadata([...this.#topics])));
  }

  #take(answer: Metadata): void {
    if (answer.brokers.length > 0) this.#nodes = new Map(answer.brokers.map(({ node, host, port }) => [node, { host, port }]));
    this.#controller = answer.controller;
    for (const { name, error, leaders } of answer.topics) {
      this.#refusals.delete(name);
      if (error === CODE.none || error === CODE.leaderNotAvailable) this.#leaders.set(name, leaders);
      else {
        this.#leaders.delete(name);
        this.#refusals.set(name, error);
      }
    }
  }

  /** The node that leads a partition as last heard; undefined: nobody, or not asked yet. */
  leaderOf(topic: string, partition: number): number | undefined {
    const leader = this.#leaders.get(topic)?.[partition];
    return leader === undefined || leader < 0 ? undefined : leader;
  }

  /** Leaders of all partitions. @throws Transient unknown_topic */
  async leaders(topic: string, fresh: boolean): Promise<readonly number[]> {
    await this.learn(topic, fresh);
    const leaders = this.#leaders.get(topic) as readonly number[];
    if (leaders.some((leader) => leader < 0)) throw refusal(CODE.leaderNotAvailable, `topic ${topic}`);
    return leaders;
  }

  /** Makes sure that the topic's leaders are among what is known. @throws Transient unknown_topic */
  async learn(topic: string, fresh: boolean): Promise<void> {
    this.#topics.add(topic);
    if (this.#refreshing !== undefined) await this.#refreshing;
    if (fresh || !this.#leaders.has(topic)) await this.refresh();
    if (this.#leaders.has(topic)) return;
    this.#topics.delete(topic);
    throw refusal(this.#refusals.get(topic) ?? CODE.unknownTopic, `topic ${topic}`);
  }

  /** Finds out who leads a partition. @throws Transient when nobody does, unknown_topic when there is no such partition */
  async locate(topic: string, partition: number): Promise<void> {
    await this.learn(topic, true);
    const leader = this.#leaders.get(topic)?.[partition];
    if (leader === undefined) throw new MillraceError('unknown_topic', `Topic ${topic} has no partition ${partition}.`);
    if (leader < 0) throw refusal(CODE.leaderNotAvailable, `${topic}/${partition}`);
  }

  /** Asks the broker that makes topics. */
  async askController<T>(request: Request<T>): Promise<T> {
    if (!this.#nodes.has(this.#controller)) await this.refresh();
    return this.ask(this.#controller, request);
  }

  /** The node that keeps the transactions of an id. */
  async coordinator(transactionalId: string, fresh: boolean): Promise<number> {
    const known = this.#coordinators.get(transactionalId);
    if (known !== undefined && !fresh) return known;
    const found = await this.askAny(findCoordinator(transactionalId));
    if (found.error !== CODE.none) throw refusal(found.error, `transactional id ${transactionalId}`, found.said);
    this.#nodes.set(found.node, { host: found.host, port: found.port });
    this.#coordinators.set(transactionalId, found.node);
    return found.node;
  }

  close(): void {
    this.#closed = true;
    for (const held of this.#wires.values()) held.wire?.close();
    this.#wires.clear();
  }
}
