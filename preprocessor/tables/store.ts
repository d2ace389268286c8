import type { Plan } from '@millrace/pipeline/plan.ts';
import { loadTable } from '@millrace/pipeline/tables.ts';
import type { Row } from '@millrace/shared-schemas/types.ts';
import type { Ledger } from '@millrace/transport/log.ts';
import { readCatalog, tableKey } from './catalog.ts';

/** How often it is looked whether other versions are named, ms. */
const LOOK_MS = 100;

type Rows = ReadonlyMap<string, Row>;

/** The versions of the lookup tables that the tasks of a thread need, and which of each counts for what comes next. */
export class TableStore {
  readonly #plan: Plan;
  readonly #ledger: Ledger;
  /** tables that tasks here look up in */
  readonly #used = new Set<string>();
  readonly #versions = new Map<string, Map<string, Rows>>();
  /** the newest version here of those that were named, by table */
  readonly #newest = new Map<string, string>();
  #lookedAt = Number.NEGATIVE_INFINITY;
  #loading = false;
  #failure: { readonly error: unknown } | null = null;

  constructor(plan: Plan, ledger: Ledger) {
    this.#plan = plan;
    this.#ledger = ledger;
  }

  /** Makes a version of a table ready for `get`. */
  async load(table: string, version: string): Promise<void> {
    if (this.#versions.get(table)?.has(version)) return;
    const bytes = this.#ledger.get(tableKey(this.#plan.name, version));
    if (bytes === null) throw new Error(`version ${version} of table ${table} is not in the data directory`);
    await this.#parse(table, version, bytes);
  }

  async #parse(table: string, version: string, bytes: Uint8Array): Promise<void> {
    const plan = this.#plan.tables.find(({ id }) => id === table);
    if (plan === undefined) return;
    const rows = await loadTable(plan, bytes);
    const versions = this.#versions.get(table) ?? new Map<string, Rows>();
    this.#versions.set(table, versions.set(version, rows));
  }

  get(table: string, version: string): Rows {
    const rows = this.#versions.get(table)?.get(version);
    if (!rows) throw new Error(`version ${version} of table ${table} was not loaded`);
    return rows;
  }

  /** Before a task that looks up in it begins: what is named now is ready. */
  async begin(table: string): Promise<void> {
    this.#used.add(table);
    const version = readCatalog(this.#ledger, this.#plan.name).named[table];
    if (version === undefined) return;
    await this.load(table, version);
    this.#newest.set(table, version);
  }

  /** Once a turn: sees to it that versions named since are got ready, while others have their turns. `now`: monotonic ms. @throws what that failed with */
  look(now: number): void {
    if (this.#failure !== null) throw this.#failure.error;
    if (this.#loading || this.#used.size === 0 || now - this.#lookedAt < LOOK_MS) return;
    this.#lookedAt = now;
    const { named } = readCatalog(this.#ledger, this.#plan.name);
    for (const table of this.#used) {
      const version = named[table];
      if (version === undefined || version === this.#newest.get(table)) continue;
      const bytes = this.#ledger.get(tableKey(this.#plan.name, version));
      // another is named by now
      if (bytes === null) continue;
      this.#loading = true;
      void this.#take(table, version, bytes);
      return;
    }
  }

  async #take(table: string, version: string, bytes: Uint8Array): Promise<void> {
    try {
      await this.#parse(table, version, bytes);
      // what is in force holds its rows itself, and nobody takes an older one any more
      const versions = this.#versions.get(table) as Map<string, Rows>;
      for (const other of versions.keys()) if (other !== version) versions.delete(other);
      this.#newest.set(table, version);
    } catch (error) {
      this.#failure = { error };
    } finally {
      this.#loading = false;
    }
  }

  /** The version that the next record is looked up in; null: none was ever named. */
  newest(table: string): string | null {
    return this.#newest.get(table) ?? null;
  }
}
