import type { RollingPlan } from '@millrace/pipeline/plan.ts';
import { ByteReader, ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import type { Column, Row } from '@millrace/shared-schemas/types.ts';
import type { Slices } from './gradual.ts';
import { columnsRead, HeldRows } from './held-rows.ts';
import { type KeyNumbers, keyNumbers } from './key-numbers.ts';
import type { Operator, OperatorContext, StateWriter } from './operator.ts';
import { RollingAnswers, type RollingStep } from './rolling-answers.ts';
import { lateAfter } from './shared-histories.ts';

/** Opens a rolling step, or several in a row that share a history, see `sharedHistories`. */
export function createRolling(steps: readonly RollingStep[]): Operator {
  return new RollingOperator(steps);
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
  private readonly keys: KeyNumbers;
  private readonly answers: RollingAnswers;
  private readonly held: HeldRows | null;
  private readonly lateAfter: number;
  /** next id as saved; it only grows */
  private savedId = 0;

  constructor(steps: readonly RollingStep[]) {
    const [{ node, context }] = steps;
    this.node = node;
    this.context = context;
    this.keys = keyNumbers(context.time, node.key);
    this.answers = new RollingAnswers(steps, this.keys);
    this.held = node.emit === 'on_watermark' ? new HeldRows(columnsKept(node)) : null;
    this.lateAfter = lateAfter(node);
  }

  process(row: Row): void {
    const { context, held } = this;
    const { time } = context;
    if (!this.keys.find(row)) context.flaw('null_key', `a key column of step ${this.node.id} is NULL`, row);
    else if (time.eventTime < time.judged - this.lateAfter) context.late(row);
    else if (held === null) this.answers.answer(row);
    else {
      // its turn is at its own time, or where it is known what stands before it
      const due = time.eventTime > time.judged ? time.eventTime : time.settled;
      if (due > time.watermark) held.hold(row, time, due);
      else this.answers.answer(row);
    }
  }

  nextTimer(): number {
    const held = this.held === null ? Number.POSITIVE_INFINITY : this.held.next();
    return this.context.time.ending ? held : Math.min(held, this.answers.store.expiry.next());
  }

  fire(at: number): void {
    const { held } = this;
    if (held !== null && held.next() === at) this.release(held, at);
    if (!this.context.time.ending) this.answers.store.expire(at);
  }

  *snapshot(writer: StateWriter, all: boolean): Slices {
    const bytes = new ByteWriter();
    const { store } = this.answers;
    const { nextId } = store;
    if (all ? nextId > 0 : nextId > this.savedId) {
      bytes.varint(nextId);
      writer.put('n', bytes.finish());
    }
    if (!all) this.savedId = nextId;
    this.held?.snapshot(writer, bytes, all);
    yield* store.snapshot(writer, bytes, all);
  }

  restore(entries: Iterable<readonly [key: string, value: Uint8Array]>): void {
    const rest: (readonly [key: string, value: Uint8Array])[] = [];
    for (const [entry, value] of entries) {
      const bytes = new ByteReader(value);
      if (entry === 'n') {
        this.answers.store.nextId = bytes.varint();
        this.savedId = this.answers.store.nextId;
      } else if (entry.startsWith('h')) this.held?.load(entry, bytes);
      else rest.push([entry, value]);
    }
    this.answers.store.restore(rest);
  }

  /** Lets the rows go whose turn is at one watermark, each with its own time and lineage. */
  private release(held: HeldRows, at: number): void {
    const { time } = this.context;
    const { eventTime, judged, origin, originOffset } = time;
    const row = this.context.row(this.node.shape);
    while (held.next() === at) {
      held.take(row, time);
      this.keys.find(row);
      this.answers.answer(row);
    }
    time.eventTime = eventTime;
    time.judged = judged;
    time.origin = origin;
    time.originOffset = originOffset;
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
