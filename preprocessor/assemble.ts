import type { InputPlan, OutputPlan, StagePlan } from '@millrace/pipeline/plan.ts';
import type { Clock } from '@millrace/runtime/clock.ts';
import { eventTimeOf } from '@millrace/shared-schemas/event-time.ts';
import { HeaderReader } from '@millrace/shared-schemas/header.ts';
import { rowCodec } from '@millrace/shared-schemas/row-codec.ts';
import type { Row } from '@millrace/shared-schemas/types.ts';
import { FileMarker } from '@millrace/transport/connectors/stamp.ts';
import type { Reader, Transport } from '@millrace/transport/log.ts';
import { openSchemas } from '@millrace/transport/open.ts';
import { Decisions } from './decisions.ts';
import type { Ends } from './ends.ts';
import { Host } from './host.ts';
import { bridges, inputsOf, originNumber, originOf, writerNumber } from './layout.ts';
import { SourceLineage } from './lineage.ts';
import { ModelStore } from './model-store.ts';
import type { HostSetup } from './setup.ts';
import { openDecoder, openReader, type SourceContext } from './source/open-source.ts';
import { asIs, slotsPassed, slotsRead, type Told, told } from './source/unread.ts';
import type { Notice } from './stats.ts';
import { Caution, poison, WARY_RECORDS } from './suspect.ts';
import { TableStore } from './tables/store.ts';
import { DEAD_LETTERS, type Found, takeOver } from './takeover.ts';
import { buildChain } from './task/chain.ts';
import type { InputCore } from './task/core.ts';
import { DeadLetters } from './task/dead-letter.ts';
import { freshCore, freshInput, freshWriters } from './task/fresh.ts';
import { ExchangeInput, SourceInput, type TaskInput } from './task/inputs.ts';
import { Journal } from './task/journal.ts';
import type { Left } from './task/left.ts';
import type { OutputHost } from './task/log-output.ts';
import { ModelChoice } from './task/model-choice.ts';
import { ModelsInForce } from './task/models-in-force.ts';
import { type FileInput, OpenTask } from './task/open-task.ts';
import { coreOf, openOutputs } from './task/outputs.ts';
import { Policy, type RunEnds } from './task/policy.ts';
import { rowsOf } from './task/rows.ts';
import { TaskStore } from './task/store.ts';
import { TableChoice } from './task/table-choice.ts';
import { Task } from './task/task.ts';
import { trainingStages } from './training-stages.ts';

const MAX_BYTES = 1 << 20;

/** What the tasks of a thread share. */
interface Shared {
  readonly tables: TableStore;
  readonly models: ModelStore;
  readonly decisions: Decisions;
}

/** Opens and recovers tasks over a transport, and puts a host over them. */
export async function assembleHost(
  setup: HostSetup,
  transport: Transport,
  clock: Clock,
  tasks: readonly (readonly [stage: number, task: number])[],
): Promise<Host> {
  const { name } = setup.plan;
  const decisions = new Decisions(transport, name);
  const shared: Shared = { tables: new TableStore(setup.plan, transport.ledger), models: new ModelStore(name, transport.ledger), decisions };
  const context: SourceContext = {
    log: transport.log,
    clock,
    begun: setup.begun,
    registry: await openSchemas(setup.profile.registry, transport, setup.dataDir, clock),
    stamps: setup.stamps,
    expressions: { hmacSecret: setup.profile.secrets.hmac },
  };
  const open: OpenTask[] = [];
  let ends: Ends | null = null;
  try {
    const taken = await takeOver(setup, transport, tasks);
    ends = taken.ends;
    await decisions.catchUp();
    for (const [i, of] of taken.found.entries())
      open.push(await openTask(setup, transport, clock, context, shared, of, taken.signedBy, i === 0 ? taken.notices : []));
  } catch (error) {
    for (const task of open) task.close();
    decisions.close();
    throw error;
  }
  const caution =
    setup.careful &&
    new Caution(
      setup.suspectKey,
      open.map((task) => task.name),
      setup.careful.suspect,
    );
  const { kafka } = setup.profile.transport;
  const pace = { every: kafka?.commitEvery ?? 0, bytes: setup.profile.memory.inFlight };
  return new Host(transport, clock, open, setup.fence, pace, ends, setup.profile.checkpoint.every, caution, () => decisions.close());
}

