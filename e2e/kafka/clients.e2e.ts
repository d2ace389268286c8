import { clientCases } from '@millrace/transport/kafka/client.case.ts';
import { openFast } from '@millrace/transport/kafka/fast/open.ts';
import { openKafkajs } from '@millrace/transport/kafka/kafkajs/open.ts';
import { afterAll, beforeAll, describe } from 'vitest';
import { type Broker, describeKafka, startBroker } from '../support/kafka.ts';

describeKafka('a Kafka client', () => {
  let broker: Broker;
  beforeAll(async () => {
    broker = await startBroker();
  });
  afterAll(() => broker?.close());
  describe('fast', () => clientCases(openFast, () => broker, true));
  describe('kafkajs', () => clientCases(openKafkajs, () => broker, false));
});
