import type { RollingPlan } from '@millrace/pipeline/plan.ts';
import type { Expr } from '@millrace/pipeline/sql/expr.ts';
import type { ByteReader, ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import { rowCodec } from '@millrace/shared-schemas/row-codec.ts';
import type { Column, Row, SqlType } from '@millrace/shared-schemas/types.ts';
import type { StateWriter, TaskTime } from './operator.ts';

interface Held {
  readonly time: number;
  readonly arrival: number;
  readonly origin: number;
  readonly originOffset: number;
  readonly row: Buffer;
}

/**
 * Rows that wait for the watermark, as bytes, in the order of event time, then arrival (a binary heap).
 *
 * State: `h<arrival>` event time, lineage, row.
 */
export class HeldRows {
  private readonly heap: Held[] = [];
  private readonly codec;
  private scratch = Buffer.alloc(4096);
  /** arrivals that came, and that went, since the last snapshot */
  private fresh = new Map<number, Held>();
  private gone: number[] = [];
  arrivals = 0;

  constructor(node: RollingPlan) {
    this.codec = rowCodec(slotsNeeded(node));
  }

  /** the earliest event time that waits; +Infinity for none */
  next(): number {
    return this.heap.length === 0 ? Number.POSITIVE_INFINITY : this.heap[0].time;
  }

  hold(row: Row, time: TaskTime): void {
    let end = this.codec.encode(row, this.scratch, 0);
    while (end < 0) {
      this.scratch = Buffer.alloc(this.scratch.length * 2);
      end = this.codec.encode(row, this.scratch, 0);
    }
    const held = {
      time: time.eventTime,
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
    time.origin = held.origin;
    time.originOffset = held.originOffset;
  }

  snapshot(writer: StateWriter, bytes: ByteWriter, all: boolean): void {
    for (const arrival of this.gone) writer.delete(`h${arrival}`);
    for (const held of all ? this.heap : this.fresh.values()) {
      bytes.f64(held.time);
      bytes.varint(held.origin);
      bytes.varint(held.originOffset);
      bytes.bytes(held.row);
      writer.put(`h${held.arrival}`, bytes.finish());
    }
    if (all) return;
    this.gone = [];
    this.fresh = new Map();
  }

  /** Takes back one entry of a snapshot. */
  load(entry: string, bytes: ByteReader): void {
    const time = bytes.f64();
    const origin = bytes.varint();
    const originOffset = bytes.varint();
    this.put({ time, arrival: Number(entry.slice(1)), origin, originOffset, row: Buffer.from(bytes.bytes()) });
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
  return a.time < b.time || (a.time === b.time && a.arrival < b.arrival);
}

/** What is read of a row once it leaves: by the steps behind, and by this one; not what this one adds. */
function slotsNeeded(node: RollingPlan): Column[] {
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
  const added = new Set(node.add.map(({ slot }) => slot));
  for (const { slot, type } of [...node.columns, ...node.key]) if (!added.has(slot)) types.set(slot, type);
  for (const call of node.calls) {
    call.args.forEach(visit);
    if (call.filter !== null) visit(call.filter);
  }
  return [...types].map(([slot, type]) => ({ name: slot, slot, type, nullable: true }));
}
