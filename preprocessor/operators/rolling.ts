import { bindCalls, bindResults, keyGetters } from '@millrace/pipeline/aggregates/calls.ts';
import type { RollingPlan } from '@millrace/pipeline/plan.ts';
import { ByteReader, ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import type { Column, Row, Value } from '@millrace/shared-schemas/types.ts';
import { asFlaw } from './guard.ts';
import { columnsRead, HeldRows } from './held-rows.ts';
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
 * State: `n` next id, and what `RollingStore` and `HeldRows` say.
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
  /** next id as saved; it only grows */
  private savedId = 0;

  constructor(node: RollingPlan, context: OperatorContext) {
    this.node = node;
    this.context = context;
    this.calls = bindCalls(node.calls, context.expressions);
    this.results = bindResults(node.calls, node.key, node.add, context.expressions);
    this.keys = keyNumbers(context.time, node.key);
    this.keyValues = keyGetters(node.key);
    this.histories = new Histories(node, this.calls);
    this.store = new RollingStore(this.histories, this.calls.types, this.keys);
    this.held = node.emit === 'on_watermark' ? new HeldRows(columnsKept(node)) : null;
    this.values = this.calls.arguments.map(() => null);
    this.lateAfter = node.range.size + node.delay + node.allowedLateness;
  }

  process(row: Row): void {
    const { context, held } = this;
    const { time } = context;
    if (!this.keys.find(row)) context.flaw('null_key', `a key column of step ${this.node.id} is NULL`, row);
    else if (time.eventTime < time.judged - this.lateAfter) context.late(row);
    else if (held === null) this.answer(row);
    else {
      // its turn is at its own time, or where it is known what stands before it
      const due = time.eventTime > time.judged ? time.eventTime : time.settled;
      if (due > time.watermark) held.hold(row, time, due);
      else this.answer(row);
    }
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
    if (all ? nextId > 0 : nextId > this.savedId) {
      bytes.varint(nextId);
      writer.put('n', bytes.finish());
    }
    if (!all) this.savedId = nextId;
  }

  restore(entries: Iterable<readonly [key: string, value: Uint8Array]>): void {
    const rest: (readonly [key: string, value: Uint8Array])[] = [];
    for (const [entry, value] of entries) {
      const bytes = new ByteReader(value);
      if (entry === 'n') {
        this.store.nextId = bytes.varint();
        this.savedId = this.store.nextId;
      } else if (entry.startsWith('h')) this.held?.load(entry, bytes);
      else rest.push([entry, value]);
    }
    this.store.restore(rest);
  }

  /** Lets the rows go whose turn is at one watermark, each with its own time and lineage. */
  private release(held: HeldRows, at: number): void {
    const { time } = this.context;
    const { eventTime, judged, origin, originOffset } = time;
    const row = this.context.row(this.node.shape);
    while (held.next() === at) {
      held.take(row, time);
      this.keys.find(row);
      this.answer(row);
    }
    time.eventTime = eventTime;
    time.judged = judged;
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

/** What is read of a row once it goes: by the steps behind, and by this one; not what this one adds. */
function columnsKept(node: RollingPlan): Column[] {
  const added = new Set(node.add.map(({ slot }) => slot));
  return columnsRead(
    [...node.columns, ...node.key].filter(({ slot }) => !added.has(slot)),
    node.calls,
  );
}
