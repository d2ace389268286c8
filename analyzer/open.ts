import { isDeepStrictEqual } from 'node:util';
import type { QueryPlan } from '@millrace/pipeline/analyze/plan.ts';
import { type Duckdb, openDuckdb } from '@millrace/runtime/duckdb.ts';
import { MillraceError } from '@millrace/runtime/errors.ts';
import { modelsTopic } from '@millrace/shared-schemas/model-decision.ts';
import { settleSchemas } from '@millrace/shared-schemas/registry/register.ts';
import { rowMaker } from '@millrace/shared-schemas/row.ts';
import type { Row } from '@millrace/shared-schemas/types.ts';
import { type Claim, claim } from '@millrace/transport/embedded/ownership.ts';
import { type Identities, identify } from '@millrace/transport/identities.ts';
import type { Log, Transport } from '@millrace/transport/log.ts';
import { openSchemas, openTransport } from '@millrace/transport/open.ts';
import { Batches } from './batch/batches.ts';
import { Checkpoint } from './batch/checkpoint.ts';
import { EventTimes } from './batch/progress.ts';
import { type Core, TRAINING } from './batch/words.ts';
import { DeadLetters } from './dead-letters.ts';
import { buildFlow } from './flow.ts';
import type { InHand } from './in-hand.ts';
import type { Jobs } from './jobs/jobs.ts';
import type { Fit } from './ml/fit.ts';
import { ModelsInForce } from './ml/models-in-force.ts';
import type { OpenTraining } from './ml/training.ts';
import type { AnalyzedPlan, AnalyzeOptions } from './run-options.ts';
import { openSink } from './sinks/list.ts';
import type { SinkCore } from './sinks/sink.ts';
import { freshSource, Source } from './sources/source.ts';

/** The analyzer of a pipeline over its data directory: owned by this process, checked, restored to its last batch. */
export interface Opened {
  readonly transport: Transport;
  readonly checkpoint: Checkpoint;
  readonly batches: Batches;
  close(): Promise<void>;
}

