import type { Plan, TablePlan } from '@millrace/pipeline/plan.ts';
import { loadTable } from '@millrace/pipeline/tables.ts';
import { MillraceError } from '@millrace/runtime/errors.ts';
import type { Commit, Fence, Transport } from '@millrace/transport/log.ts';
import type { Layout } from '../layout.ts';
import type { Notice } from '../stats.ts';
import { catalogBytes, catalogKey, hashOf, readCatalog, tableKey, withContent } from './catalog.ts';
import { lookAt, readHashed } from './file.ts';
import { sweepable } from './sweep.ts';

/** How often files are looked at, ms: a change counts once two looks see the same, so that nothing half written is taken. */
const LOOK_MS = 500;
const SWEEP_MS = 10_000;

/** Versions of lookup tables that came while running. */
export interface TableCounts {
  taken: number;
  /** those that could not be read: the version before stays */
  refused: number;
}

interface Watched {
  readonly plan: TablePlan;
  /** the file as last taken, or refused for what it holds; null: as it was at the start */
  settled: string | null;
  seen: string | null;
  /** the file of which it was said last why it is not taken */
  told: string | null;
}

/**
 * Looks at the files of the lookup tables while a pipeline runs. A new content that is a table is kept in the ledger and named there, in one commit; the tasks take it
 * from there, each as a choice of its own.
 */
export class TableWatch {
  readonly #plan: Plan;
  readonly #layout: Layout;
  readonly #transport: Transport;
  readonly #fence: Fence | undefined;
  readonly #onEvent: (event: Notice) => void;
  readonly #watched: readonly Watched[];
  #counts: TableCounts = { taken: 0, refused: 0 };
  #lookedAt = Number.NEGATIVE_INFINITY;
  #sweptAt = Number.NEGATIVE_INFINITY;
  #looking: Promise<void> | null = null;
  #over = false;

  constructor(plan: Plan, layout: Layout, transport: Transport, fence: Fence | undefined, onEvent: (event: Notice) => void) {
    this.#plan = plan;
    this.#layout = layout;
    this.#transport = transport;
    this.#fence = fence;
    this.#onEvent = onEvent;
    this.#watched = plan.tables.map((table) => ({ plan: table, settled: null, seen: null, told: null }));
  }

  /** As often as one likes; what there is to do is done meanwhile. `now`: monotonic ms. */
  look(now: number): void {
    if (this.#over || this.#looking !== null || this.#watched.length === 0 || now - this.#lookedAt < LOOK_MS) return;
    this.#lookedAt = now;
    this.#looking = this.#lookAtAll(now).finally(() => {
      this.#looking = null;
    });
  }

  /** since the last call */
  drainCounts(): TableCounts {
    const counts = this.#counts;
    this.#counts = { taken: 0, refused: 0 };
    return counts;
  }

  /** Looks no more; resolves when nothing is under way. */
  async close(): Promise<void> {
    this.#over = true;
    await this.#looking;
  }

  async #lookAtAll(now: number): Promise<void> {
    for (const watched of this.#watched) {
      try {
        await this.#lookAt(watched);
      } catch (error) {
        if (error instanceof MillraceError && error.code === 'fenced') this.#over = true;
        if (this.#over) return;
        this.#refuse(watched, error as Error);
      }
    }
    if (now - this.#sweptAt < SWEEP_MS || this.#over) return;
    this.#sweptAt = now;
    try {
      await this.#sweep();
    } catch {
      // what is the matter, those who work hear as well; the versions are swept another time
    }
  }

  async #lookAt(watched: Watched): Promise<void> {
    const { plan, seen } = watched;
    watched.seen = await lookAt(plan.path);
    if (watched.seen === watched.settled || watched.seen !== seen) return;
    if (watched.seen === '') throw new Error('the file is not there');
    const { bytes, hash } = await readHashed(plan.path);
    // it was written to meanwhile
    if ((await lookAt(plan.path)) !== watched.seen) return;
    const named = readCatalog(this.#transport.ledger, this.#plan.name).named[plan.id];
    if (named === undefined || hashOf(named) !== hash) await this.#take(plan, bytes, hash);
    watched.settled = watched.seen;
  }

  /** Says why a version is not taken, once. What is no fault of its content is tried again. */
  #refuse(watched: Watched, error: Error): void {
    const { plan, seen, told } = watched;
    if (error instanceof MillraceError && error.code === 'bad_table') watched.settled = seen;
    if (told === seen) return;
    watched.told = seen;
    this.#counts.refused++;
    const why = error.message.replace(`table ${plan.id} (${plan.path}): `, '');
    const message = `table ${plan.id}: the change of ${plan.path} is not taken, the version before stays in force: ${why}`;
    this.#onEvent({ level: 'warn', code: 'table_refused', message });
  }

  async #take(table: TablePlan, bytes: Uint8Array, hash: string): Promise<void> {
    const { size } = await loadTable(table, bytes);
    const { id, path } = table;
    const { name } = this.#plan;
    const { catalog, version } = withContent(readCatalog(this.#transport.ledger, name), id, hash);
    await this.#put([
      [tableKey(name, version), bytes],
      [catalogKey(name), catalogBytes(catalog)],
    ]);
    this.#counts.taken++;
    const rows = size === 1 ? '1 row' : `${size.toLocaleString('en-US')} rows`;
    this.#onEvent({
      level: 'info',
      code: 'table_taken',
      message: `table ${id}: ${path} has changed, its new version (${rows}) comes into force as soon as the tasks have read it`,
    });
  }

  async #sweep(): Promise<void> {
    const { ledger } = this.#transport;
    const { name } = this.#plan;
    const catalog = readCatalog(ledger, name);
    const gone = sweepable(this.#plan, this.#layout, ledger, catalog);
    if (gone.length === 0) return;
    const left = { ...catalog, old: catalog.old.filter((version) => !gone.includes(version)) };
    await this.#put([...gone.map((version) => [tableKey(name, version), null] as const), [catalogKey(name), catalogBytes(left)]]);
  }

  async #put(puts: Commit['puts']): Promise<void> {
    if (this.#over) throw new Error('the run is over');
    await this.#transport.commit({ appenders: [], puts, ...(this.#fence ? { fence: this.#fence } : {}) });
  }
}
