import type { Transport } from '../log.ts';
import { type KafkaOptions, openKafka } from './transport.ts';

/**
 * Test support: a host of a pipeline on Kafka that owns all of it, as an analyzer does. Nobody counts as alive: who opens a data directory has the copy of the ledger that is
 * there, as if all before it had died. Closing it gives up both what it owns and what it shares.
 */
export async function openOwner(options: KafkaOptions): Promise<Transport> {
  const parts = await openKafka({ alive: () => false, ...options });
  try {
    const transport = await parts.part(null);
    const giveUp = transport.close.bind(transport);
    transport.close = async () => {
      await giveUp();
      await parts.close();
    };
    return transport;
  } catch (error) {
    await parts.close();
    throw error;
  }
}
