import type { KafkaClient, NewTopic, Place } from '@millrace/transport/kafka/client.ts';
import { Bench } from '@millrace/transport/kafka/client-grounds.case.ts';
import { openFast } from '@millrace/transport/kafka/fast/open.ts';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { type Broker, type BrokerOptions, startBroker } from './broker.ts';
import { below, placesOf } from './fencing.ts';

let ids = 0;

/** What a test of fences has: a topic and an id of its own, a client, and what lies below it. */
export interface FenceGround {
  readonly client: KafkaClient;
  readonly access: Awaited<ReturnType<typeof below>>;
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly partitions: number;
  /** all partitions of the topic */
  readonly places: readonly Place[];
  readonly id: string;
}

/** What a suite of fences stands on: a broker or cluster of its own. To be made within `describe`. */
export class FenceSuite {
  readonly #topics: Partial<NewTopic>;
  readonly #patience: number | undefined;
  readonly #bench: Bench;
  #broker: Broker | undefined;

  /** `topics`: how those of the tests are made; `patience`: the clients', ms */
  constructor(options: BrokerOptions = {}, { topics = {}, patience }: { readonly topics?: Partial<NewTopic>; readonly patience?: number } = {}) {
    this.#topics = topics;
    this.#patience = patience;
    this.#bench = new Bench(openFast, () => this.broker);
    beforeAll(async () => {
      this.#broker = await startBroker(options);
    });
    afterAll(() => this.#broker?.close());
  }

  get broker(): Broker {
    return this.#broker as Broker;
  }

  /** Within a test; closed with it. */
  async lay(partitions = 1): Promise<FenceGround> {
    const { brokers } = this.broker;
    const client = await this.#bench.client(this.#patience === undefined ? {} : { patience: this.#patience });
    const access = await below(brokers);
    onTestFinished(() => access.cluster.close());
    const topic = await this.#bench.topic(client, { partitions, ...this.#topics });
    return { client, access, brokers, topic, partitions, places: placesOf(topic, partitions), id: `fence.${process.pid}.${++ids}.live` };
  }
}
