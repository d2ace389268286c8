import { clientCases } from '@millrace/transport/kafka/client.case.ts';
import { openFast } from '@millrace/transport/kafka/fast/open.ts';
import { afterAll, beforeAll } from 'vitest';
import { type Broker, describeKafka, startBroker } from '../support/kafka.ts';

describeKafka('the fast client', () => {
  let broker: Broker;
  beforeAll(async () => {
    broker = await startBroker();
  });
  afterAll(() => broker?.close());
  clientCases(openFast, () => broker);
});
