import { type Claim, claim } from '@millrace/transport/embedded/ownership.ts';
import type { Commit, Position, Transport } from '@millrace/transport/log.ts';
import { openTransport } from '@millrace/transport/open.ts';
import { type Tasks, tasksOf } from './layout.ts';
import { PipelineLedger, type PipelineRecord, type RunRecord, record } from './lifecycle.ts';
import { prepare } from './prepare.ts';
import { endsOf, gather } from './resources.ts';
import { MAX_RECORDS, type RunOptions } from './run-options.ts';
import type { HostSetup } from './setup.ts';
import { suspectKey } from './suspect.ts';
import { TableWatch } from './tables/watch.ts';

/** A pipeline over its data directory: owned by this process, checked, ready for a run. */
export class Opened {
  readonly transport: Transport;
  readonly wake: SharedArrayBuffer;
  readonly #options: RunOptions;
  readonly #claim: Claim | null;
  readonly #ledger: PipelineLedger;
  readonly #setup: Omit<HostSetup, 'run'>;
  /** to be asked to look while a run goes on */
  readonly tables: TableWatch;
  run: RunRecord;

  private constructor(options: RunOptions, transport: Transport, wake: SharedArrayBuffer, claim: Claim | null, run: RunRecord, setup: Omit<HostSetup, 'run'>) {
    this.#options = options;
    this.transport = transport;
    this.wake = wake;
    this.#claim = claim;
    this.#ledger = new PipelineLedger(transport.ledger, options.plan.name);
    this.run = run;
    this.#setup = setup;
    this.tables = new TableWatch(options.plan, setup.layout, transport, setup.fence, options.onEvent);
  }

  /** @throws MillraceError already_running, plan_changed, partition_count_changed, source_missing … */
  static async open(options: RunOptions): Promise<Opened> {
    const wake = options.wake ?? new SharedArrayBuffer(8);
    const { plan, profile, dataDir, maxRecords = MAX_RECORDS, begun = null } = options;
    const transport = options.transport ?? (await openTransport(profile.transport, dataDir, wake));
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
        suspectKey: suspectKey(plan.name),
        fence,
        ...(await gather(options, transport, fence)),
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
  tasks(): Tasks {
    return tasksOf(this.#setup.layout);
  }

  async #put(puts: Commit['puts']): Promise<void> {
    const fence = this.#claim?.fence;
    await this.transport.commit({ appenders: [], puts, ...(fence ? { fence } : {}) });
  }

  async commitRun(run: RunRecord): Promise<void> {
    await this.#put([[this.#ledger.runKey, record(run)]]);
    this.run = run;
  }

  /** where every source ends now */
  ends(): Promise<Record<string, (Position | 'writers')[]>> {
    return endsOf(this.#options, this.transport, this.#setup.layout, this.#setup.stamps);
  }

  /** `clean`: everything is saved, and the next process need not recover */
  async close(clean: boolean): Promise<void> {
    await this.tables.close();
    try {
      if (clean) {
        const last = this.#ledger.pipeline() as PipelineRecord;
        await this.#put([[this.#ledger.pipelineKey, record({ ...last, running: false, deaths: 0 })]]);
      }
      await this.#claim?.release();
    } finally {
      if (!this.#options.transport) await this.transport.close();
    }
  }
}
