import type { SqlQueryPlan } from '@millrace/pipeline/analyze/plan.ts';
import { typeSql } from '@millrace/pipeline/sql/sql-type.ts';
import type { Duckdb, PlainValue } from '@millrace/runtime/duckdb.ts';
import { MillraceError } from '@millrace/runtime/errors.ts';
import { slotGetter, slotSetter } from '@millrace/shared-schemas/row.ts';
import type { Row, Value } from '@millrace/shared-schemas/types.ts';
import type { Query, QueryHost } from './query.ts';

/** Where a kept row came from. */
interface Kept {
  readonly origin: number;
  readonly offset: number;
  readonly eventTime: number;
}

/**
 * Runs a SELECT over the rows of a batch as one table. When it fails, the rows for which it fails alone are
 * flaws, and it runs again without them. What leaves carries the latest event time of the batch.
 */
export class SqlQuery implements Query {
  readonly #plan: SqlQueryPlan;
  readonly #host: QueryHost;
  readonly #duckdb: Duckdb;
  readonly #columns;
  readonly #get;
  readonly #set;
  readonly #out: Row;
  #values: PlainValue[][] = [];
  #kept: Kept[] = [];

  constructor(plan: SqlQueryPlan, host: QueryHost, duckdb: Duckdb) {
    this.#plan = plan;
    this.#host = host;
    this.#duckdb = duckdb;
    this.#columns = plan.inputs.map(({ name, type }) => ({ name, type: typeSql(type) }));
    this.#get = plan.inputs.map(({ slot }) => slotGetter(slot));
    this.#set = plan.columns.map(({ slot }) => slotSetter(slot));
    this.#out = host.row(plan.shape);
  }

  process(row: Row): void {
    const { origin, offset, eventTime } = this.#host.inHand;
    this.#values.push(this.#get.map((get) => get(row) as PlainValue));
    this.#kept.push({ origin, offset, eventTime });
  }

  async finish(): Promise<void> {
    if (this.#kept.length === 0) return;
    let rows: readonly (readonly PlainValue[])[];
    try {
      rows = await this.#select(this.#values);
    } catch {
      await this.#sieve();
      rows = this.#kept.length === 0 ? [] : await this.#select(this.#values).catch((cause: unknown) => this.#failed(cause));
    }
    const { inHand } = this.#host;
    const last = this.#kept.reduce<Kept | null>((latest, kept) => (latest === null || kept.eventTime >= latest.eventTime ? kept : latest), null);
    for (const row of rows) {
      Object.assign(inHand, last);
      for (const [i, set] of this.#set.entries()) set(this.#out, row[i] as Value);
      this.#host.next(this.#out);
    }
    this.#values = [];
    this.#kept = [];
  }

  async #select(values: readonly (readonly PlainValue[])[]): Promise<readonly (readonly PlainValue[])[]> {
    await this.#duckdb.fill(this.#plan.table, this.#columns, values);
    return (await this.#duckdb.query(this.#plan.sql)).rows;
  }

  /** takes out the rows for which the statement fails when it sees nothing else, found by halving */
  async #sieve(): Promise<void> {
    const good: number[] = [];
    const halve = async (from: number, to: number): Promise<void> => {
      try {
        await this.#select(this.#values.slice(from, to));
      } catch (error) {
        if (to - from === 1) {
          this.#flaw(from, (error as Error).message);
          return;
        }
        const middle = (from + to) >>> 1;
        await halve(from, middle);
        await halve(middle, to);
        return;
      }
      for (let i = from; i < to; i++) good.push(i);
    };
    await halve(0, this.#kept.length);
    this.#values = good.map((i) => this.#values[i] as PlainValue[]);
    this.#kept = good.map((i) => this.#kept[i] as Kept);
  }

  #flaw(i: number, message: string): void {
    Object.assign(this.#host.inHand, this.#kept[i]);
    const row = Object.fromEntries(this.#plan.inputs.map(({ slot }, c) => [slot, this.#values[i]?.[c] as Value]));
    this.#host.flaw('expression_failed', message, row);
  }

  #failed(cause: unknown): never {
    throw new MillraceError('query_failed', `query ${this.#plan.id} fails over a batch, though over no row of it alone: ${(cause as Error).message}`, {
      cause,
    });
  }
}
