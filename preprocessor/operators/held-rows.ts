import type { AggregateCall, Expr } from '@millrace/pipeline/sql/expr.ts';
import type { ByteReader, ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import { rowCodec } from '@millrace/shared-schemas/row-codec.ts';
import type { Column, Row, SqlType } from '@millrace/shared-schemas/types.ts';
import type { StateWriter, TaskTime } from './operator.ts';

interface Held {
  /** the watermark that lets it go */
  readonly due: number;
  readonly time: number;
  readonly judged: number;
  /** it came from one of several writers, between which arrival is no order */
  readonly several: boolean;
  readonly arrival: number;
  readonly origin: number;
  readonly originOffset: number;
  readonly row: Buffer;
}

/**
 * Rows that wait for the watermark, as bytes, in the order in which it lets them go, then of event time, then of arrival; behind several writers of
 * their source records instead, so that it does not matter in which order the writers were heard (a binary heap).
 *
 * State: `h<arrival>` due, event time, the watermark it is judged by, whether of several writers, lineage, row · `hn` the next arrival.
 */
export class HeldRows {
  private readonly heap: Held[] = [];
  private readonly codec;
  private scratch = Buffer.alloc(4096);
  /** arrivals that came, and that went, since the last snapshot */
  private fresh = new Map<number, Held>();
  private gone: number[] = [];
  private arrivals = 0;
  private savedArrivals = 0;

  /** `columns`: what has to be read of a row when it goes; see {@link columnsRead} */
  constructor(columns: readonly Column[]) {
    this.codec = rowCodec(columns);
  }

  /** the least watermark that one waits for; +Infinity when none waits */
  next(): number {
    return this.heap.length === 0 ? Number.POSITIVE_INFINITY : this.heap[0].due;
  }

  /** Keeps the row in hand until the watermark reaches `due`. */
  hold(row: Row, time: TaskTime, due: number): void {
    let end = this.codec.encode(row, this.scratch, 0);
    while (end < 0) {
      this.scratch = Buffer.alloc(this.scratch.length * 2);
      end = this.codec.encode(row, this.scratch, 0);
    }
    const held = {
      due,
      time: time.eventTime,
      // on time it goes before its own time has passed
      judged: Math.max(time.judged, time.eventTime - 1),
      several: time.settled > Number.NEGATIVE_INFINITY,
      arrival: this.arrivals++,
      origin: time.origin,
      originOffset: time.originOffset,
      row: Buffer.copyBytesFrom(this.scratch, 0, end),
    };
    this.fresh.set(held.arrival, held);
    this.put(held);
  }

  /** Takes the first row out, into `row`, and sets the task's time to its own. */
  take(row: Row, time: TaskTime): void {
    const held = this.heap[0];
    const last = this.heap.pop() as Held;
    if (this.heap.length > 0) this.sink(last);
    if (!this.fresh.delete(held.arrival)) this.gone.push(held.arrival);
    const flaw = this.codec.decode(row, held.row, 0, held.row.length);
    if (flaw !== undefined) throw new Error(`a row held by a rolling step does not read back: ${flaw.message}`);
    time.eventTime = held.time;
    time.judged = held.judged;
    time.origin = held.origin;
    time.originOffset = held.originOffset;
  }

  snapshot(writer: StateWriter, bytes: ByteWriter, all: boolean): void {
    for (const arrival of this.gone) writer.delete(`h${arrival}`);
    for (const held of all ? this.heap : this.fresh.values()) {
      bytes.f64(held.due);
      bytes.f64(held.time);
      bytes.f64(held.judged);
      bytes.varint(held.several ? 1 : 0);
      bytes.varint(held.origin);
      bytes.varint(held.originOffset);
      bytes.bytes(held.row);
      writer.put(`h${held.arrival}`, bytes.finish());
    }
    if (all ? this.arrivals > 0 : this.arrivals > this.savedArrivals) {
      bytes.varint(this.arrivals);
      writer.put('hn', bytes.finish());
    }
    if (all) return;
    this.savedArrivals = this.arrivals;
    this.gone = [];
    this.fresh = new Map();
  }

  /** Takes back one entry of a snapshot. */
  load(entry: string, bytes: ByteReader): void {
    if (entry === 'hn') {
      this.arrivals = bytes.varint();
      this.savedArrivals = this.arrivals;
      return;
    }
    const due = bytes.f64();
    const time = bytes.f64();
    const judged = bytes.f64();
    const several = bytes.varint() === 1;
    const origin = bytes.varint();
    const originOffset = bytes.varint();
    this.put({ due, time, judged, several, arrival: Number(entry.slice(1)), origin, originOffset, row: Buffer.from(bytes.bytes()) });
  }

  private put(held: Held): void {
    const { heap } = this;
    let at = heap.push(held) - 1;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (!before(held, heap[parent])) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = held;
  }

  private sink(held: Held): void {
    const { heap } = this;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1], heap[child])) child++;
      if (!before(heap[child], held)) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = held;
  }
}

function before(a: Held, b: Held): boolean {
  if (a.due !== b.due) return a.due < b.due;
  if (a.time !== b.time) return a.time < b.time;
  if (a.several && b.several) {
    if (a.origin !== b.origin) return a.origin < b.origin;
    if (a.originOffset !== b.originOffset) return a.originOffset < b.originOffset;
  }
  return a.arrival < b.arrival;
}

/** These columns and what the calls read, each slot once. */
export function columnsRead(columns: readonly Column[], calls: readonly AggregateCall[]): Column[] {
  const types = new Map<string, SqlType>();
  const visit = (expr: Expr): void => {
    if (expr.op === 'column') types.set(expr.slot, expr.type);
    else if (expr.op === 'cast') visit(expr.arg);
    else if (expr.op === 'call' || expr.op === 'and' || expr.op === 'or') expr.args.forEach(visit);
    else if (expr.op === 'case') {
      for (const [condition, result] of expr.when) {
        visit(condition);
        visit(result);
      }
      visit(expr.otherwise);
    }
  };
  for (const { slot, type } of columns) types.set(slot, type);
  for (const call of calls) {
    call.args.forEach(visit);
    if (call.filter !== null) visit(call.filter);
  }
  return [...types].map(([slot, type]) => ({ name: slot, slot, type, nullable: true }));
}
