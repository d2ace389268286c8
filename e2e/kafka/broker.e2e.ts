import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Broker, describeKafka, startBroker } from '../support/kafka.ts';

describeKafka('a broker of our own', () => {
  let broker: Broker;
  beforeAll(async () => {
    broker = await startBroker();
  });
  afterAll(() => broker?.close());

  const bootstrap = (): string[] => ['--bootstrap-server', broker.brokers.join(',')];
  const topics = (...args: string[]): Promise<string> => broker.tool('org.apache.kafka.tools.TopicCommand', [...bootstrap(), ...args]);

  test('keeps what it has been given over a kill and a pause', async () => {
    await topics('--create', '--topic', 'words', '--partitions', '2');
    await broker.tool('org.apache.kafka.tools.ConsoleProducer', [...bootstrap(), '--topic', 'words'], 'one\ntwo\n');
    await broker.kill();
    await broker.start();
    broker.pause();
    broker.resume();
    const read = ['--topic', 'words', '--from-beginning', '--max-messages', '2', '--timeout-ms', '20000'];
    const words = await broker.tool('org.apache.kafka.tools.consumer.ConsoleConsumer', [...bootstrap(), ...read]);
    expect(words.trim().split('\n').sort()).toEqual(['one', 'two']);
    expect(await topics('--list')).toContain('words');
  });
});
