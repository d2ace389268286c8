import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { GeneratorPlan, Plan, SourcePlan } from '@millrace/pipeline/plan.ts';
import { MillraceError } from '@millrace/runtime/errors.ts';
import { settleSchemas } from '@millrace/shared-schemas/registry/register.ts';
import type { SchemaRegistry } from '@millrace/shared-schemas/registry/registry.ts';
import { checkMark, type FileStamp, stampFile } from '@millrace/transport/connectors/stamp.ts';
import { type Claim, claim } from '@millrace/transport/embedded/ownership.ts';
import type { Commit, Fence, Position, Transport } from '@millrace/transport/log.ts';
import { openSchemas, openTransport } from '@millrace/transport/open.ts';
import { PipelineLedger, type PipelineRecord, type RunRecord, record } from './lifecycle.ts';
import { prepare } from './prepare.ts';
import type { RunOptions } from './run-options.ts';
import { type FileRecord, fileKey, type HostSetup, tableKey } from './setup.ts';
import { countOf } from './source/open-generator.ts';
import { openReader } from './source/open-source.ts';
import { START } from './task/fresh.ts';

const MAX_RECORDS = 10_000;

/** A pipeline over its data directory: owned by this process, checked, ready for a run. */
export class Opened {
  readonly transport: Transport;
  readonly wake: SharedArrayBuffer;
  readonly #options: RunOptions;
  readonly #claim: Claim | null;
  readonly #ledger: PipelineLedger;
  readonly #setup: Omit<HostSetup, 'run'>;
  run: RunRecord;

  private constructor(options: RunOptions, transport: Transport, wake: SharedArrayBuffer, claim: Claim | null, run: RunRecord, setup: Omit<HostSetup, 'run'>) {
    this.#options = options;
    this.transport = transport;
    this.wake = wake;
    this.#claim = claim;
    this.#ledger = new PipelineLedger(transport.ledger, options.plan.name);
    this.run = run;
    this.#setup = setup;
  }

  /** @throws MillraceError already_running, plan_changed, partition_count_changed, source_missing … */
  static async open(options: RunOptions): Promise<Opened> {
    const wake = options.wake ?? new SharedArrayBuffer(8);
    const { plan, profile, dataDir, clock, maxRecords = MAX_RECORDS, begun = null } = options;
    const transport = options.transport ?? (await openTransport(profile.transport, { dataDir, pipeline: plan.name, host: 'preprocess', clock, wake }));
    let owned: Claim | null = null;
    try {
      owned = transport.kind === 'embedded' ? await claim(transport, dataDir, plan.name) : null;
      const fence = owned?.fence;
      const { layout, run, wary, careful } = await prepare(plan, transport, profile.transport.partitions, fence);
      return new Opened(options, transport, wake, owned, run, {
        plan,
        profile,
        dataDir,
        layout,
        maxRecords,
        wary,
        begun,
        careful,
        fence,
        stamps: await stampsOf(plan, transport, fence),
        tables: await tablesOf(plan, transport, fence),
        schemaIds: await registerSchemas(plan, await openSchemas(profile.registry, transport, dataDir, clock)),
      });
    } catch (error) {
      await owned?.release();
      if (!options.transport) await transport.close();
      throw error;
    }
  }

  setup(run: RunRecord): HostSetup {
    return { ...this.#setup, run };
  }

  /** every task of the plan */
  tasks(): (readonly [stage: number, task: number])[] {
    return this.#setup.layout.tasks.flatMap((count, stage) => Array.from({ length: count }, (_, task) => [stage, task] as const));
  }

  async commitRun(run: RunRecord): Promise<void> {
    await put(this.transport, this.#claim?.fence, [[this.#ledger.runKey, record(run)]]);
    this.run = run;
  }

  /** where every source ends now: the choice a run to the end is made of */
  async ends(): Promise<Record<string, (Position | 'writers')[]>> {
    const { plan, clock } = this.#options;
    const written = new Set(plan.stages.flatMap((stage) => stage.outputs.map((output) => (output.kind === 'topic' ? output.topic : null))));
    const context = {
      log: this.transport.log,
      clock,
      begun: null,
      registry: await openSchemas(this.#setup.profile.registry, this.transport, this.#options.dataDir, clock),
      stamps: this.#setup.stamps,
      expressions: { hmacSecret: this.#setup.profile.secrets.hmac },
    };
    const ends: Record<string, (Position | 'writers')[]> = {};
    const endOf = async (source: SourcePlan, partition: number): Promise<Position | 'writers'> => {
      if (source.type === 'topic')
        return written.has(source.topic) ? 'writers' : { offset: await this.transport.log.endOffset(source.topic as string, partition) };
      if (source.generator) return { offset: recordsOf(source.id, source.generator) };
      const reader = openReader(source, partition, START, context);
      const end = reader.end();
      reader.close();
      return end;
    };
    for (const source of plan.sources) {
      const partitions = Array.from({ length: this.#setup.layout.sources[source.index] as number }, (_, partition) => endOf(source, partition));
      ends[source.id] = await Promise.all(partitions);
    }
    return ends;
  }

  /** `clean`: everything is saved, and the next process need not recover */
  async close(clean: boolean): Promise<void> {
    try {
      if (clean) {
        const last = this.#ledger.pipeline() as PipelineRecord;
        await put(this.transport, this.#claim?.fence, [[this.#ledger.pipelineKey, record({ ...last, running: false, deaths: 0 })]]);
      }
      await this.#claim?.release();
    } finally {
      if (!this.#options.transport) await this.transport.close();
    }
  }
}

async function put(transport: Transport, fence: Fence | undefined, puts: Commit['puts']): Promise<void> {
  await transport.commit({ appenders: [], puts, ...(fence ? { fence } : {}) });
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
      await put(transport, fence, [[key, Buffer.from(JSON.stringify({ stamp, mark: null } satisfies FileRecord))]]);
      stamps[source.id] = stamp;
    }
  }
  return stamps;
}

/** A table's content is kept under its hash before any task sees it, so that a replay finds what was in force. */
async function tablesOf(plan: Plan, transport: Transport, fence: Fence | undefined): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for (const table of plan.tables) {
    let bytes: Buffer;
    try {
      bytes = readFileSync(table.path);
    } catch (cause) {
      throw new MillraceError('source_missing', `table ${table.id}: ${table.path} cannot be read`, { cause });
    }
    const hash = createHash('sha256').update(bytes).digest('hex');
    if (transport.ledger.get(tableKey(plan.name, hash)) === null) await put(transport, fence, [[tableKey(plan.name, hash), bytes]]);
    hashes[table.id] = hash;
  }
  return hashes;
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