export async function openAnalyzer(options: AnalyzeOptions, openTraining: OpenTraining | null, openJobs: OpenJobs = jobsOf): Promise<Opened> {
  const { plan, profile, dataDir, wake } = options;
  const jobs = await openJobs(options);
  const transport = options.transport ?? (await openTransport(profile.transport, dataDir, wake).catch((error: unknown) => closeThen(jobs, error)));
  const role = `${plan.name}.analyze`;
  let owned: Claim | null = null;
  let batches: Batches | null = null;
  const close = async (): Promise<void> => {
    await jobs?.close();
    batches?.close();
    await owned?.release();
    if (!options.transport) await transport.close();
  };
  try {
    owned = transport.kind === 'embedded' ? await (jobs?.claim(transport, role) ?? claim(transport, dataDir, role)) : null;
    await ensureTopics(plan, transport.log, profile.transport.partitions);
    const checkpoint = new Checkpoint(transport, plan.name, owned?.fence);
    await checkMetadata(plan, checkpoint, transport.log);
    batches = await openBatches(options, transport, checkpoint, openTraining, jobs);
    return { transport, checkpoint, batches, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function closeThen(jobs: Jobs | null, error: unknown): Promise<never> {
  await jobs?.close();
  throw error;
}

/** null: this process does all by itself */
export type OpenJobs = (options: AnalyzeOptions) => Promise<Jobs | null>;

/** Loaded only where batches are handed out. A memory has nobody to hand anything to. */
const jobsOf: OpenJobs = async (options) => {
  const { redis, transport } = options.profile;
  if (redis === null || transport.type === 'memory') return null;
  return (await import('./jobs/coordinator.ts')).Coordinator.open(options, redis);
};

/** A topic that exists keeps its partitions. */
async function ensureTopics({ name, analyze, deadLetter }: AnalyzedPlan, log: Log, partitions: number): Promise<void> {
  const ensure = async (topic: string, wanted: number, format: string, schema: unknown): Promise<void> => {
    await log.ensure(topic, log.topic(topic)?.partitions ?? wanted, schema === null ? { format } : { format, schema: JSON.stringify(schema) });
  };
  for (const { topic, format, schema } of analyze.sources) await ensure(topic, partitions, format, schema);
  for (const sink of analyze.sinks) if (sink.type === 'topic') await ensure(sink.topic, partitions, sink.format, sink.schema);
  await ensure(deadLetter.topic, partitions, 'bytes', null);
  await ensure(modelsTopic(name), 1, 'json', null);
}

/** An edited plan is taken when no batch is under way and the state that is kept still fits. */
async function checkMetadata({ analyze }: AnalyzedPlan, checkpoint: Checkpoint, log: Log): Promise<void> {
  const states = Object.fromEntries(analyze.queries.map((query) => [query.id, stateOf(query)]));
  const old = checkpoint.metadata();
  const refuse = (why: string): never => {
    throw new MillraceError('plan_changed', `analyze has changed since the data directory was last used, and ${why}`);
  };
  const edited = old?.planHash !== analyze.hash;
  if (old !== null && edited) {
    const last = checkpoint.offsets();
    if (last !== null && last.batch > checkpoint.committed()) refuse(`batch ${last.batch} is not finished: finish it with the file as it was, then edit`);
    for (const [query, state] of Object.entries(states)) {
      if ((old.states[query] ?? state) !== state) refuse(`the saved state of query ${query} does not fit it any more: give it another id, or start over`);
    }
  }
  const identities = await identitiesOf(analyze.sources, checkpoint, log);
  if (!edited && isDeepStrictEqual(identities, old?.identities ?? {})) return;
  const gone = Object.keys(old?.states ?? {}).filter((query) => !(query in states));
  await checkpoint.writeMetadata({ planHash: analyze.hash, states, identities }, gone);
}

/** Of the topics that are read: another of the same name would be read from the middle. */
function identitiesOf(sources: AnalyzedPlan['analyze']['sources'], checkpoint: Checkpoint, log: Log): Promise<Identities> {
  const cores = checkpoint.core().sources;
  const read = (wanted: string): boolean =>
    sources.some(({ id, topic }) => topic === wanted && cores[id]?.partitions.some(({ offset }) => offset > 0) === true);
  const topics = sources.map(({ topic }) => topic);
  return identify(log, topics, checkpoint.metadata()?.identities ?? {}, read);
}

/** What decides a query's state: filters, results and what is done with late rows may change. */
function stateOf(query: QueryPlan): string {
  if (query.type !== 'aggregate') return '';
  const { groupBy, window, calls, mode } = query;
  return JSON.stringify([groupBy.map(({ type }) => type), window && [window.size, window.slide, window.offset], calls, mode]);
}

async function openBatches(
  options: AnalyzeOptions,
  transport: Transport,
  checkpoint: Checkpoint,
  openTraining: OpenTraining | null,
  jobs: Jobs | null,
): Promise<Batches> {
  const { plan, profile, dataDir } = options;
  const { analyze } = plan;
  const core = checkpoint.core();
  const inHand: InHand = { eventTime: 0, judged: Number.NEGATIVE_INFINITY, origin: -1, offset: 0 };
  const wall = { now: 0 };
  const deadLetters = new DeadLetters(inHand, core.deadLetters, () => wall.now);
  const models = new ModelsInForce(plan.name, transport);
  await models.catchUp();
  const registry = await openSchemas(profile.registry, transport, dataDir, options.clock);
  const schemaIds = await settleSchemas(
    registry,
    analyze.sinks.flatMap((sink) => (sink.type === 'topic' && sink.format === 'avro' ? [{ topic: sink.topic, schema: sink.schema }] : [])),
    analyze.sources.flatMap(({ topic, format, schema }) => (format === 'avro' ? [{ topic, schema }] : [])),
  );
  const rows = analyze.shapes.map((slots) => rowMaker(slots)());
  const row = (shape: number): Row => rows[shape] as Row;
  const counts = { dropped: 0, times: new EventTimes() };
  const duckdb: Duckdb | null = analyze.queries.some(({ type }) => type === 'sql') ? await openDuckdb() : null;
  const training = openTraining?.({ inHand, model: (hash) => models.byHash(hash), ...(jobs ? { fitting: (here: Fit) => jobs.fitting(here) } : {}) }) ?? null;
  const flow = buildFlow(analyze, {
    inHand,
    expressions: { hmacSecret: profile.secrets.hmac },
    deadLetters,
    tools: { duckdb, model: (name) => models.model(name) },
    row,
    dropped: () => void counts.dropped++,
    sink: (sink) =>
      openSink(sink, { wall: () => wall.now, ...(options.screen ? { screen: options.screen } : {}) }, sinkCore(core, sink.id), transport.log, schemaIds),
    listeners: training?.listeners ?? [],
  });
  let origin = 0;
  const sources: Source[] = [];
  for (const source of analyze.sources) {
    core.sources[source.id] ??= freshSource();
    const next = flow.entry.get(source.id) as (row: Row) => void;
    const opened = await Source.open(source, core.sources[source.id] as Core['sources'][string], origin, {
      log: transport.log,
      registry,
      inHand,
      row: row(source.shape),
      next: (record) => {
        counts.times.add(inHand.eventTime);
        next(record);
      },
      flaw: (code, message) => deadLetters.write(code, message, source.id, null, null),
    });
    origin += opened.partitions;
    sources.push(opened);
  }
  deadLetters.sources = sources;
  for (const { plan: query, query: opened } of flow.queries) opened.restore?.(checkpoint.state(query.id));
  training?.restore(checkpoint.state(TRAINING));
  const parts = { plan, clock: options.clock, transport, checkpoint, core, inHand, wall, sources, flow, deadLetters, counts, models, training, duckdb };
  const listened = training?.listeners.map(({ from }) => from) ?? [];
  return new Batches({ ...parts, reading: (await jobs?.reading(parts, registry, listened)) ?? null });
}

function sinkCore(core: Core, id: string): SinkCore {
  const fresh: SinkCore = { seqs: [], length: 0 };
  core.sinks[id] ??= fresh;
  return core.sinks[id];
}
