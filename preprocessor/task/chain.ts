import type { NodePlan, OutputPlan, RollingPlan, StagePlan, UnionPlan } from '@millrace/pipeline/plan.ts';
import type { CompileOptions } from '@millrace/pipeline/sql/compile.ts';
import { MillraceError } from '@millrace/runtime/errors.ts';
import { slotGetter, slotSetter } from '@millrace/shared-schemas/row.ts';
import { type Column, FlawError, type Row } from '@millrace/shared-schemas/types.ts';
import { createOperator } from '../operators/create.ts';
import type { ModelInForce, Operator, OperatorContext, TaskTime } from '../operators/operator.ts';
import { createRolling } from '../operators/rolling.ts';
import { sharedHistories } from '../operators/shared-histories.ts';

/** What the chain of one task needs from around it. */
export interface ChainHost {
  readonly time: TaskTime;
  readonly expressions: CompileOptions;
  row(shape: number): Row;
  table(id: string): ReadonlyMap<string, Row>;
  model(name: string): ModelInForce;
  deadLetter(code: string, message: string, step: string, row: Row, columns: readonly Column[]): void;
  dropped(): void;
  write(output: OutputPlan): (row: Row) => void;
}

export interface Chain {
  /** where the rows of each input enter */
  readonly entry: ReadonlyMap<string, (row: Row) => void>;
  /** the steps that are operators, in the order of the file */
  readonly steps: readonly (readonly [id: string, operator: Operator])[];
}

type Sink = (row: Row) => void;

/** Fuses a stage's steps: each operator calls the next one directly, and a row is never handed over by anything but a call. */
export function buildChain(stage: StagePlan, host: ChainHost): Chain {
  const readers = new Map<string, Sink[]>();
  const columns = new Map<string, readonly Column[]>();
  for (const input of stage.inputs) columns.set(input.id, input.columns);
  for (const node of stage.nodes) columns.set(node.id, node.columns);
  const read = (from: string, sink: Sink): void => {
    readers.set(from, [sink, ...(readers.get(from) ?? [])]);
  };

  for (const output of stage.outputs.toReversed()) {
    const seen = columns.get(output.from) as readonly Column[];
    read(output.from, guarded(output, seen, host, host.write(output)));
  }
  const steps: [string, Operator][] = [];
  const runs = sharedHistories(stage);
  const contexts = new Map<string, OperatorContext>();
  for (const node of stage.nodes.toReversed()) {
    const next = fanOut(readers.get(node.id) ?? []);
    if (node.type === 'union') {
      for (const [from, sink] of unionEntries(node, host.row(node.shape), next)) read(from, sink);
      continue;
    }
    const seen = columns.get(node.from[0] as string) as readonly Column[];
    const context: OperatorContext = {
      time: host.time,
      expressions: host.expressions,
      next,
      row: host.row,
      table: host.table,
      model: host.model,
      flaw: (code, message, row) => fail(node, seen, host, code, message, row),
      late: (row) => (node.late === 'drop' ? host.dropped() : host.deadLetter('late', lateMessage(node, host.time), node.id, row, seen)),
    };
    contexts.set(node.id, context);
    const run = node.type === 'rolling' ? (runs.find((steps) => steps.includes(node)) as readonly RollingPlan[]) : null;
    // the first stands for all that share its history
    if (run !== null && run[0] !== node) continue;
    const operator =
      run === null ? createOperator(node, context) : createRolling(run.map((step) => ({ node: step, context: contexts.get(step.id) as OperatorContext })));
    steps.unshift([node.id, operator]);
    read(node.from[0] as string, entryOf(operator, node.id));
  }
  return { entry: new Map(stage.inputs.map((input) => [input.id, fanOut(readers.get(input.id) ?? [])])), steps };
}

/**
 * A function of its own for each step, so that V8 sees one class of operators behind each call and can make one piece of code of a chain. It takes functions made of equal texts for
 * one: the step's name makes them differ.
 */
function entryOf(operator: Operator, step: string): Sink {
  return new Function('operator', `return (row) => operator.process(row); // ${encodeURIComponent(step)}`)(operator) as Sink;
}

function lateMessage(node: NodePlan, time: TaskTime): string {
  return `event time ${time.eventTime} is behind what step ${node.id} still keeps at watermark ${time.judged}`;
}

function fail(
  step: { readonly id: string; readonly onError: NodePlan['onError'] },
  columns: readonly Column[],
  host: ChainHost,
  code: string,
  message: string,
  row: Row,
): void {
  if (step.onError === 'fail') throw new MillraceError('record_failed', `step ${step.id}: ${message} (${code})`);
  if (step.onError === 'drop') host.dropped();
  else host.deadLetter(code, message, step.id, row, columns);
}

function guarded(output: OutputPlan, columns: readonly Column[], host: ChainHost, write: Sink): Sink {
  const { onError } = output;
  const steps = output.kind === 'exchange' ? output.steps : [output.id];
  return (row) => {
    try {
      write(row);
    } catch (error) {
      if (!(error instanceof FlawError)) throw error;
      for (const id of steps) fail({ id, onError }, columns, host, error.code, error.message, row);
    }
  };
}

function fanOut(sinks: readonly Sink[]): Sink {
  const [first, second] = sinks;
  if (first === undefined) return () => {};
  if (second === undefined) return first;
  if (sinks.length === 2) {
    return (row) => {
      first(row);
      second(row);
    };
  }
  return (row) => {
    for (const sink of sinks) sink(row);
  };
}

function unionEntries(node: UnionPlan, target: Row, next: Sink): [from: string, Sink][] {
  return node.inputs.map(({ from, copy }) => {
    const moves = copy.map(([source, to]) => ({ get: slotGetter(source), set: slotSetter(to) }));
    return [
      from,
      (row) => {
        for (const move of moves) move.set(target, move.get(row));
        next(target);
      },
    ];
  });
}
