import type { GeneratorPlan, Plan, SourcePlan } from '@millrace/pipeline/plan.ts';
import { MillraceError } from '@millrace/runtime/errors.ts';
import { settleSchemas } from '@millrace/shared-schemas/registry/register.ts';
import type { SchemaRegistry } from '@millrace/shared-schemas/registry/registry.ts';
import { checkMark, type FileStamp, stampFile } from '@millrace/transport/connectors/stamp.ts';
import type { Fence, Position, Transport } from '@millrace/transport/log.ts';
import { openSchemas } from '@millrace/transport/open.ts';
import type { Layout } from './layout.ts';
import { takenOf } from './prepare.ts';
import type { RunOptions } from './run-options.ts';
import { type FileRecord, fileKey, type HostSetup } from './setup.ts';
import { countOf } from './source/open-generator.ts';
import { openReader } from './source/open-source.ts';
import { keepTables } from './tables/keep.ts';
import { START } from './task/fresh.ts';

/** What a run works with besides topics: the same for all who share it. */
export type Resources = Pick<HostSetup, 'stamps' | 'schemaIds'>;

/** Stamps the files, keeps the tables, registers the schemas. @throws MillraceError source_missing, file_changed, schema_incompatible … */
export async function gather({ plan, profile, dataDir, clock }: RunOptions, transport: Transport, fence: Fence | undefined): Promise<Resources> {
  await keepTables(plan, transport, fence);
  return {
    stamps: await stampsOf(plan, transport, fence),
    schemaIds: await registerSchemas(plan, await openSchemas(profile.registry, transport, dataDir, clock)),
  };
}

/** Where every source ends now: the choice a run to the end is made of. By source id, a position a partition. */
export async function endsOf(
  { plan, profile, dataDir, clock }: RunOptions,
  transport: Transport,
  layout: Layout,
  stamps: HostSetup['stamps'],
): Promise<Record<string, (Position | 'writers')[]>> {
  const written = new Set(plan.stages.flatMap((stage) => stage.outputs.map((output) => (output.kind === 'topic' ? output.topic : null))));
  const context = {
    log: transport.log,
    clock,
    begun: null,
    registry: await openSchemas(profile.registry, transport, dataDir, clock),
    stamps,
    expressions: { hmacSecret: profile.secrets.hmac },
  };
  const taken = takenOf(plan.name, transport.ledger);
  const ends: Record<string, (Position | 'writers')[]> = {};
  const endOf = async (source: SourcePlan, partition: number): Promise<Position | 'writers'> => {
    if (source.type === 'topic') {
      if (written.has(source.topic)) return 'writers';
      const topic = source.topic as string;
      const offset = await transport.log.endOffset(topic, partition);
      const read = taken.get(`${source.id}/${partition}`) ?? 0;
      if (offset < read) throw new MillraceError('log_too_short', `${topic}/${partition} ends at offset ${offset}, but was read up to ${read} before.`);
      return { offset };
    }
    if (source.generator) return { offset: recordsOf(source.id, source.generator) };
    const reader = openReader(source, partition, START, context);
    const end = reader.end();
    reader.close();
    return end;
  };
  for (const source of plan.sources) {
    const partitions = Array.from({ length: layout.sources[source.index] as number }, (_, partition) => endOf(source, partition));
    ends[source.id] = await Promise.all(partitions);
  }
  return ends;
}

/** Files are stamped at their first opening; a file whose consumed part has changed since is refused. */
async function stampsOf(plan: Plan, transport: Transport, fence: Fence | undefined): Promise<Record<string, FileStamp>> {
  const stamps: Record<string, FileStamp> = {};
  for (const source of plan.sources) {
    if (source.type !== 'file') continue;
    const key = fileKey(plan.name, source.id);
    const bytes = transport.ledger.get(key);
    const path = source.path as string;
    if (bytes) {
      const { stamp, mark } = JSON.parse(Buffer.from(bytes).toString()) as FileRecord;
      if (mark) checkMark(path, mark);
      stamps[source.id] = stamp;
    } else {
      const stamp = stampFile(path);
      const first = Buffer.from(JSON.stringify({ stamp, mark: null } satisfies FileRecord));
      await transport.commit({ appenders: [], puts: [[key, first]], ...(fence ? { fence } : {}) });
      stamps[source.id] = stamp;
    }
  }
  return stamps;
}

function recordsOf(id: string, generator: GeneratorPlan): number {
  const count = countOf(generator);
  if (count === null) throw new MillraceError('endless_source', `source ${id} generates records without end, so a run to the end of its input has none`);
  return count;
}

function registerSchemas(plan: Plan, registry: SchemaRegistry): Promise<Record<string, number>> {
  const written = plan.stages
    .flatMap((stage) => stage.outputs)
    .flatMap((output) => (output.kind === 'topic' && output.format === 'avro' ? [{ topic: output.topic, schema: output.schema }] : []));
  const read = plan.sources.flatMap(({ type, topic, format, schema }) => (type === 'topic' && topic !== null && format === 'avro' ? [{ topic, schema }] : []));
  return settleSchemas(registry, written, read);
}
