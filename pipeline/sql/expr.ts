import type { SqlType } from '@millrace/shared-schemas/types.ts';

/**
 * A checked expression: every name resolved to a slot, every overload chosen, every cast written out. Plain data, so a plan
 * can be hashed and sent to a thread.
 */
export type Expr =
  | { readonly op: 'column'; readonly slot: string; readonly type: SqlType }
  /** `text`: the value's digits or text, since JSON cannot carry every number; null is NULL */
  | { readonly op: 'literal'; readonly text: string | null; readonly type: SqlType }
  /** `fn` names one overload of `functions/`, such as `add` or `substr`; `detail` what is constant at plan time */
  | { readonly op: 'call'; readonly fn: string; readonly args: readonly Expr[]; readonly detail?: string; readonly type: SqlType }
  | { readonly op: 'cast'; readonly arg: Expr; readonly safe: boolean; readonly type: SqlType }
  | { readonly op: 'and' | 'or'; readonly args: readonly Expr[]; readonly type: SqlType }
  | { readonly op: 'case'; readonly when: readonly (readonly [condition: Expr, result: Expr])[]; readonly otherwise: Expr; readonly type: SqlType };

/** A scalar expression that lint has accepted. */
export interface Checked {
  readonly sql: string;
  readonly type: SqlType;
  readonly nullable: boolean;
  readonly tree: Expr;
}

/** One aggregate call of a `select` or `add`; its result goes to `slot` (`a0`, `a1` …) of the row that result expressions read. */
export interface AggregateCall {
  readonly fn:
    | 'count'
    | 'sum'
    | 'avg'
    | 'min'
    | 'max'
    | 'stddev_samp'
    | 'stddev_pop'
    | 'var_samp'
    | 'var_pop'
    | 'bool_and'
    | 'bool_or'
    | 'arg_min'
    | 'arg_max'
    | 'first'
    | 'last';
  /** empty for count(*) */
  readonly args: readonly Expr[];
  readonly filter: Expr | null;
  readonly distinct: boolean;
  readonly type: SqlType;
  readonly slot: string;
}

/** A whole `select`: the aggregates to keep, and what is computed from them (and from the key columns) per row that leaves. */
export interface CheckedAggregates {
  readonly calls: readonly AggregateCall[];
  readonly results: readonly { readonly name: string; readonly expr: Checked }[];
}

/** What is wrong with an expression; `start` and `end` are UTF-16 positions in its text. */
export interface SqlFlaw {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly start: number;
  readonly end: number;
}
