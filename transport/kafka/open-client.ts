import type { ClientOptions, KafkaClient } from './client.ts';
import { openFast } from './fast/open.ts';
import { openKafkajs } from './kafkajs/open.ts';

/** Connects with the client that the settings name. */
export function openClient(options: ClientOptions): Promise<KafkaClient> {
  return options.client === 'fast' ? openFast(options) : openKafkajs(options);
}
