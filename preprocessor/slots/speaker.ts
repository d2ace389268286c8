import type { Commit, Ledger, Transport } from '@millrace/transport/log.ts';
import type { Parts } from '@millrace/transport/parts.ts';
import { tasksOf } from '../layout.ts';
import { newborn, PipelineLedger, type RunRecord, record, slotKey } from '../lifecycle.ts';
import { BUILD, settle } from '../prepare.ts';
import { endsOf, gather } from '../resources.ts';
import type { RunOptions } from '../run-options.ts';
import { type TableCounts, TableWatch } from '../tables/watch.ts';
import { TaskStore } from '../task/store.ts';
import { livenessOf } from './slot.ts';
import { type Word, wordKey } from './word.ts';

/** Whoever has slot 0: settles what concerns the whole pipeline, gives the word, and marks a run finished when all tasks have ended it. */
export class Speaker {
  readonly #options: RunOptions;
  readonly #part: Transport;
  readonly #runKey: string;
  #word: Word;
  readonly #tables: TableWatch;
  /** whether the run is one that others began and did not finish: what has come since is for another */
  resumed = false;

  private constructor(options: RunOptions, part: Transport, word: Word) {
    this.#options = options;
    this.#part = part;
    this.#runKey = new PipelineLedger(part.ledger, options.plan.name).runKey;
    this.#word = word;
    this.#tables = new TableWatch(options.plan, word.layout, part, undefined, options.onEvent);
  }

  /** `part`: slot 0's. `found`: the run that was under way when this process came. Goes on with a run that is under way; else it begins one. @throws MillraceError plan_changed, partition_count_changed, source_missing … */
  static async begin(options: RunOptions, parts: Parts, part: Transport, slots: number, found: number | null): Promise<Speaker> {
    const { plan, profile, begun = null } = options;
    const { layout, record: settled, run } = await settle(plan, part, profile.transport.partitions, undefined, () => anyRunning(parts, plan.name, slots));
    const ledger = new PipelineLedger(part.ledger, plan.name);
    await part.commit({ appenders: [], puts: [[ledger.pipelineKey, record({ ...settled, ...newborn })]] });
    const resources = await gather(options, part, undefined);
    const speaker = new Speaker(options, part, { planHash: plan.hash, build: BUILD, layout, run, begun, ...resources });
    // to the end of the input also where a run without one is under way: its processes follow
    if (run.finished || (run.ends === null && options.untilEnd)) await speaker.next();
    else {
      speaker.resumed = run.ends !== null && run.run === found;
      if (speaker.resumed)
        options.onEvent({ level: 'info', code: 'run_resumed', message: `run ${run.run} was interrupted: finishing it to the end it had first` });
      await speaker.#give([]);
    }
    return speaker;
  }

  get run(): RunRecord {
    return this.#word.run;
  }

  /** Looks after what concerns all who work, as often as one likes: the files of the lookup tables. `now`: monotonic ms. */
  look(now: number): void {
    this.#tables.look(now);
  }

  /** Looks after nothing more: what it has under way is not written. */
  leave(): void {
    void this.#tables.close();
  }

  /** since the last call */
  drainTables(): TableCounts {
    return this.#tables.drainCounts();
  }

  /** Begins the next run. */
  async next(): Promise<void> {
    const { layout, stamps, run } = this.#word;
    this.resumed = false;
    const ends = this.#options.untilEnd ? await endsOf(this.#options, this.#part, layout, stamps) : null;
    await this.#setRun({ run: run.run + 1, ends, finished: false });
  }

  /** Whether the run has an end and every task, wherever it works, has come to it. */
  get ended(): boolean {
    const { plan } = this.#options;
    const { run, layout } = this.#word;
    if (run.ends === null || run.finished) return run.finished;
    return tasksOf(layout).every(([stage, task]) => {
      const progress = new TaskStore(this.#part.ledger, plan.name, plan.stages[stage]?.id as string, task).progress();
      return progress?.ended === true && progress.run === run.run;
    });
  }

  async finish(): Promise<void> {
    await this.#setRun({ ...this.#word.run, finished: true });
  }

  async #setRun(run: RunRecord): Promise<void> {
    this.#word = { ...this.#word, run };
    await this.#give([[this.#runKey, record(run)]]);
  }

  async #give(puts: Commit['puts']): Promise<void> {
    const word = [wordKey(this.#options.plan.name), Buffer.from(JSON.stringify(this.#word))] as const;
    await this.#part.commit({ appenders: [], puts: [...puts, word] });
  }
}

/** Whether some slot did not end well, once nobody can work on any under the plan as it was. */
async function anyRunning(parts: Parts, pipeline: string, slots: number): Promise<boolean> {
  for (let slot = 1; slot < slots; slot++) await (await parts.part(slot)).close();
  return Array.from({ length: slots }, (_, slot) => running(parts.ledger, pipeline, slot)).includes(true);
}

function running(ledger: Ledger, pipeline: string, slot: number): boolean {
  return livenessOf(ledger, slotKey(pipeline, slot, 'life')).running;
}
