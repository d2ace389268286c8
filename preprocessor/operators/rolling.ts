import { bindCalls, bindResults, keyGetters } from '@millrace/pipeline/aggregates/calls.ts';
import type { RollingPlan } from '@millrace/pipeline/plan.ts';
import { ByteReader, ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import type { Row, Value } from '@millrace/shared-schemas/types.ts';
import { asFlaw } from './guard.ts';
import { HeldRows } from './held-rows.ts';
import { type KeyNumbers, keyNumbers } from './key-numbers.ts';
import type { Operator, OperatorContext, StateWriter } from './operator.ts';
import { Histories } from './rolling-history.ts';
import { RollingStore } from './rolling-store.ts';

/** Opens a rolling step. */
export function createRolling(node: RollingPlan, context: OperatorContext): Operator {
  return new RollingOperator(node, context);
}

/**
 * Adds to each record what its key's recent past comes to. A record is in the past of those behind it even if its own
 * results fail. With `on_watermark` a row waits, as bytes, until the watermark has reached it; from there on all is the same.
 *
 * State: `n` next id, arrivals, and what `RollingStore` and `HeldRows` say.
 */
class RollingOperator implements Operator {
  private readonly node: RollingPlan;
  private readonly context: OperatorContext;
  private readonly calls;
  private readonly results;
  private readonly keys: KeyNumbers;
  private readonly keyValues;
  private readonly histories: Histories;
  private readonly store: RollingStore;
  private readonly held: HeldRows | null;
  /** the arguments of the record in hand */
  private readonly values: Value[];
  private readonly lateAfter: number;
  /** next id plus arrivals, as saved; both only grow */
  private savedCounts = 0;

  constructor(node: RollingPlan, context: OperatorContext) {
    this.node = node;
    this.context = context;
    this.calls = bindCalls(node.calls, context.expressions);
    this.results = bindResults(node.calls, node.key, node.add, context.expressions);
    this.keys = keyNumbers(context.time, node.key);
    this.keyValues = keyGetters(node.key);
    this.histories = new Histories(node, this.calls);
    this.store = new RollingStore(this.histories, this.calls.types, this.keys);
    this.held = node.emit === 'on_watermark' ? new HeldRows(node) : null;
    this.values = this.calls.arguments.map(() => null);
    this.lateAfter = node.range.size + node.delay + node.allowedLateness;
  }

  process(row: Row): void {
    const { context, held } = this;
    const { time } = context;
    if (!this.keys.find(row)) context.flaw('null_key', `a key column of step ${this.node.id} is NULL`, row);
    else if (time.eventTime < time.watermark - this.lateAfter) context.late(row);
    else if (held !== null && time.eventTime > time.watermark) held.hold(row, time);
    else this.answer(row);
  }

  nextTimer(): number {
    const held = this.held === null ? Number.POSITIVE_INFINITY : this.held.next();
    return this.context.time.ending ? held : Math.min(held, this.store.expiry.next());
  }

  fire(at: number): void {
    const { held } = this;
    if (held !== null && held.next() === at) this.release(held, at);
    if (!this.context.time.ending) this.store.expire(at);
  }

  snapshot(writer: StateWriter, all: boolean): void {
    const bytes = new ByteWriter();
    this.store.snapshot(writer, bytes, all);
    this.held?.snapshot(writer, bytes, all);
    const { nextId } = this.store;
    const arrivals = this.held?.arrivals ?? 0;
    const changes = nextId + arrivals - this.savedCounts;
    if (all ? nextId + arrivals > 0 : changes > 0) {
      bytes.varint(nextId);
      bytes.varint(arrivals);
      writer.put('n', bytes.finish());
    }
    if (!all) this.savedCounts += changes;
  }

  restore(entries: Iterable<readonly [key: string, value: Uint8Array]>): void {
    const rest: (readonly [key: string, value: Uint8Array])[] = [];
    for (const [entry, value] of entries) {
      const bytes = new ByteReader(value);
      if (entry === 'n') {
        this.store.nextId = bytes.varint();
        const arrivals = bytes.varint();
        if (this.held !== null) this.held.arrivals = arrivals;
        this.savedCounts = this.store.nextId + arrivals;
      } else if (entry.startsWith('h')) this.held?.load(entry, bytes);
      else rest.push([entry, value]);
    }
    this.store.restore(rest);
  }

  /** Lets the rows of one event time go, each with its own lineage. */
  private release(held: HeldRows, at: number): void {
    const { time } = this.context;
    const { eventTime, origin, originOffset } = time;
    const row = this.context.row(this.node.shape);
    while (held.next() === at) {
      held.take(row, time);
      this.keys.find(row);
      this.answer(row);
    }
    time.eventTime = eventTime;
    time.origin = origin;
    time.originOffset = originOffset;
  }

  private answer(row: Row): void {
    const { context, results, histories, store, values } = this;
    const { time } = context;
    const { aggregates, arguments: evaluate } = this.calls;
    try {
      for (let i = 0; i < evaluate.length; i++) values[i] = evaluate[i](row);
    } catch (error) {
      const flaw = asFlaw(error);
      context.flaw(flaw.code, flaw.message, row);
      return;
    }
    const cell = store.open(row, time.eventTime);
    if (histories.tidy(cell, time.watermark)) store.forgot(cell);
    const number = histories.insert(cell, time.eventTime, values);
    store.changedFrom(cell, number);
    const inOrder = histories.isLast(cell, number);
    try {
      if (results.restReadsKey) for (let i = 0; i < this.keyValues.length; i++) results.setKey[i](results.row, this.keyValues[i](row));
      if (!inOrder) histories.gather(cell, time.eventTime);
      for (let i = 0; i < aggregates.length; i++) {
        const value = inOrder ? histories.result(cell, i) : histories.resultAside(i);
        const direct = results.direct[i];
        if (direct === null) results.setCall[i](results.row, value);
        else direct(row, value);
      }
      results.rest(row);
    } catch (error) {
      const flaw = asFlaw(error);
      context.flaw(flaw.code, flaw.message, row);
      return;
    }
    context.next(row);
  }
}
