import { ALWAYS, bindCalls, bindResults, keyGetters } from '@millrace/pipeline/aggregates/calls.ts';
import { Lineage } from '@millrace/pipeline/aggregates/lineage.ts';
import type { AggregateQueryPlan } from '@millrace/pipeline/analyze/plan.ts';
import { compilePredicate } from '@millrace/pipeline/sql/compile.ts';
import { WindowGeometry } from '@millrace/pipeline/time/window-geometry.ts';
import { ByteReader, ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import { times } from '@millrace/shared-schemas/codec/exact.ts';
import { slotSetter } from '@millrace/shared-schemas/row.ts';
import { FlawError, type Row, type Value } from '@millrace/shared-schemas/types.ts';
import { compareGroupKeys, groupKey } from './group-key.ts';
import { GroupParts } from './group-parts.ts';
import { type Group, GroupStore } from './group-store.ts';
import type { BatchEnd, Query, QueryHost, QueryParts, StateReport, StateWriter } from './query.ts';
import { QueryWatermark } from './watermark.ts';

/** the only pane of a query without a window */
const WHOLE = 0;

/**
 * GROUP BY over event-time windows, or over everything. A row goes into one pane of its group; a window is a run of panes. What leaves at a
 * batch's end, by (window end, group): `append` windows that the watermark has closed, `update` those that changed, `complete` all.
 */
export class AggregateQuery implements Query {
  readonly #plan: AggregateQueryPlan;
  readonly #host: QueryHost;
  readonly #geometry: WindowGeometry | null;
  readonly #where;
  readonly #key;
  readonly #keyValues;
  readonly #calls;
  readonly #values: Value[];
  readonly #results;
  readonly #lineage = new Lineage();
  readonly #store: GroupStore;
  readonly #groupParts: GroupParts;
  readonly #time: QueryWatermark;
  /** where the panes of a sliding window are put together */
  readonly #scratch: number;
  readonly #out: Row;
  readonly #setKey;
  readonly #setStart;
  readonly #setEnd;
  #dropped = 0;
  #report: StateReport = { numRowsTotal: 0, numRowsUpdated: 0, numRowsRemoved: 0, numRowsDroppedByWatermark: 0, memoryUsedBytes: 0 };

  constructor(plan: AggregateQueryPlan, host: QueryHost) {
    this.#plan = plan;
    this.#host = host;
    this.#geometry = plan.window && new WindowGeometry(plan.window);
    this.#where = plan.where && compilePredicate(plan.where.tree, host.expressions);
    this.#key = groupKey(plan.groupBy);
    this.#keyValues = keyGetters(plan.groupBy);
    this.#calls = bindCalls(plan.calls, host.expressions);
    this.#values = this.#calls.arguments.map(() => null);
    this.#results = bindResults(plan.calls, plan.groupBy, plan.select, host.expressions);
    const aggregates = [...this.#calls.aggregates, this.#lineage];
    const keyTypes = plan.groupBy.map((column) => column.type);
    this.#store = new GroupStore(aggregates, keyTypes);
    this.#groupParts = new GroupParts(this.#store, aggregates, keyTypes);
    this.#time = new QueryWatermark(plan.watermark);
    this.#scratch = this.#store.cells.take();
    this.#out = host.row(plan.shape);
    this.#setKey = plan.keySlots.map(slotSetter);
    this.#setStart = this.#boundary(plan.window?.startSlot);
    this.#setEnd = this.#boundary(plan.window?.endSlot);
  }

  process(row: Row): void {
    const { inHand } = this.#host;
    const { eventTime } = inHand;
    this.#time.observe(eventTime);
    try {
      if (this.#where !== null && !this.#where(row)) return;
      const geometry = this.#geometry;
      const pane = geometry === null ? WHOLE : geometry.paneOf(eventTime);
      if (geometry !== null) {
        const last = geometry.lastStart(pane);
        // between windows that are further apart than long
        if (last < geometry.firstStart(pane)) return;
        if (this.#forgets && last + geometry.size <= this.#time.lateFor(inHand.judged)) {
          this.#dropped++;
          return;
        }
      }
      const { arguments: evaluate } = this.#calls;
      for (let i = 0; i < evaluate.length; i++) this.#values[i] = (evaluate[i] as (row: Row) => Value)(row);
      const text = this.#key(row);
      const group =
        this.#store.groups.get(text) ??
        this.#store.add(
          text,
          this.#keyValues.map((value) => value(row)),
        );
      this.#add(this.#store.pane(group, pane), eventTime);
      if (group.fired.size > 0) this.#unfire(group, pane);
    } catch (error) {
      if (!(error instanceof FlawError)) throw error;
      this.#host.flaw(error.code, error.message, row);
    }
  }

  #add(cell: number, eventTime: number): void {
    const { aggregates, value, by } = this.#calls;
    const values = this.#values;
    const { origin, offset } = this.#host.inHand;
    for (let i = 0; i < aggregates.length; i++) {
      const of = value[i] as number;
      const decides = by[i] as number;
      aggregates[i]?.add(cell, of === ALWAYS ? true : (values[of] as Value), decides === ALWAYS ? true : (values[decides] as Value), eventTime);
    }
    this.#lineage.add(cell, origin, offset);
    this.#store.changed(cell);
  }

  /** Windows that an end let go leave again once a row has reached them. */
  #unfire(group: Group, pane: number): void {
    for (const start of this.#windowsOf(pane)) if (group.fired.delete(start)) this.#store.changedGroup(group);
  }

  *#windowsOf(pane: number): Iterable<number> {
    const geometry = this.#geometry;
    if (geometry === null) yield WHOLE;
    else for (let start = geometry.firstStart(pane); start <= geometry.lastStart(pane); start += geometry.slide) yield start;
  }

  finish({ completeness, ending }: BatchEnd): void {
    const updated = this.#store.changeCount;
    const leaving = this.#leaving(ending);
    for (const start of [...leaving.keys()].sort((a, b) => a - b)) {
      const groups = (leaving.get(start) as Group[]).sort((a, b) => compareGroupKeys(a.text, b.text));
      for (const [i, group] of groups.entries()) if (group !== groups[i - 1]) this.#emit(group, start);
    }
    if (ending && this.#plan.mode === 'append') this.#markFired(leaving);
    const removed = this.#evict();
    this.#time.advance(completeness);
    this.#report = {
      numRowsTotal: this.#store.open,
      numRowsUpdated: updated,
      numRowsRemoved: removed,
      numRowsDroppedByWatermark: this.#dropped,
      memoryUsedBytes: this.#store.cells.slab.data.byteLength,
    };
    this.#dropped = 0;
  }

  /** the groups of each window, by its start, that leave now; a group may stand there more than once */
  #leaving(ending: boolean): Map<number, Group[]> {
    const leaving = new Map<number, Group[]>();
    const put = (start: number, groups: readonly Group[]): void => {
      const all = leaving.get(start);
      if (all) for (const group of groups) all.push(group);
      else leaving.set(start, [...groups]);
    };
    const { mode } = this.#plan;
    const size = this.#geometry?.size ?? 0;
    const { late, evict } = this.#time;
    if (mode === 'update') {
      for (const [group, pane] of this.#store.changes())
        for (const start of this.#windowsOf(pane)) if (!this.#forgets || start + size > late) put(start, [group]);
    } else if (mode === 'append') {
      const limit = ending ? Number.POSITIVE_INFINITY : evict;
      for (const [pane, groups] of this.#store.panes) {
        for (const start of this.#windowsOf(pane)) {
          const end = start + size;
          if (end > late && end <= limit)
            put(
              start,
              groups.filter((group) => !group.fired.has(start)),
            );
        }
      }
    } else if (this.#store.changeCount > 0) {
      for (const [pane, groups] of this.#store.panes) for (const start of this.#windowsOf(pane)) put(start, groups);
    }
    return leaving;
  }

  #markFired(left: ReadonlyMap<number, readonly Group[]>): void {
    const size = this.#geometry?.size ?? 0;
    for (const [start, groups] of left) {
      if (start + size <= this.#time.evict) continue;
      for (const group of groups) {
        group.fired.add(start);
        this.#store.changedGroup(group);
      }
    }
  }

  #emit(group: Group, start: number): void {
    const { inHand } = this.#host;
    const { aggregates } = this.#calls;
    const results = this.#results;
    const size = this.#geometry?.size ?? 0;
    const cell = this.#cellOf(group, start, size);
    for (const [i, value] of group.values.entries()) {
      this.#setKey[i]?.(this.#out, value);
      results.setKey[i]?.(results.row, value);
    }
    this.#setStart(this.#out, start);
    this.#setEnd(this.#out, start + size);
    inHand.eventTime = this.#geometry === null ? this.#time.maxTime : start + size - 1;
    inHand.judged = Number.NEGATIVE_INFINITY;
    inHand.origin = this.#lineage.originOf(cell);
    inHand.offset = this.#lineage.offsetOf(cell);
    try {
      for (let i = 0; i < aggregates.length; i++) results.setCall[i]?.(results.row, aggregates[i]?.result(cell) as Value);
      results.into(this.#out);
    } catch (error) {
      if (!(error instanceof FlawError)) throw error;
      this.#host.flaw(error.code, error.message, results.row, this.#plan.groupBy);
      return;
    }
    this.#host.next(this.#out);
  }

  /** The one pane of a tumbling window, or the window's panes together. */
  #cellOf(group: Group, window: number, size: number): number {
    const geometry = this.#geometry;
    if (geometry === null || geometry.slide === size) return this.#store.pane(group, window);
    const { cells } = this.#store;
    cells.clear(this.#scratch);
    for (const [i, start] of group.starts.entries()) {
      if (start < window || start >= window + size) continue;
      const cell = group.cells[i] as number;
      for (const aggregate of this.#calls.aggregates) aggregate.merge(this.#scratch, cell);
      this.#lineage.merge(this.#scratch, cell);
    }
    return this.#scratch;
  }

  /** complete keeps everything, and so does a query without windows */
  get #forgets(): boolean {
    return this.#plan.mode !== 'complete' && this.#geometry !== null && this.#plan.watermark !== null;
  }

  #evict(): number {
    const geometry = this.#geometry;
    if (!this.#forgets || geometry === null) return 0;
    let removed = 0;
    for (const pane of [...this.#store.panes.keys()]) {
      if (geometry.lastStart(pane) + geometry.size <= this.#time.evict) removed += this.#store.drop(pane);
    }
    return removed;
  }

  due(ending: boolean): boolean {
    if (!this.#forgets) return false;
    if (!ending) return this.#store.open > 0 && this.#time.evict > this.#time.late;
    if (this.#plan.mode !== 'append') return false;
    for (const groups of this.#leaving(true).values()) if (groups.length > 0) return true;
    return false;
  }

  get watermark(): number {
    return this.#time.evict;
  }

  /** what leaves later lies in windows that are open still */
  get completeness(): number {
    return this.#time.late - 1;
  }

  snapshot(writer: StateWriter): void {
    this.#store.snapshot(writer);
    const bytes = new ByteWriter();
    this.#time.save(bytes);
    writer.put('a', bytes.finish());
  }

  restore(entries: Iterable<readonly [key: string, value: Uint8Array]>): void {
    const byId = new Map<number, Group>();
    for (const [entry, value] of entries) {
      if (entry !== 'a') {
        this.#store.restore(entry, value, byId);
        continue;
      }
      const bytes = new ByteReader(value);
      this.#time.load(bytes);
    }
  }

  report(): StateReport {
    return this.#report;
  }

  get parts(): QueryParts {
    const time = this.#time;
    return {
      late: time.late,
      begin: (late) => {
        time.maxTime = Number.NEGATIVE_INFINITY;
        time.late = late;
        this.#dropped = 0;
      },
      take: () => this.#groupParts.take({ maxTime: time.maxTime, dropped: this.#dropped }),
      absorb: (part) => {
        const { maxTime, dropped } = this.#groupParts.absorb(part, (group, pane) => {
          if (group.fired.size > 0) this.#unfire(group, pane);
        });
        time.observe(maxTime);
        this.#dropped += dropped;
      },
    };
  }

  /** Writes a window's start or end as its column's type holds it. */
  #boundary(slot: string | undefined): (row: Row, ms: number) => void {
    if (slot === undefined) return () => {};
    const write = slotSetter(slot);
    const inMicros = this.#plan.columns.find((column) => column.slot === slot)?.type.kind === 'TIMESTAMP';
    return inMicros ? (row, ms) => write(row, times(ms, 1000)) : write;
  }
}
