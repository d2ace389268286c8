import { ALWAYS, bindCalls, bindResults, keyGetters } from '@millrace/pipeline/aggregates/calls.ts';
import { Lineage } from '@millrace/pipeline/aggregates/lineage.ts';
import type { WindowPlan } from '@millrace/pipeline/plan.ts';
import { WindowGeometry } from '@millrace/pipeline/time/window-geometry.ts';
import { probe } from '@millrace/runtime/probe.ts';
import { ByteReader, ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import { times } from '@millrace/shared-schemas/codec/exact.ts';
import { slotSetter } from '@millrace/shared-schemas/row.ts';
import type { Row, Value } from '@millrace/shared-schemas/types.ts';
import { ActiveKeys } from './active-keys.ts';
import { addFired, hasFired } from './fired-windows.ts';
import type { Slices } from './gradual.ts';
import { asFlaw } from './guard.ts';
import { columnsRead, HeldRows } from './held-rows.ts';
import { type KeyNumbers, keyNumbers } from './key-numbers.ts';
import type { Operator, OperatorContext, StateWriter } from './operator.ts';
import { PaneRun } from './pane-run.ts';
import type { WindowKey } from './window-key.ts';
import { WindowStore } from './window-store.ts';

/** a window of so many keys is a burst worth a probe */
const BURST = 1000;

/** Opens a tumbling or sliding window step. */
export function createWindow(node: WindowPlan, context: OperatorContext): Operator {
  return new WindowOperator(node, context);
}

/**
 * Windows of event time. A record goes into one pane of its key; a window is a run of panes and fires when the watermark reaches
 * its end − 1. A record for a window that has fired but is still kept fires it again, with everything so far.
 * An end of the input fires what is open and marks it, so the watermark, getting there in a later run, does not fire it twice.
 */
class WindowOperator implements Operator {
  private readonly node: WindowPlan;
  private readonly context: OperatorContext;
  private readonly geometry: WindowGeometry;
  private readonly calls;
  private readonly results;
  private readonly keys: KeyNumbers;
  private readonly keyValues;
  private readonly lineage = new Lineage();
  private readonly lineageCall: number;
  private readonly store: WindowStore;
  private readonly active = new ActiveKeys();
  /** records that some of their windows do without, until it is known which */
  private readonly held: HeldRows;
  private readonly heldRow: Row = {};
  /** for windows that fire out of turn */
  private readonly aside: PaneRun;
  /** the arguments of the record in hand */
  private readonly values: Value[];
  private readonly out: Row;
  private readonly setKey;
  private readonly setStart;
  private readonly setEnd;
  private readonly tumbling: boolean;
  /** a record does nothing but enter its pane, unless its key has windows that an end of the input has fired */
  private readonly plain: boolean;
  /** the last time that fired, of the watermark and of the end of the input that is under way */
  private firedTo = Number.NEGATIVE_INFINITY;
  private endedTo = Number.NEGATIVE_INFINITY;
  /** the pane of the last record */
  private recentPane = Number.NaN;
  private nextFire = Number.POSITIVE_INFINITY;
  private nextDrop = Number.POSITIVE_INFINITY;
  private timersKnown = false;

  constructor(node: WindowPlan, context: OperatorContext) {
    this.node = node;
    this.context = context;
    this.geometry = new WindowGeometry(node.window);
    this.tumbling = this.geometry.size === this.geometry.slide;
    this.plain = this.tumbling && node.emit === 'on_close' && node.allowedLateness === 0;
    this.calls = bindCalls(node.calls, context.expressions);
    this.results = bindResults(node.calls, node.key, node.select, context.expressions);
    this.keys = keyNumbers(context.time, node.key);
    this.keyValues = keyGetters(node.key);
    this.lineageCall = node.calls.length;
    const aggregates = [...this.calls.aggregates, this.lineage];
    this.store = new WindowStore(
      aggregates,
      node.key.map((column) => column.type),
      this.keys,
      this.plain && node.calls.every((call) => !call.distinct),
    );
    this.held = new HeldRows(columnsRead(node.key, node.calls));
    this.aside = new PaneRun(aggregates, this.store.cells);
    this.values = this.calls.arguments.map(() => null);
    this.out = context.row(node.shape);
    this.setKey = node.keySlots.map(slotSetter);
    this.setStart = this.boundary(node.startSlot);
    this.setEnd = this.boundary(node.endSlot);
  }

  process(row: Row): void {
    const { node, context, geometry, values } = this;
    const { time } = context;
    if (!time.ending) this.endedTo = Number.NEGATIVE_INFINITY;
    if (!this.keys.find(row)) {
      context.flaw('null_key', `a key column of step ${node.id} is NULL`, row);
      return;
    }
    const pane = this.paneOf(time.eventTime);
    const last = this.tumbling ? pane : geometry.lastStart(pane);
    const first = this.tumbling ? pane : geometry.firstStart(pane);
    // between windows that are further apart than long
    if (last < first) return;
    if (this.dropAt(last) <= time.judged) {
      context.late(row);
      return;
    }
    try {
      const { arguments: evaluate } = this.calls;
      for (let i = 0; i < evaluate.length; i++) values[i] = evaluate[i](row);
    } catch (error) {
      const flaw = asFlaw(error);
      context.flaw(flaw.code, flaw.message, row);
      return;
    }
    if (time.settled > time.watermark && first + geometry.size - 1 <= time.judged) this.held.hold(row, time, time.settled);
    else this.enter(row, pane, first, last);
  }

  private paneOf(time: number): number {
    const { geometry, recentPane } = this;
    // most records are in the window of the one before
    if (this.tumbling && time >= recentPane && time < recentPane + geometry.size) return recentPane;
    this.recentPane = geometry.paneOf(time);
    return this.recentPane;
  }

  /** Takes a record into its pane: the key is found and the arguments stand in `values`. */
  private enter(row: Row, pane: number, first: number, last: number): void {
    const { node, geometry, store } = this;
    const { time } = this.context;
    if (this.plain) {
      const cell = store.recent(pane);
      if (cell >= 0) {
        this.add(cell);
        return;
      }
    }
    let key = store.key();
    if (key === undefined) {
      const keyValues: Value[] = [];
      for (let i = 0; i < this.keyValues.length; i++) keyValues.push(this.keyValues[i](row));
      key = store.addKey(this.keys.text(row) as string, keyValues);
    }
    let cell = store.find(key, pane);
    if (cell < 0) {
      cell = store.addPane(key, pane);
      this.active.entered(key, pane);
      this.schedule(pane);
    } else store.changing(key, cell);
    if (key.run !== null && pane >= key.run.from && pane < key.run.to) key.run.reset();
    this.add(cell);
    store.changedPane(key, cell);
    if (this.plain) store.went(key, pane, cell);
    if (node.emit === 'on_update') this.fireEach(key, first, last, true);
    else if ((node.allowedLateness > 0 && first + geometry.size - 1 <= time.judged) || key.fired.length > 0) this.fireEach(key, first, last, false);
  }

  nextTimer(): number {
    const { time } = this.context;
    if (time.ending) {
      const held = this.held.next();
      if (this.node.emit === 'on_update') return held;
      return Math.min(held, this.fireAfter(Math.max(this.endedTo, this.firedTo, time.watermark)));
    }
    this.endedTo = Number.NEGATIVE_INFINITY;
    if (!this.timersKnown) this.computeTimers();
    return Math.min(this.nextFire, this.nextDrop, this.held.next());
  }

  fire(at: number): void {
    const { node, store } = this;
    const { ending } = this.context.time;
    if (this.held.next() === at) this.release(at);
    if (node.emit === 'on_close') {
      const start = at + 1 - this.geometry.size;
      // a drop's time need not be a window's end
      if (this.geometry.lastStart(start) === start) this.fireAll(start, ending);
    }
    if (ending) {
      this.endedTo = at;
      return;
    }
    this.firedTo = at;
    while (store.buckets.length > 0 && this.dropAt(this.geometry.lastStart(store.buckets[0].start)) <= at) {
      this.active.left(store.buckets[0]);
      store.dropFirst();
    }
    this.computeTimers();
  }

  *snapshot(writer: StateWriter, all: boolean): Slices {
    this.held.snapshot(writer, new ByteWriter(), all);
    yield* this.store.snapshot(writer, all);
  }

  restore(entries: Iterable<readonly [key: string, value: Uint8Array]>): void {
    const own: (readonly [key: string, value: Uint8Array])[] = [];
    for (const entry of entries) {
      if (entry[0].startsWith('h')) this.held.load(entry[0], new ByteReader(entry[1]));
      else own.push(entry);
    }
    this.store.restore(own);
    this.timersKnown = false;
  }

  /** Takes in the records whose turn is at one watermark: what is behind them has fired without them. */
  private release(at: number): void {
    const { time } = this.context;
    const { eventTime, judged, origin, originOffset } = time;
    const { geometry, held, heldRow, values } = this;
    const { arguments: evaluate } = this.calls;
    while (held.next() === at) {
      held.take(heldRow, time);
      this.keys.find(heldRow);
      for (let i = 0; i < evaluate.length; i++) values[i] = evaluate[i](heldRow);
      const pane = geometry.paneOf(time.eventTime);
      this.enter(heldRow, pane, geometry.firstStart(pane), geometry.lastStart(pane));
    }
    time.eventTime = eventTime;
    time.judged = judged;
    time.origin = origin;
    time.originOffset = originOffset;
  }

  private add(cell: number): void {
    const { aggregates, value, by } = this.calls;
    const { values } = this;
    const { time } = this.context;
    for (let i = 0; i < aggregates.length; i++) {
      aggregates[i].add(cell, value[i] === ALWAYS ? true : values[value[i]], by[i] === ALWAYS ? true : values[by[i]], time.eventTime);
    }
    this.lineage.add(cell, time.origin, time.originOffset);
  }

  /** Fires all keys of the window that starts at `start`, in the order of their key bytes. */
  private fireAll(start: number, ending: boolean): void {
    const { size, slide } = this.geometry;
    const keys = this.active.move(this.store.buckets, start, start + size);
    for (let i = 0; i < keys.length; i++) {
      if (i === BURST) probe('window.burst');
      const key = keys[i];
      if (key.fired.length > 0 && hasFired(key.fired, start)) continue;
      if (ending) {
        this.store.changing(key, -1);
        addFired(key.fired, start, slide, this.context.time.watermark - size);
        this.store.changedKey(key);
      }
      if (this.tumbling) this.emit(key, start, null);
      else {
        key.run ??= new PaneRun([...this.calls.aggregates, this.lineage], this.store.cells);
        key.run.move(key, start, start + size);
        this.emit(key, start, key.run);
      }
    }
  }

  /** Fires the key's windows from `first` to `last` that are not late and, unless `open`, have fired before. */
  private fireEach(key: WindowKey, first: number, last: number, open: boolean): void {
    const { size, slide } = this.geometry;
    const { judged } = this.context.time;
    this.aside.reset();
    for (let start = first; start <= last; start += slide) {
      if (this.dropAt(start) <= judged) continue;
      if (!open && start + size - 1 > judged && !hasFired(key.fired, start)) continue;
      if (this.tumbling) this.emit(key, start, null);
      else {
        this.aside.move(key, start, start + size);
        this.emit(key, start, this.aside);
      }
    }
  }

  private emit(key: WindowKey, start: number, run: PaneRun | null): void {
    const { context, results, out, lineage } = this;
    const { aggregates } = this.calls;
    const { time, next } = context;
    const end = start + this.geometry.size;
    const pane = run === null ? this.store.find(key, start) : -1;
    for (let i = 0; i < key.values.length; i++) {
      this.setKey[i](out, key.values[i]);
      results.setKey[i](results.row, key.values[i]);
    }
    this.setStart(out, start);
    this.setEnd(out, end);
    const from = run === null ? pane : run.cellOf(this.lineageCall);
    const { eventTime, origin, originOffset } = time;
    time.eventTime = end - 1;
    time.origin = lineage.originOf(from);
    time.originOffset = lineage.offsetOf(from);
    let flaw = null;
    try {
      for (let i = 0; i < aggregates.length; i++) {
        const cell = run === null ? pane : run.cellOf(i);
        results.setCall[i](results.row, cell < 0 ? null : aggregates[i].result(cell));
      }
      results.into(out);
    } catch (error) {
      flaw = asFlaw(error);
    }
    if (flaw === null) next(out);
    else context.flaw(flaw.code, flaw.message, out);
    time.eventTime = eventTime;
    time.origin = origin;
    time.originOffset = originOffset;
  }

  /** When the watermark has passed all use of a window. */
  private dropAt(start: number): number {
    return start + this.geometry.size - 1 + this.node.allowedLateness;
  }

  /** The earliest end − 1 behind `cursor` of a window that has panes. */
  private fireAfter(cursor: number): number {
    const { buckets } = this.store;
    const { geometry } = this;
    let low = 0;
    let high = buckets.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (geometry.lastStart(buckets[middle].start) + geometry.size - 1 <= cursor) low = middle + 1;
      else high = middle;
    }
    return low === buckets.length ? Number.POSITIVE_INFINITY : this.fireOf(buckets[low].start, cursor);
  }

  /** The same for the windows of one pane, which has one. */
  private fireOf(pane: number, cursor: number): number {
    const { geometry } = this;
    const first = geometry.firstStart(pane);
    const start = first + geometry.size - 1 > cursor ? first : geometry.firstStart(cursor + 1);
    return start + geometry.size - 1;
  }

  /** A pane is new. */
  private schedule(pane: number): void {
    if (!this.timersKnown) return;
    const last = this.geometry.lastStart(pane);
    this.nextDrop = Math.min(this.nextDrop, this.dropAt(last));
    if (this.node.emit === 'on_update') return;
    const cursor = Math.max(this.firedTo, this.context.time.watermark);
    if (last + this.geometry.size - 1 > cursor) this.nextFire = Math.min(this.nextFire, this.fireOf(pane, cursor));
  }

  private computeTimers(): void {
    const { buckets } = this.store;
    this.timersKnown = true;
    this.nextDrop = buckets.length === 0 ? Number.POSITIVE_INFINITY : this.dropAt(this.geometry.lastStart(buckets[0].start));
    this.nextFire = this.node.emit === 'on_update' ? Number.POSITIVE_INFINITY : this.fireAfter(Math.max(this.firedTo, this.context.time.watermark));
  }

  /** Writes a window's start or end as its column's type holds it. */
  private boundary(slot: string): (row: Row, ms: number) => void {
    const write = slotSetter(slot);
    const inMicros = this.node.columns.find((column) => column.slot === slot)?.type.kind === 'TIMESTAMP';
    return inMicros ? (row, ms) => write(row, times(ms, 1000)) : write;
  }
}
