import type { DedupePlan, NodePlan, RollingPlan, WindowPlan } from '@millrace/pipeline/plan.ts';
import type { AggregateCall, Checked, Expr } from '@millrace/pipeline/sql/expr.ts';
import type { Column, SqlType } from '@millrace/shared-schemas/types.ts';

/** Test support: plans of single steps over records of a key `k`, a number `x` and a whole number `i`. */
const columns: readonly Column[] = [
  { name: 'k', type: { kind: 'VARCHAR' }, nullable: true, slot: 'k' },
  { name: 'x', type: { kind: 'DOUBLE' }, nullable: true, slot: 'x' },
  { name: 'i', type: { kind: 'BIGINT' }, nullable: true, slot: 'i' },
];
export const key: readonly Column[] = [columns[0]];

export function column(slot: string): Expr {
  const { type } = columns.find((known) => known.slot === slot) as Column;
  return { op: 'column', slot, type };
}

/** a > b as an expression */
export function greater(a: Expr, b: string): Expr {
  return { op: 'call', fn: 'gt', args: [a, { op: 'literal', text: b, type: a.type }], type: { kind: 'BOOLEAN' } };
}

const results: { readonly [fn: string]: SqlType } = { count: { kind: 'BIGINT' }, avg: { kind: 'DOUBLE' } };

export function call(slot: string, fn: AggregateCall['fn'], args: readonly string[], more: Partial<AggregateCall> = {}): AggregateCall {
  const type = results[fn] ?? (args.length > 0 ? column(args[0]).type : { kind: 'BIGINT' });
  return { slot, fn, args: args.map(column), filter: null, distinct: false, type, ...more };
}

function checked(tree: Expr): Checked {
  return { sql: '', type: tree.type, nullable: true, tree };
}

const base = { id: 'step', order: 0, from: ['in'], onError: 'dead_letter', late: 'dead_letter' } as const;

/** Each call's result leaves in the column `r_<its slot>`. */
function adds(calls: readonly AggregateCall[]): { slot: string; expr: Checked }[] {
  return calls.map(({ slot, type }) => ({ slot: `r_${slot}`, expr: checked({ op: 'column', slot, type }) }));
}

export const shapes = (calls: readonly AggregateCall[]): string[][] => [
  ['k', 'x', 'i', ...calls.map(({ slot }) => `r_${slot}`)],
  ['k', 'window_start', 'window_end', ...calls.map(({ slot }) => `r_${slot}`)],
];

export function rollingPlan(calls: readonly AggregateCall[], plan: Partial<RollingPlan>): RollingPlan {
  const add = adds(calls);
  const visible = [...columns, ...add.map(({ slot, expr }) => ({ name: slot, slot, type: expr.type, nullable: true }))];
  return {
    ...base,
    type: 'rolling',
    shape: 0,
    columns: visible,
    key,
    range: { kind: 'range', size: 10 },
    delay: 0,
    allowedLateness: 0,
    emit: 'immediately',
    calls,
    add,
    ...plan,
  };
}

export function windowPlan(calls: readonly AggregateCall[], plan: Partial<WindowPlan>): WindowPlan {
  const time = { kind: 'BIGINT' } as const;
  return {
    ...base,
    type: 'window',
    shape: 1,
    columns: [
      ...key,
      { name: 'window_start', slot: 'window_start', type: time, nullable: false },
      { name: 'window_end', slot: 'window_end', type: time, nullable: false },
    ],
    key,
    keySlots: ['k'],
    window: { kind: 'tumbling', size: 10, offset: 0 },
    startSlot: 'window_start',
    endSlot: 'window_end',
    allowedLateness: 0,
    emit: 'on_close',
    calls,
    select: adds(calls),
    ...plan,
  };
}

export function dedupePlan(within: number): DedupePlan {
  return { ...base, type: 'dedupe', shape: 0, columns, key, within };
}

/** any other step, with the parts that all share */
export function plain<T extends NodePlan>(plan: Omit<T, keyof typeof base | 'shape' | 'columns'>): T {
  return { ...base, shape: 0, columns, ...plan } as unknown as T;
}
