import { rowMaker, slotGetter, slotSetter } from '@millrace/shared-schemas/row.ts';
import type { Column, Row, SqlType, Value } from '@millrace/shared-schemas/types.ts';
import { type CompileOptions, compile, compilePredicate } from '../sql/compile.ts';
import type { AggregateCall, Checked, Expr } from '../sql/expr.ts';
import type { Aggregate } from './aggregate.ts';
import { createAggregate } from './create.ts';

/** What stands for the argument of count(*), and for the second of most aggregates: nothing to keep, always TRUE. */
export const ALWAYS = -1;

/** The aggregate calls of a step over its input rows: each different argument is computed, and kept, once. */
export interface BoundCalls {
  readonly aggregates: readonly Aggregate[];
  /** the different arguments; NULL where the call's FILTER leaves the row out */
  readonly arguments: readonly ((row: Row) => Value)[];
  readonly types: readonly SqlType[];
  /** of each call: which of them is its argument, and which decides (see `Cells.add`); `ALWAYS` for neither */
  readonly value: readonly number[];
  readonly by: readonly number[];
}

/** What a call looks at in a row: an expression, NULL where the filter leaves the row out. */
interface Argument {
  /** null: TRUE */
  readonly expr: Expr | null;
  readonly filter: Expr | null;
}

/** What a call's argument is, and what decides; null for `ALWAYS`. */
function argumentsOf({ fn, args, filter }: AggregateCall): readonly [value: Argument | null, by: Argument | null] {
  const argument = (expr: Expr | null): Argument | null => (expr === null && filter === null ? null : { expr, filter });
  const by = fn === 'arg_min' || fn === 'arg_max' ? argument(args[1]) : fn === 'first' || fn === 'last' ? argument(null) : null;
  return [argument(args[0] ?? null), by];
}

/** A text for each different argument that `bindCalls` would keep. */
export function argumentsKept(calls: readonly AggregateCall[]): ReadonlySet<string> {
  return new Set(calls.flatMap(argumentsOf).flatMap((argument) => (argument === null ? [] : [JSON.stringify(argument)])));
}

export function bindCalls(calls: readonly AggregateCall[], options?: CompileOptions): BoundCalls {
  const known = new Map<string, number>();
  const compiled: ((row: Row) => Value)[] = [];
  const types: SqlType[] = [];
  const number = (argument: Argument | null): number => {
    if (argument === null) return ALWAYS;
    const id = JSON.stringify(argument);
    const had = known.get(id);
    if (had !== undefined) return had;
    const { expr, filter } = argument;
    known.set(id, compiled.length);
    types.push(expr === null ? { kind: 'BOOLEAN' } : expr.type);
    return compiled.push(filtered(expr, filter, options)) - 1;
  };
  const numbered = calls.map(argumentsOf).map(([value, by]) => ({ value: number(value), by: number(by) }));
  return {
    aggregates: calls.map(createAggregate),
    arguments: compiled,
    types,
    value: numbered.map(({ value }) => value),
    by: numbered.map(({ by }) => by),
  };
}

function filtered(expr: Expr | null, filter: Expr | null, options?: CompileOptions): (row: Row) => Value {
  const value = expr === null ? () => true : compile(expr, options);
  if (filter === null) return value;
  const holds = compilePredicate(filter, options);
  return (row) => (holds(row) ? value(row) : null);
}

/** Computes the columns that leave from the results of the calls and the key. */
export interface Results {
  /** what the expressions read: a slot a call, and the key columns' incoming slots */
  readonly row: Row;
  readonly setCall: readonly ((row: Row, value: Value) => void)[];
  readonly setKey: readonly ((row: Row, value: Value) => void)[];
  /** evaluates all into `target`; @throws FlawError */
  into(target: Row): void;
  /** of each call: where its result goes at once when it is a column as it stands, and nothing else reads it; else null */
  readonly direct: readonly (((target: Row, value: Value) => void) | null)[];
  /** `into` for the columns that are no call's result as it stands; @throws FlawError */
  rest(target: Row): void;
  /** whether `rest` reads the key */
  readonly restReadsKey: boolean;
}

export function bindResults(
  calls: readonly AggregateCall[],
  key: readonly Column[],
  select: readonly { readonly slot: string; readonly expr: Checked }[],
  options?: CompileOptions,
): Results {
  const row = rowMaker([...new Set([...calls.map((call) => call.slot), ...key.map((column) => column.slot)])])();
  const readers = new Map<string, number>();
  for (const { expr } of select) for (const slot of slotsOf(expr.tree)) readers.set(slot, (readers.get(slot) ?? 0) + 1);
  const asItStands = (tree: Expr): boolean => tree.op === 'column' && readers.get(tree.slot) === 1 && calls.some((call) => call.slot === tree.slot);
  const moves = select.map(({ slot, expr }) => ({ value: compile(expr.tree, options), write: slotSetter(slot) }));
  const rest = moves.filter((_, i) => !asItStands(select[i].expr.tree));
  const restSlots = new Set(select.flatMap(({ expr }) => (asItStands(expr.tree) ? [] : slotsOf(expr.tree))));
  return {
    row,
    setCall: calls.map((call) => slotSetter(call.slot)),
    setKey: key.map((column) => slotSetter(column.slot)),
    into(target) {
      for (let i = 0; i < moves.length; i++) moves[i].write(target, moves[i].value(row));
    },
    direct: calls.map((call) => {
      const found = select.find(({ expr }) => expr.tree.op === 'column' && expr.tree.slot === call.slot);
      return found !== undefined && asItStands(found.expr.tree) ? slotSetter(found.slot) : null;
    }),
    rest(target) {
      for (let i = 0; i < rest.length; i++) rest[i].write(target, rest[i].value(row));
    },
    restReadsKey: key.some((column) => restSlots.has(column.slot)),
  };
}

/** the slots an expression reads, each as often as it does */
function slotsOf(expr: Expr): string[] {
  switch (expr.op) {
    case 'column':
      return [expr.slot];
    case 'literal':
      return [];
    case 'cast':
      return slotsOf(expr.arg);
    case 'case':
      return [...expr.when.flat(), expr.otherwise].flatMap(slotsOf);
    default:
      return expr.args.flatMap(slotsOf);
  }
}

export function keyGetters(key: readonly Column[]): readonly ((row: Row) => Value)[] {
  return key.map((column) => slotGetter(column.slot));
}
