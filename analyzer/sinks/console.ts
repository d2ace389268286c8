import type { ConsoleSinkPlan } from '@millrace/pipeline/analyze/plan.ts';
import { millisOf } from '@millrace/shared-schemas/codec/exact.ts';
import { formOfType, jsonText } from '@millrace/shared-schemas/json/form.ts';
import { slotGetter } from '@millrace/shared-schemas/row.ts';
import type { Column, Row, SqlType, Value } from '@millrace/shared-schemas/types.ts';
import type { Appender } from '@millrace/transport/log.ts';
import type { Screen } from './screen.ts';
import type { Sink } from './sink.ts';
import { tableText } from './table-text.ts';

interface ShownColumn {
  readonly name: string;
  readonly type: SqlType;
  readonly get: (row: Row) => Value;
  readonly json: (value: Value) => string;
}

/** what was taken: drawn already, the heading excepted */
type Drawn = { readonly table: string } | { readonly rows: string };

const MAX_EPOCH_MS = 8.64e15;

/**
 * Shows the first rows of each batch: a table under the batch's number, or on a screen that takes JSON a line
 * `{ event: "rows", sink, batch, rows, more }`. After a crash a batch may be shown a second time.
 */
export class ConsoleSink implements Sink {
  readonly #plan: ConsoleSinkPlan;
  readonly #screen: Screen;
  readonly #columns: readonly ShownColumn[];
  #rows: (readonly string[])[] = [];
  #shown = -1;
  pending = 0;

  constructor(plan: ConsoleSinkPlan, screen: Screen) {
    this.#plan = plan;
    this.#screen = screen;
    this.#columns = plan.columns.map(({ name, slot, type }: Column) => {
      const form = formOfType(type);
      return { name, type, get: slotGetter(slot), json: (value) => jsonText(value, form) };
    });
  }

  add(row: Row): void {
    this.pending++;
    if (this.pending > this.#plan.limit) return;
    this.#rows.push(this.#columns.map((column) => (this.#screen.json ? column.json(column.get(row)) : cellText(column, column.get(row)))));
  }

  take(): Uint8Array | null {
    if (this.pending === 0) return null;
    const more = this.pending - this.#rows.length;
    const drawn: Drawn = this.#screen.json
      ? { rows: `[${this.#rows.map((cells) => this.#object(cells)).join()}],"more":${more}` }
      : { table: this.#table(more) };
    this.#rows = [];
    this.pending = 0;
    return Buffer.from(JSON.stringify(drawn));
  }

  #object(cells: readonly string[]): string {
    return `{${this.#columns.map(({ name }, i) => `${JSON.stringify(name)}:${cells[i]}`).join()}}`;
  }

  #table(more: number): string {
    const titles = this.#columns.map(({ name, type }) => ({ name, right: isNumber(type) }));
    return tableText(titles, this.#rows) + (more > 0 ? `… and ${more} more\n` : '');
  }

  async recover(): Promise<void> {}

  async deliver(batch: number, taken: Uint8Array): Promise<readonly Appender[]> {
    if (batch === this.#shown) return [];
    this.#shown = batch;
    const { id } = this.#plan;
    const drawn = JSON.parse(Buffer.from(taken).toString()) as Drawn;
    if ('rows' in drawn) this.#screen.write(`{"event":"rows","sink":${JSON.stringify(id)},"batch":${batch},"rows":${drawn.rows}}\n`);
    else this.#screen.write(`Batch ${batch} of ${id}\n${drawn.table}\n`);
    return [];
  }

  close(): void {}
}

function isNumber({ kind }: SqlType): boolean {
  return /INT|^DECIMAL$|^FLOAT$|^DOUBLE$/.test(kind);
}

/** Text as it is, times readable, everything else as JSON has it. */
function cellText({ type, json }: ShownColumn, value: Value): string {
  if (value === null) return 'NULL';
  if (type.kind === 'VARCHAR') return value as string;
  if (type.kind === 'TIMESTAMP') {
    const millis = Number(millisOf(value as number | bigint));
    return Math.abs(millis) <= MAX_EPOCH_MS ? new Date(millis).toISOString() : String(millis);
  }
  const text = json(value);
  return text.startsWith('"') ? text.slice(1, -1) : text;
}
