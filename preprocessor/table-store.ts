import { loadTable } from '@millrace/pipeline/tables.ts';
import type { Row } from '@millrace/shared-schemas/types.ts';
import type { Ledger } from '@millrace/transport/log.ts';
import { type HostSetup, tableKey } from './setup.ts';

/** Every version of the lookup tables that the tasks of a thread need, by content hash. */
export class TableStore {
  readonly #setup: HostSetup;
  readonly #ledger: Ledger;
  readonly #versions = new Map<string, Map<string, ReadonlyMap<string, Row>>>();

  constructor(setup: HostSetup, ledger: Ledger) {
    this.#setup = setup;
    this.#ledger = ledger;
  }

  /** makes a version of a table ready for `get` */
  async load(table: string, hash: string): Promise<void> {
    const versions = this.#versions.get(table) ?? new Map<string, ReadonlyMap<string, Row>>();
    this.#versions.set(table, versions);
    const plan = this.#setup.plan.tables.find((candidate) => candidate.id === table);
    if (versions.has(hash) || !plan) return;
    const bytes = this.#ledger.get(tableKey(this.#setup.plan.name, hash));
    if (bytes === null) throw new Error(`version ${hash} of table ${table} is not in the data directory`);
    versions.set(hash, await loadTable(plan, bytes));
  }

  get(table: string, hash: string): ReadonlyMap<string, Row> {
    const rows = this.#versions.get(table)?.get(hash);
    if (!rows) throw new Error(`version ${hash} of table ${table} was not loaded`);
    return rows;
  }
}
