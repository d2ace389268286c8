import type { SqlType, Value } from '@millrace/shared-schemas/types.ts';

/** What a parameter takes; the checker casts arguments to it, as DuckDB would. `any` takes the argument as it is. */
export type Param = 'BOOLEAN' | 'INTEGER' | 'BIGINT' | 'DOUBLE' | 'VARCHAR' | 'DATE' | 'TIMESTAMP' | 'any';

/** One signature of a scalar function. */
export interface Overload {
  /** unique over all overloads; what `Expr.call.fn` says, e.g. `substr` or `abs.decimal` */
  readonly fn: string;
  readonly params: readonly Param[];
  /** takes any number of further arguments of this kind */
  readonly rest?: Param;
  readonly returns: SqlType | ((args: readonly SqlType[]) => SqlType);
  /** `propagate`: NULL in, NULL out, without a call; `own`: the function sees NULLs */
  readonly nulls: 'propagate' | 'own';
  /**
   * Gives the function over values in the forms of `types.ts`. `args` and `type` are the plan's, so that scales and widths are
   * settled once. The function throws `FlawError('expression_failed', …)` where DuckDB raises.
   */
  readonly make: (args: readonly SqlType[], type: SqlType, detail?: string) => (...values: Value[]) => Value;
}

export interface ScalarFunction {
  /** as the user (and DuckDB's tree) writes it, lower case; operators by their sign */
  readonly name: string;
  readonly overloads: readonly Overload[];
}
