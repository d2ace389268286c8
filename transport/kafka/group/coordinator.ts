import type { Cluster } from '../fast/cluster.ts';
import { CODE, refusal, Transient } from '../fast/codes.ts';
import { wireFailure } from '../fast/failures.ts';
import { findGroup } from '../fast/group-requests.ts';
import { ask, type Request } from '../fast/requests.ts';
import { connect, type Wire } from '../fast/wire.ts';
import type { MemberSetup } from './messages.ts';

const CONNECT_TIMEOUT = 5_000;

/** The broker that keeps a group, on a connection that nothing else waits for. After a failure it is looked for anew. */
export class Coordinator {
  readonly #cluster: Cluster;
  readonly #setup: MemberSetup;
  readonly #longest: number;
  #wire: Wire | undefined;
  #address = '';

  /** `longest`: ms that an answer may take at most */
  constructor(cluster: Cluster, setup: MemberSetup, longest: number) {
    this.#cluster = cluster;
    this.#setup = setup;
    this.#longest = longest;
  }

  async #connected(): Promise<Wire> {
    if (this.#wire !== undefined && !this.#wire.closed) return this.#wire;
    const { group, clientId, settings } = this.#setup;
    // so that any broker can be asked next time, not only those that the profile names
    await this.#cluster.refresh();
    const found = await this.#cluster.askAny(findGroup(group));
    if (found.error !== CODE.none) throw refusal(found.error, `consumer group ${group}`, found.said);
    this.#address = `${found.host}:${found.port}`;
    const options = { clientId, tls: settings.tls, sasl: settings.sasl, connectTimeout: CONNECT_TIMEOUT, requestTimeout: this.#longest };
    try {
      this.#wire = await connect(found.host, found.port, options);
    } catch (error) {
      throw wireFailure(error, this.#address);
    }
    return this.#wire;
  }

  /** @throws Transient when no answer comes within `ms`, or the connection fails */
  async ask<T>(request: Request<T>, ms: number): Promise<T> {
    const wire = await this.#connected();
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      wire.close();
    }, ms);
    try {
      return await ask(wire, this.#address, request);
    } catch (error) {
      throw late ? new Transient(`Kafka broker ${this.#address}: no answer for ${ms} ms`, true, 'broker_unreachable', error) : error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the connection: a request under way fails at once, and the next one asks where the group is kept now. */
  forget(): void {
    this.#wire?.close();
    this.#wire = undefined;
  }
}
