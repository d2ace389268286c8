import type { Clock } from '@millrace/runtime/clock.ts';
import { openRegistry } from '@millrace/shared-schemas/registry/open.ts';
import type { SchemaRegistry } from '@millrace/shared-schemas/registry/registry.ts';
import type { RegistrySettings } from '@millrace/shared-schemas/registry/rest.ts';
import { openEmbedded } from './embedded/open.ts';
import type { KafkaSettings } from './kafka/client.ts';
import type { Transport } from './log.ts';
import { openMemory } from './memory.ts';
import type { Parts } from './parts.ts';

/** What a profile says of the transport. */
export interface TransportSettings {
  readonly type: 'embedded' | 'memory' | 'kafka';
  /** of what is made */
  readonly partitions: number;
  readonly kafka: (KafkaSettings & { readonly create: boolean; readonly replication: number; readonly visibility: 'transactional' | 'immediate' }) | null;
}

export interface TransportPlace {
  readonly dataDir: string;
  readonly pipeline: string;
  /** which part of the pipeline this is: on Kafka whoever opens it with the same name fences the one before */
  readonly host: string;
  /** topics that this part writes, its ledger aside; missing: none */
  readonly written?: readonly string[];
  readonly clock: Clock;
}

/** Opens a transport that one process has at a time, in the data directory or in memory. `wake`: shared by the threads of a process, so that an append by one wakes the others at once. */
export async function openTransport({ type }: TransportSettings, dataDir: string, wake?: SharedArrayBuffer): Promise<Transport> {
  if (type === 'kafka') throw new Error('Kafka is shared by processes');
  return type === 'memory' ? openMemory() : openEmbedded(dataDir, wake ? { wake } : {});
}

/** Opens one that processes share: what this one takes part in, owning nothing yet. Only Kafka is; its client is loaded only where it is used. */
export async function openParts({ kafka, partitions }: TransportSettings, { host, ...place }: TransportPlace): Promise<Parts> {
  if (kafka === null) throw new Error('only Kafka is shared by processes');
  const { openKafka } = await import('./kafka/transport.ts');
  const { create, replication, visibility, ...settings } = kafka;
  return openKafka({ ...place, settings, create, replication, partitions, host: `millrace.${place.pipeline}.${host}`, immediate: visibility === 'immediate' });
}

/** The schemas of what a transport carries: the registry that a profile names; without one those of the cluster, or of the data directory. */
export async function openSchemas(
  settings: RegistrySettings | null,
  { kind, log }: Pick<Transport, 'kind' | 'log'>,
  dataDir: string,
  clock: Clock,
): Promise<SchemaRegistry> {
  if (settings !== null || kind !== 'kafka') return openRegistry(settings, dataDir, clock);
  const { CatalogRegistry } = await import('./kafka/catalog-registry.ts');
  return new CatalogRegistry(log, clock, dataDir === '' ? null : openRegistry(null, dataDir, clock));
}
