import type { StagePlan } from '@millrace/pipeline/plan.ts';
import type { Signature, Transport } from '@millrace/transport/log.ts';
import { Ends } from './ends.ts';
import { writerNumber } from './layout.ts';
import type { HostSetup } from './setup.ts';
import type { Notice } from './stats.ts';
import { Left, ReadBack } from './task/left.ts';
import { numberedAs } from './task/outputs.ts';
import { type Saved, TaskStore } from './task/store.ts';

/** The output id under which a task numbers its dead letters. */
export const DEAD_LETTERS = '!dead';

/** What a host finds of one of its tasks. */
export interface Found {
  readonly stage: StagePlan;
  readonly number: number;
  readonly store: TaskStore;
  readonly saved: Saved | null;
  /** by topic, what of the task stands in it already; that of its dead letters by their id */
  readonly left: ReadonlyMap<string, Left>;
}

/** A topic that a task writes, and the id of the output by which its records there are numbered. */
type Written = readonly [topic: string, output: string];

/** What a host finds of its tasks. */
export interface Taken {
  readonly found: readonly Found[];
  /** where the topics they write end; null where a commit is all or nothing of one medium, so that it need not be looked at */
  readonly ends: Ends | null;
  /** who signs what leaves without a commit; null: all leaves with one */
  readonly signedBy: number | null;
  readonly notices: readonly Notice[];
}

/**
 * Finds what tasks saved and what of theirs had left, and fences whoever could still add to it.
 * @throws MillraceError records_gone: a topic ends before the place that a snapshot has seen
 */
export async function takeOver(setup: HostSetup, transport: Transport, tasks: readonly (readonly [stage: number, task: number])[]): Promise<Taken> {
  const { plan, layout } = setup;
  const stages = tasks.map(([stage]) => plan.stages[stage] as StagePlan);
  const topics = new Set(stages.flatMap((stage) => writtenBy(stage, plan.deadLetter.topic).map(([topic]) => topic)));
  const signature = (await transport.immediate?.fence(topics)) ?? null;
  const stores = tasks.map(([, number], i) => new TaskStore(transport.ledger, plan.name, (stages[i] as StagePlan).id, number));
  const loaded = stores.map((store) => store.load());
  const looked = transport.kind === 'kafka' || transport.immediate !== undefined || loaded.some((saved) => saved?.ends);
  const ends = looked ? await Ends.look(transport.log, topics) : null;
  const readBack = new ReadBack(transport.log);
  const found = tasks.map(([index, number], i): Found => {
    const stage = stages[i] as StagePlan;
    const store = stores[i] as TaskStore;
    const saved = loaded[i] ?? null;
    for (const [topic, before] of Object.entries(saved?.ends?.ends ?? {})) if (topics.has(topic)) ends?.check(topic, before);
    const left = new Map<string, Left>();
    for (const [topic, output] of writtenBy(stage, plan.deadLetter.topic)) {
      const partitions = layout.topics[topic] as number;
      const key = output === DEAD_LETTERS ? DEAD_LETTERS : topic;
      if (saved?.ends?.immediate) {
        const writer = writerNumber(layout.generation, index, number);
        left.set(key, readBack.want(topic, writer, saved.cut?.outputs[output]?.seqs ?? [], saved.ends.ends[topic] ?? [], partitions));
      } else {
        const committed = Left.committed(saved?.progress ?? null, output, partitions);
        // as many records at least as this task alone has committed there, which may be after its last snapshot
        ends?.check(topic, [...committed.seqs]);
        left.set(key, committed);
      }
    }
    return { stage, number, store, saved, left };
  });
  if (ends) await readBack.read(ends.all);
  const missed = signature === null ? [] : loaded.flatMap((saved) => missedBy(signature, saved));
  return { found, ends, signedBy: signature?.id ?? null, notices: missed.slice(0, 1) };
}

/** Says so when whoever signed last is another than the one who was refused. */
function missedBy({ refused }: Signature, saved: Saved | null): Notice[] {
  const last = saved?.ends?.signedBy;
  if (last === undefined || last === refused) return [];
  const message =
    'Kafka has forgotten who wrote here last, as it does after seven days without a start, so a process from then is not refused by the brokers. Should one be stopped and not ended, end it.';
  return [{ level: 'warn', code: 'owner_forgotten', message }];
}

function writtenBy(stage: StagePlan, deadLetters: string): Written[] {
  const outputs = stage.outputs.flatMap((plan): Written[] => (plan.kind === 'file' ? [] : [[plan.topic, numberedAs(plan, stage.outputs)]]));
  return [...outputs, [deadLetters, DEAD_LETTERS]];
}
