import type { Profile } from '@millrace/pipeline/profile.ts';
import type { SchemaRegistry } from '@millrace/shared-schemas/registry/registry.ts';
import type { Log } from '@millrace/transport/log.ts';
import { openSchemas } from '@millrace/transport/open.ts';
import type { Call, OptionSpec } from '../command.ts';
import { shownPath } from '../files.ts';
import { resolveProfile } from '../profiles.ts';
import { dataDirOf, dataDirOptions, openExisting } from './data-dir.ts';

/** The options by which the topic commands find logs. */
export const logOptions: readonly OptionSpec[] = [
  ...dataDirOptions,
  { flags: '--profile <profile>', doc: 'a name under profiles/, or a path: the brokers it names hold the log' },
];

/** The logs that a call is about: a data directory's, or those of a cluster. */
export interface Logs {
  readonly log: Log;
  readonly registry: SchemaRegistry;
  readonly profile: Profile;
  /** the data directory, absolute; null on a cluster */
  readonly dataDir: string | null;
  /** as people call the place */
  readonly place: string;
  close(): Promise<void>;
}

/** Opens the logs that the options name; `make`: a data directory that is not there is made. Throws data_dir_missing, and what reaching brokers fails with. */
export async function openLogs(call: Call, make: boolean): Promise<Logs> {
  const { host } = call;
  const profile = await resolveProfile(host, call.text('profile'), call.text('pipeline'));
  const { kafka } = profile.transport;
  if (kafka !== null) {
    const { openKafkaLog } = await import('@millrace/transport/kafka/transport.ts');
    const { create, replication, ...settings } = kafka;
    const { log, close } = await openKafkaLog({ settings, clock: host.clock, create, replication });
    return {
      log,
      close,
      profile,
      dataDir: null,
      place: kafka.brokers.join(','),
      registry: await openSchemas(profile.registry, { kind: 'kafka', log }, '', host.clock),
    };
  }
  const dir = await dataDirOf(call);
  const transport = make ? (await import('@millrace/transport/embedded/open.ts')).openEmbedded(dir) : await openExisting(host.cwd, dir);
  const registry = await openSchemas(profile.registry, transport, dir, host.clock);
  return { log: transport.log, close: () => transport.close(), profile, dataDir: dir, place: shownPath(host.cwd, dir), registry };
}
