import type { Arrivals } from './arrivals.ts';
import type { KafkaClient } from './client.ts';
import type { KafkaLog } from './kafka-log.ts';
import type { KafkaLedger } from './ledger.ts';

/** What all owners in a process share. */
export interface Shared {
  readonly client: KafkaClient;
  readonly arrivals: Arrivals;
  readonly log: KafkaLog;
  readonly ledger: KafkaLedger;
  /** epoch ms */
  readonly now: () => number;
}
