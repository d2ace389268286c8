import { resolve } from 'node:path';
import type { Plan } from '@millrace/pipeline/plan.ts';
import type { KafkaProfile } from '@millrace/pipeline/profile.ts';
import { MillraceError } from '@millrace/runtime/errors.ts';
import type { Appender, Log } from '@millrace/transport/log.ts';
import type { Call } from '../command.ts';
import { shownPath } from '../files.ts';
import { defaultDataDir, openExisting } from '../logs/data-dir.ts';
import { resolveProfile } from '../profiles.ts';

type Entries = readonly (readonly [key: string, value: Uint8Array])[];

/** Where the models of a pipeline stand, and what was decided about them: in its data directory, or on the cluster that a profile names. */
export interface ModelStore {
  readonly log: Log;
  /** as people call it */
  readonly place: string;
  /** the same in a JSON document */
  readonly named: { readonly data_dir: string } | { readonly brokers: string };
  /** what the ledger holds under keys that begin so, ascending */
  entries(prefix: string): Promise<Entries>;
  /** makes what the appender holds durable and visible */
  append(out: Appender): Promise<void>;
  close(): Promise<void>;
}

/** Opens what a run of the plan has left. Throws data_dir_missing, unknown_topic, what a profile can be wrong in, and what reaching brokers fails with. */
export async function openModels(call: Call, file: string, plan: Plan): Promise<ModelStore> {
  const { host } = call;
  const profile = await resolveProfile(host, call.text('profile'), file);
  if (profile.transport.kafka !== null) return onCluster(call, profile.transport.kafka, plan.name);
  const given = call.text('dataDir');
  const dir = given === undefined ? (profile.checkpoint.path ?? defaultDataDir(resolve(host.cwd, file), plan.name)) : resolve(host.cwd, given);
  const transport = await openExisting(host.cwd, dir);
  return {
    log: transport.log,
    place: shownPath(host.cwd, dir),
    named: { data_dir: dir },
    entries: async (prefix) => [...transport.ledger.entries(prefix)],
    append: async (out) => transport.commit({ appenders: [out], puts: [] }),
    close: () => transport.close(),
  };
}

async function onCluster({ host }: Call, { create, replication, ...settings }: KafkaProfile, pipeline: string): Promise<ModelStore> {
  const [{ openKafkaLog }, { readLedger }] = await Promise.all([import('@millrace/transport/kafka/transport.ts'), import('./cluster-ledger.ts')]);
  const { log, close } = await openKafkaLog({ settings, clock: host.clock, create, replication });
  const place = settings.brokers.join(',');
  const ledger = `${pipeline}.ledger`;
  if (log.topic(ledger) === null) {
    await close();
    throw new MillraceError('unknown_topic', `${pipeline} has not run on ${place}: there is no topic ${ledger}.`, {
      hint: 'Run it there first, or name the profile that it ran with.',
    });
  }
  const read = new Map<string, Promise<Entries>>();
  return {
    log,
    place,
    named: { brokers: place },
    entries(prefix) {
      const entries = read.get(prefix) ?? readLedger(log, ledger, prefix);
      read.set(prefix, entries);
      return entries;
    },
    append: (out) => out.flush(),
    close,
  };
}
