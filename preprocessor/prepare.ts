import type { Plan, StagePlan } from '@millrace/pipeline/plan.ts';
import { MillraceError } from '@millrace/runtime/errors.ts';
import { type Identities, identify } from '@millrace/transport/identities.ts';
import type { Commit, Fence, Ledger, Log, Transport } from '@millrace/transport/log.ts';
import { claimOutputs } from './claims.ts';
import { type Layout, layOut, type Tasks, tasksOf, writerNumber } from './layout.ts';
import { freshRecord, type Liveness, PipelineLedger, type PipelineRecord, type RunRecord, record } from './lifecycle.ts';
import { filesOf, migrate, misfits, statesOf } from './migrate.ts';
import { afterDeath, readSuspect, type Suspect, suspectBytes, suspectKey } from './suspect.ts';
import { decodeCore } from './task/core.ts';
import { readHeaders } from './task/left.ts';
import { pipelineKey, TaskStore } from './task/store.ts';

/** The form of the snapshots that this process writes. It reads those of 0.1 too, at a clean cut. */
export const BUILD = '0.2';

/** How those who worked before on these tasks ended, and what that asks of the next. */
export interface Prepared {
  /** the last process died: take less at a time */
  readonly wary: boolean;
  /** and again, with nothing gained: take one record at a time, so that what kills the process can be named; with what is suspected */
  readonly careful: { readonly suspect: Suspect | null } | null;
}

/** The numbers that a pipeline goes on under: not yet written down. */
export interface Settled {
  readonly layout: Layout;
  readonly record: PipelineRecord;
  readonly run: RunRecord;
}

/**
 * Looks at what the ledger holds of this pipeline and settles under which numbers it goes on. Refuses (`plan_changed`, `partition_count_changed`) what could not be
 * answered exactly. `running`: whether someone who worked on it has not ended well; asked of an edited plan only.
 */
export async function settle(
  plan: Plan,
  transport: Transport,
  partitions: number,
  fence: Fence | undefined,
  running: (old: PipelineRecord) => boolean | Promise<boolean>,
): Promise<Settled> {
  const ledger = new PipelineLedger(transport.ledger, plan.name);
  const old = ledger.pipeline();
  const current = old ?? freshRecord(plan, BUILD);
  const edited = old !== null && (old.planHash !== plan.hash || old.build !== BUILD);
  if (edited) await checkEdit(plan, old, transport, await running(old));
  const generation = edited ? current.generation + 1 : current.generation;
  const layout = await layOut(plan, transport.log, partitions, generation);
  const identities = await identitiesOf(plan, transport, current);
  for (const [topic, count] of Object.entries(layout.topics)) {
    const before = current.topics[topic];
    if (before !== undefined && before !== count) {
      throw new MillraceError('partition_count_changed', `topic ${topic} had ${before} partitions when this pipeline last ran and has ${count} now`);
    }
  }
  await claimOutputs(plan, layout, transport);
  if (edited) await transport.commit({ appenders: [], ...(await migrate(plan, layout, transport, current.files)), ...(fence ? { fence } : {}) });
  const record = { ...current, planHash: plan.hash, build: BUILD, generation, topics: layout.topics, identities, files: filesOf(plan), states: statesOf(plan) };
  return { layout, record, run: ledger.run() ?? { run: 0, ends: null, finished: true } };
}

/** What a new process makes of how the last one ended on these tasks; `liveness` and `puts` are to be committed before it touches a record. */
export function arise(
  plan: Plan,
  tasks: Tasks,
  ledger: Ledger,
  was: Liveness,
  suspectAt: string,
): Prepared & { readonly liveness: Liveness; readonly puts: Commit['puts'] } {
  const stuckAt = progressOf(plan, tasks, ledger);
  const deaths = !was.running ? 0 : was.stuckAt === stuckAt ? was.deaths + 1 : 1;
  let suspect = readSuspect(ledger, suspectAt);
  const puts: [string, Uint8Array][] = [];
  if (suspect && was.running) {
    suspect = afterDeath(suspect);
    puts.push([suspectAt, suspectBytes(suspect)]);
  }
  return { liveness: { running: true, deaths, stuckAt }, puts, wary: deaths > 0, careful: deaths >= 2 || suspect ? { suspect } : null };
}