async function openTask(
  setup: HostSetup,
  transport: Transport,
  clock: Clock,
  context: SourceContext,
  shared: Shared,
  { stage, number, store, saved, left }: Found,
  signedBy: number | null,
  before: readonly Notice[],
): Promise<OpenTask> {
  const { plan, layout } = setup;
  const { tables } = shared;
  const core = saved?.cut ?? freshCore();
  const inputPlans = inputsOf(stage, layout, number);
  const looked = plan.tables.map(({ id }) => id).filter((id) => uses(stage, id));
  for (const table of looked) await tables.begin(table);
  const versions = [
    ...Object.entries(core.tables),
    ...(saved?.journal ?? []).flatMap((entry) => (entry[0] === 'table' ? [[entry[1], entry[2]] as const] : [])),
  ];
  for (const [table, version] of versions) if (looked.includes(table)) await tables.load(table, version);

  const time = {
    eventTime: 0,
    watermark: core.watermark,
    judged: core.watermark,
    settled: Number.NEGATIVE_INFINITY,
    ending: false,
    origin: -1,
    originOffset: -1,
  };
  const wall = { now: clock.now() };
  const host: OutputHost = { time, writer: writerNumber(layout.generation, stage.index, number), task: number, wall: () => wall.now };
  const outputs = openOutputs(stage.outputs, core, saved?.progress ?? null, left, host, transport.log, setup.schemaIds, bridges(plan));
  const lineage = new SourceLineage(plan, layout, context);
  const read = slotsRead(plan, stage);
  const passed = slotsPassed(plan, stage);
  const tell: Told = (record, columns) => {
    const source = originOf(layout, time.origin)?.source;
    const input = inputPlans.find((candidate) => candidate.kind === 'source' && candidate.source === source);
    const sourcePlan = source === undefined ? undefined : plan.sources[source];
    if (!input || !sourcePlan || record !== row(input.shape)) return asIs(record, columns);
    return told(record, columns, read, stage.shapes[input.shape] as readonly string[], () => openDecoder(sourcePlan, context));
  };
  const deadTopic = plan.deadLetter.topic;
  const deadLetters = new DeadLetters(host, coreOf(core, DEAD_LETTERS), transport.log.appender(deadTopic), left.get(DEAD_LETTERS) as Left, lineage, tell);
  const dropped = { count: 0 };

  const rows = rowsOf(stage);
  const row = (shape: number): Row => rows[shape] as Row;
  const inForce = new Map<string, ReadonlyMap<string, Row>>();
  const useTable = (table: string, version: string): void => void inForce.set(table, tables.get(table, version));
  for (const [table, version] of Object.entries(core.tables)) if (looked.includes(table)) useTable(table, version);
  const notices: Notice[] = [...before];
  const models = new ModelsInForce(stage, shared.models, notices);
  for (const [model, hash] of Object.entries(core.models)) models.use(model, hash);

  const chain = buildChain(stage, {
    time,
    expressions: context.expressions,
    row,
    table: (id) => inForce.get(id) ?? new Map(),
    model: (name) => models.holder(name),
    deadLetter: (code, message, step, record, columns) => deadLetters.write(code, message, step, record, columns),
    dropped: () => void dropped.count++,
    write: (output: OutputPlan) => {
      const opened = outputs.byPlan.get(output);
      return (record) => opened?.write(record);
    },
  });
  for (const [id, operator] of chain.steps) operator.restore?.(store.state(id));

  const inputs: TaskInput[] = [];
  const task = new Task({
    core,
    time,
    inputs,
    chain,
    topics: outputs.topics,
    exchanges: outputs.exchanges,
    followed: outputs.followed,
    files: outputs.files,
    deadLetters,
    dropped,
    useTable,
    useModel: (model, hash) => models.use(model, hash),
  });
  const restored = new Map(core.inputs.map((input) => [input.name, input]));
  core.inputs = [];
  for (const [index, input] of inputPlans.entries()) {
    const opened = openInput(
      setup,
      number,
      input,
      index,
      task,
      restored,
      transport,
      context,
      row(input.shape),
      chain.entry.get(input.id) as (record: Row) => void,
      read,
      passed,
    );
    core.inputs.push(opened.core);
    inputs.push(opened);
  }
  if (saved) await task.replay(saved.journal, saved.progress, () => transport.log.wait(5));

  const journal = new Journal(inputPlans.length > 1);
  const policy = new Policy(
    task,
    journal,
    {
      mergeWait: plan.mergeWait,
      idleAfter: inputPlans.map((input) => (input.kind === 'source' ? (plan.sources[input.source]?.idleAfter ?? 0) : Number.POSITIVE_INFINITY)),
      maxBytes: MAX_BYTES,
      maxRecords: setup.maxRecords,
      wary: setup.wary ? WARY_RECORDS : null,
      tables: looked.length === 0 ? null : new TableChoice(core, looked, tables),
    },
    runEnds(setup, inputPlans, number),
    (input) => upstreamEnded(setup, transport, inputPlans[input] as InputPlan),
    models.models.length === 0 ? null : new ModelChoice(core, models.models, shared.decisions, (model) => endedAt(setup, transport, model), notices),
  );
  policy.poison = poison(setup.careful?.suspect ?? null, `${stage.id}.${number}`);
  const parts = { stage: stage.id, number, task, journal, store, policy, clock, wall, files: fileSources(setup, inputPlans), pipeline: plan.name };
  return new OpenTask(
    {
      ...parts,
      notices,
      exchanges: inputPlans.map((input) => (input.kind === 'exchange' ? input.topic : null)),
      topicIds: outputs.topicIds,
      fileIds: outputs.fileIds,
      lineage,
      saved: saved?.ends ?? null,
      signedBy,
      writersEnds: (input) => writersEnds(setup, transport, inputPlans[input] as InputPlan),
    },
    saved !== null && saved.journal.length > 0,
  );
}

