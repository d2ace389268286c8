import { bindCalls, bindResults, keyGetters, type Results } from '@millrace/pipeline/aggregates/calls.ts';
import type { RollingPlan } from '@millrace/pipeline/plan.ts';
import type { Row, Value } from '@millrace/shared-schemas/types.ts';
import { asFlaw } from './guard.ts';
import type { KeyNumbers } from './key-numbers.ts';
import type { OperatorContext, TaskTime } from './operator.ts';
import { Histories } from './rolling-history.ts';
import { RollingStore } from './rolling-store.ts';

/** A rolling step and what its task lends it. */
export interface RollingStep {
  readonly node: RollingPlan;
  readonly context: OperatorContext;
}

/** What leaves of one step: which of all calls are its own, [from, to), and where their results go. */
interface Answer {
  readonly from: number;
  readonly to: number;
  readonly results: Results;
}

/**
 * Takes records into the histories of their keys and adds to each what its past comes to, for one step or several in a row that
 * share a history (see `sharedHistories`). A record is in the past of those behind it even if its own results fail.
 */
export class RollingAnswers {
  readonly store: RollingStore;
  private readonly contexts: readonly OperatorContext[];
  private readonly time: TaskTime;
  private readonly calls;
  private readonly answers: readonly Answer[];
  private readonly keyValues;
  private readonly histories: Histories;
  /** the arguments of the record in hand */
  private readonly values: Value[];

  constructor(steps: readonly RollingStep[], keys: KeyNumbers) {
    const nodes = steps.map(({ node }) => node);
    const { expressions } = steps[0].context;
    this.contexts = steps.map(({ context }) => context);
    this.time = steps[0].context.time;
    this.calls = bindCalls(
      nodes.flatMap(({ calls }) => calls),
      expressions,
    );
    let from = 0;
    this.answers = nodes.map((node) => {
      const to = from + node.calls.length;
      const answer = { from, to, results: bindResults(node.calls, node.key, node.add, expressions) };
      from = to;
      return answer;
    });
    this.keyValues = keyGetters(nodes[0].key);
    this.histories = new Histories(nodes, this.calls);
    this.store = new RollingStore(this.histories, this.calls.types, keys);
    this.values = this.calls.arguments.map(() => null);
  }

  /** Takes in a row whose key has just been found, and hands it on. */
  answer(row: Row): void {
    const { contexts, histories, store, time, values } = this;
    const evaluate = this.calls.arguments;
    try {
      for (let i = 0; i < evaluate.length; i++) values[i] = evaluate[i](row);
    } catch (error) {
      const flaw = asFlaw(error);
      contexts[0].flaw(flaw.code, flaw.message, row);
      return;
    }
    const cell = store.open(row, time.eventTime);
    if (histories.tidy(cell, time.watermark)) store.forgot(cell);
    const number = histories.insert(cell, time.eventTime, values);
    store.changedFrom(cell, number);
    let step = contexts.length - 1;
    try {
      this.add(row, cell, histories.isLast(cell, number));
    } catch (error) {
      // only the last step's results may fail
      const flaw = asFlaw(error);
      contexts[step--].flaw(flaw.code, flaw.message, row);
    }
    // each step's first reader is the next one
    for (; step >= 0; step--) contexts[step].next(row);
  }

  /** Computes what each step adds to the row. */
  private add(row: Row, cell: number, inOrder: boolean): void {
    const { answers, histories } = this;
    if (!inOrder) histories.gather(cell, this.time.eventTime);
    for (let window = 0; window < answers.length; window++) {
      const { from, to, results } = answers[window];
      if (results.restReadsKey) for (let i = 0; i < this.keyValues.length; i++) results.setKey[i](results.row, this.keyValues[i](row));
      for (let call = from; call < to; call++) {
        const value = inOrder ? histories.result(cell, window, call) : histories.resultAside(call);
        const direct = results.direct[call - from];
        if (direct === null) results.setCall[call - from](results.row, value);
        else direct(row, value);
      }
      results.rest(row);
    }
  }
}
