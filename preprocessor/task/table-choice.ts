import type { TableStore } from '../tables/store.ts';
import type { TaskCore } from './core.ts';

/** Says which versions of tables a live task looks up in: those named last, as soon as they are ready. */
export class TableChoice {
  readonly #core: TaskCore;
  readonly #tables: readonly string[];
  readonly #store: TableStore;

  /** `tables`: those that its steps look up in */
  constructor(core: TaskCore, tables: readonly string[], store: TableStore) {
    this.#core = core;
    this.#tables = tables;
    this.#store = store;
  }

  /** The versions to change to before the next record is taken; null: wait, a table has none yet. `now`: monotonic ms. */
  before(now: number): readonly (readonly [table: string, version: string])[] | null {
    this.#store.look(now);
    const changes: (readonly [string, string])[] = [];
    for (const table of this.#tables) {
      const version = this.#store.newest(table);
      if (version === null) return null;
      if (version !== this.#core.tables[table]) changes.push([table, version]);
    }
    return changes;
  }
}
