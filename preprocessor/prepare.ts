import type { Plan } from '@millrace/pipeline/plan.ts';
import { MillraceError } from '@millrace/runtime/errors.ts';
import type { Fence, Transport } from '@millrace/transport/log.ts';
import { type Layout, layOut, writerNumber } from './layout.ts';
import { freshRecord, PipelineLedger, type PipelineRecord, type RunRecord, record } from './lifecycle.ts';
import { filesOf, migrate, misfits, statesOf } from './migrate.ts';
import { afterDeath, readSuspect, type Suspect, suspectBytes, suspectKey } from './suspect.ts';
import { TaskStore } from './task/store.ts';

/** The release whose snapshots this process writes and reads. */
const BUILD = '0.1';

export interface Prepared {
  readonly layout: Layout;
  readonly run: RunRecord;
  /** the last process died: take less at a time */
  readonly wary: boolean;
  /** and again, with nothing gained: take one record at a time, so that what kills the process can be named; with what is suspected */
  readonly careful: { readonly suspect: Suspect | null } | null;
}

/**
 * Looks at what the data directory holds of this pipeline and settles under which numbers it goes on. Refuses (`plan_changed`,
 * `partition_count_changed`) what could not be answered exactly.
 */
export async function prepare(plan: Plan, transport: Transport, partitions: number, fence: Fence | undefined): Promise<Prepared> {
  const ledger = new PipelineLedger(transport.ledger, plan.name);
  const old = ledger.pipeline();
  const current = old ?? freshRecord(plan, BUILD);
  const edited = old !== null && (old.planHash !== plan.hash || old.build !== BUILD);
  if (edited) await checkEdit(plan, old, transport);
  const generation = edited ? current.generation + 1 : current.generation;
  const layout = await layOut(plan, transport.log, partitions, generation);
  for (const [topic, count] of Object.entries(layout.topics)) {
    const before = current.topics[topic];
    if (before !== undefined && before !== count) {
      throw new MillraceError('partition_count_changed', `topic ${topic} had ${before} partitions when this pipeline last ran and has ${count} now`);
    }
  }
  if (edited) await transport.commit({ appenders: [], ...(await migrate(plan, layout, transport, current.files)), ...(fence ? { fence } : {}) });
  const stuckAt = progressOf(plan, layout, transport);
  const deaths = !current.running ? 0 : current.stuckAt === stuckAt ? current.deaths + 1 : 1;
  const next: PipelineRecord = {
    ...current,
    planHash: plan.hash,
    build: BUILD,
    generation,
    topics: layout.topics,
    files: filesOf(plan),
    states: statesOf(plan),
    running: true,
    deaths,
    stuckAt,
  };
  const puts: [string, Uint8Array][] = [[ledger.pipelineKey, record(next)]];
  let suspect = readSuspect(transport.ledger, plan.name);
  if (suspect && current.running) {
    suspect = afterDeath(suspect);
    puts.push([suspectKey(plan.name), suspectBytes(suspect)]);
  }
  await transport.commit({ appenders: [], puts, ...(fence ? { fence } : {}) });
  return { layout, run: ledger.run() ?? { run: 0, ends: null, finished: true }, wary: deaths > 0, careful: deaths >= 2 || suspect ? { suspect } : null };
}

/** An edited file is taken only where nothing is under way: no journal to replay, no exchange to drain, no end to reach. */
async function checkEdit(plan: Plan, old: PipelineRecord, transport: Transport): Promise<void> {
  const refuse = (why: string): never => {
    throw new MillraceError('plan_changed', `${plan.file} has changed since the data directory was last used, and ${why}`);
  };
  if (old.running) refuse('the last run did not stop cleanly: finish it with the file as it was, then edit');
  const run = new PipelineLedger(transport.ledger, plan.name).run();
  if (run && !run.finished && run.ends) refuse('a run to the end is unfinished: finish it with the file as it was, then edit');
  const [misfit] = misfits(plan, old);
  if (misfit) refuse(`the saved state of step ${misfit} does not fit it any more: give the step another id, or use a new data directory`);
  for (const topic of Object.keys(old.topics)) {
    const info = transport.log.topic(topic);
    if (info?.meta['internal'] !== 'true') continue;
    for (let p = 0; p < info.partitions; p++) {
      const left = (await transport.log.endOffset(topic, p)) - (await transport.log.startOffset(topic, p));
      if (left > 0) refuse(`exchange ${topic} still holds records`);
    }
  }
}

/** One text for how far all tasks are: the same text after a death means that nothing was gained. */
function progressOf(plan: Plan, layout: Layout, transport: Transport): string {
  return plan.stages
    .flatMap((stage) =>
      Array.from({ length: layout.tasks[stage.index] as number }, (_, task) => {
        const saved = new TaskStore(transport.ledger, plan.name, stage.id, task).progress();
        return `${writerNumber(0, stage.index, task)}:${saved === null ? '' : saved.inputs.map((input) => input.offset).join(',')}`;
      }),
    )
    .join(' ');
}