/** Both, for one process that has all tasks. */
export async function prepare(
  plan: Plan,
  transport: Transport,
  partitions: number,
  fence: Fence | undefined,
): Promise<Prepared & Pick<Settled, 'layout' | 'run'>> {
  const { layout, record: settled, run } = await settle(plan, transport, partitions, fence, (old) => old.running);
  const { liveness, puts, ...prepared } = arise(plan, tasksOf(layout), transport.ledger, settled, suspectKey(plan.name));
  const pipeline = [pipelineKey(plan.name, 'pipeline'), record({ ...settled, ...liveness })] as const;
  await transport.commit({ appenders: [], puts: [pipeline, ...puts], ...(fence ? { fence } : {}) });
  return { layout, run, ...prepared };
}

/** An edited file, or a release that saves in another form, is taken only where nothing is under way: no journal to replay, no exchange to drain, no end to reach. */
async function checkEdit(plan: Plan, old: PipelineRecord, transport: Transport, running: boolean): Promise<void> {
  const upgraded = old.build !== BUILD;
  const what = upgraded
    ? `a release that saves in form ${old.build}, not ${BUILD}, used the data directory last`
    : `${plan.file} has changed since the data directory was last used`;
  const first = upgraded ? 'finish it with that release and the file as it was' : 'finish it with the file as it was, then edit';
  const refuse = (why: string): never => {
    throw new MillraceError('plan_changed', `${what}, and ${why}`);
  };
  if (running) refuse(`the last run did not stop cleanly: ${first}`);
  const run = new PipelineLedger(transport.ledger, plan.name).run();
  if (run && !run.finished && run.ends) refuse(`a run to the end is unfinished: ${first}`);
  const [misfit] = misfits(plan, old);
  if (misfit) refuse(`the saved state of step ${misfit} does not fit it any more: give the step another id, or start over`);
  const taken = takenOf(plan.name, transport.ledger);
  for (const topic of Object.keys(old.topics)) {
    const info = transport.log.topic(topic);
    if (info?.meta['internal'] !== 'true') continue;
    for (let p = 0; p < info.partitions; p++)
      if (await holds(transport.log, topic, p, taken.get(`${topic}/${p}`) ?? 0))
        refuse(`exchange ${topic} still holds records: run it once with the file as it was, then edit`);
  }
}

/** Of the topics that are read, its own exchanges among them. */
function identitiesOf(plan: Plan, { log, ledger }: Transport, before: PipelineRecord): Promise<Identities> {
  const begun = new Set([...takenOf(plan.name, ledger)].flatMap(([place, offset]) => (offset > 0 ? [place.slice(0, place.lastIndexOf('/'))] : [])));
  const exchanges = plan.stages.flatMap(({ inputs }) =>
    inputs.flatMap((input) => (input.kind === 'exchange' ? [{ id: input.topic, topic: input.topic }] : [])),
  );
  const inputs = [...plan.sources, ...exchanges].flatMap(({ id, topic }) => (topic === null ? [] : [{ id, topic }]));
  const read = (wanted: string): boolean => inputs.some(({ id, topic }) => topic === wanted && begun.has(id));
  const topics = inputs.map(({ topic }) => topic);
  return identify(log, topics, before.identities ?? {}, read);
}

/** By input and partition (`input/partition`), the offset behind what was taken of it. */
export function takenOf(pipeline: string, ledger: Ledger): ReadonlyMap<string, number> {
  const cores = [...ledger.entries(pipelineKey(pipeline, 't', ''))].flatMap(([key, value]) => (key.endsWith('/progress') ? [decodeCore(value)] : []));
  return new Map(cores.flatMap(({ inputs }) => inputs.map(({ name, offset }) => [name, offset])));
}

/** Whether a partition of an exchange has records behind those that were taken. Its last ones stay in it, and heartbeats say nothing that its next writers will not. */
async function holds(log: Log, topic: string, partition: number, taken: number): Promise<boolean> {
  const from = Math.max(taken, await log.startOffset(topic, partition));
  const end = await log.endOffset(topic, partition);
  let records = 0;
  if (from < end)
    await readHeaders(log, topic, partition, from, end, ({ heartbeat }) => {
      if (!heartbeat) records++;
    });
  return records > 0;
}

/** One text for how far tasks are: the same text after a death means that nothing was gained. */
function progressOf(plan: Plan, tasks: Tasks, ledger: Ledger): string {
  return tasks
    .map(([stage, task]) => {
      const saved = new TaskStore(ledger, plan.name, (plan.stages[stage] as StagePlan).id, task).progress();
      return `${writerNumber(0, stage, task)}:${saved === null ? '' : saved.inputs.map((input) => input.offset).join(',')}`;
    })
    .join(' ');
}