function uses(stage: StagePlan, table: string): boolean {
  return stage.nodes.some((node) => node.type === 'lookup' && node.table === table);
}

function fileSources(setup: HostSetup, inputs: readonly InputPlan[]): FileInput[] {
  return inputs.flatMap((input, index) => {
    const source = input.kind === 'source' ? setup.plan.sources[input.source] : undefined;
    return source?.type === 'file'
      ? [{ index, id: source.id, marker: new FileMarker(source.path as string), stamp: setup.stamps[source.id] as FileInput['stamp'] }]
      : [];
  });
}

function openInput(
  setup: HostSetup,
  number: number,
  input: InputPlan,
  index: number,
  task: Task,
  restored: ReadonlyMap<string, InputCore>,
  transport: Transport,
  context: SourceContext,
  row: Row,
  next: (row: Row) => void,
  read: ReadonlySet<string>,
  passed: ReadonlySet<string>,
): TaskInput {
  const { plan, layout } = setup;
  if (input.kind === 'exchange') {
    const writers = Array.from({ length: layout.tasks[input.stage] as number }, (_, n) => writerNumber(layout.generation, input.stage, n));
    const name = `${input.topic}/${number}`;
    const core = restored.get(name) ?? freshInput(name);
    if (core.writers.length === 0) core.writers = freshWriters(writers, core.watermark);
    const reader = transport.log.reader(input.topic, number, core.base);
    return new ExchangeInput(index, reader, core, task, row, rowCodec(input.columns).decode, next, new HeaderReader());
  }
  const source = plan.sources[input.source] as (typeof plan.sources)[number];
  const core = restored.get(`${source.id}/${number}`) ?? freshInput(`${source.id}/${number}`);
  const reader: Reader = openReader(source, number, core.base, context);
  const { eventTime } = source;
  return new SourceInput(index, reader, core, task, row, openDecoder(source, context, read, passed), next, {
    outOfOrder: source.outOfOrder,
    maxAhead: source.maxAhead,
    maxRecord: source.maxRecord,
    eventTime: eventTime && eventTimeOf(eventTime.slot, eventTime.type),
    onError: source.onError,
    origin: originNumber(layout, source.index, number),
  });
}

function runEnds(setup: HostSetup, inputs: readonly InputPlan[], number: number): RunEnds {
  const { run, ends } = setup.run;
  return {
    run,
    ends: inputs.map((input) => {
      if (ends === null) return null;
      if (input.kind === 'exchange') return 'writers';
      return ends[setup.plan.sources[input.source]?.id as string]?.[number] ?? null;
    }),
  };
}

/** the least watermark of the tasks that have ended this run, of those that speak for a model's training data; +Infinity when none has */
function endedAt(setup: HostSetup, transport: Transport, model: string): number {
  const { plan, layout, run } = setup;
  let least = Number.POSITIVE_INFINITY;
  if (run.ends === null) return least;
  for (const stage of trainingStages(plan, model)) {
    for (let task = 0; task < (layout.tasks[stage] as number); task++) {
      const core = new TaskStore(transport.ledger, plan.name, (plan.stages[stage] as StagePlan).id, task).progress();
      if (core?.ended && core.run === run.run && core.watermark > Number.NEGATIVE_INFINITY) least = Math.min(least, core.watermark);
    }
  }
  return least;
}

/** by writer of an exchange, where its topic ended at the writer's last snapshot; null for a writer that has told of none */
function writersEnds(setup: HostSetup, transport: Transport, input: InputPlan): (readonly number[] | null)[] {
  if (input.kind !== 'exchange') return [];
  const { plan, layout } = setup;
  const stage = (plan.stages[input.stage] as StagePlan).id;
  return Array.from(
    { length: layout.tasks[input.stage] as number },
    (_, n) => new TaskStore(transport.ledger, plan.name, stage, n).ends()?.ends[input.topic] ?? null,
  );
}

/** whether the steps of this pipeline that write a source's topic have all ended the run */
function upstreamEnded(setup: HostSetup, transport: Transport, input: InputPlan): boolean {
  const { plan, layout, run } = setup;
  const topic = input.kind === 'source' ? plan.sources[input.source]?.topic : null;
  return plan.stages
    .filter((stage) => stage.outputs.some((output) => output.kind === 'topic' && output.topic === topic))
    .every((stage) =>
      Array.from({ length: layout.tasks[stage.index] as number }, (_, n) => new TaskStore(transport.ledger, plan.name, stage.id, n).progress()).every(
        (core) => core?.ended === true && core.run === run.run,
      ),
    );
}
