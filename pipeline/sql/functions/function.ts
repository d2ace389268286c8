import type { SqlType, Value } from '@millrace/shared-schemas/types.ts';

/**
 * What a parameter takes. The checker picks the overload as DuckDB does: every argument of the parameter's own type, else the least sum of
 * implicit cast costs (`src/function/cast_rules.cpp`; integers widen; to BIGINT 101, INTEGER 102, HUGEINT 103, DOUBLE 104, DECIMAL 105, TIMESTAMP 120,
 * VARCHAR 149, any other 110; an integer literal goes to a type it fits for 90 less, a string literal to VARCHAR for 1 and to any other for 20;
 * DECIMAL casts only to FLOAT and DOUBLE, FLOAT to DOUBLE, DATE to TIMESTAMP). Then it writes the casts out. Kinds that are no type:
 *
 * - `DECIMAL`: any DECIMAL as it is; an integer first becomes the DECIMAL that holds its type (TINYINT 3, SMALLINT 5, INTEGER 10, BIGINT 19, HUGEINT 38 digits)
 * - `LIST`: any LIST as it is
 * - `INTERVAL`: a literal. It is no argument of the call: `detail` is its `months days microseconds`, three integers with blanks between
 * - `common`: all arguments of this kind are cast to their common type, as for CASE; not LIST, STRUCT, MAP or BLOB
 * - `any`: the argument as it is
 */
export type Param =
  | 'BOOLEAN'
  | 'TINYINT'
  | 'SMALLINT'
  | 'INTEGER'
  | 'BIGINT'
  | 'HUGEINT'
  | 'FLOAT'
  | 'DOUBLE'
  | 'VARCHAR'
  | 'DATE'
  | 'TIMESTAMP'
  | 'DECIMAL'
  | 'LIST'
  | 'INTERVAL'
  | 'common'
  | 'any';

/** An argument that is looked at while the plan is made. */
export interface Constant {
  /** its index in `params` */
  readonly at: number;
  /** lint refuses the call if the argument is no constant, as DuckDB's binder does */
  readonly required: boolean;
  /** what is wrong with the value, for lint to report; undefined when nothing is */
  readonly refuse?: (detail: string) => string | undefined;
}

/** One signature of a scalar function. An alias of a function has the same overload objects. */
export interface Overload {
  /** unique over all overloads; what `Expr.call.fn` says, e.g. `substr` or `abs.decimal` */
  readonly fn: string;
  readonly params: readonly Param[];
  /** takes any number of further arguments of this kind */
  readonly rest?: Param;
  /** When this argument is a constant other than NULL, its value as text, after the cast to its parameter, is `detail`. It stays an argument too. */
  readonly constant?: Constant;
  readonly returns: SqlType | ((args: readonly SqlType[], detail?: string) => SqlType);
  /** What the arguments are cast to once the result's type is known; `make` sees these types. An integer for a DECIMAL then comes as it is. */
  readonly operands?: (args: readonly SqlType[], type: SqlType) => readonly SqlType[];
  /** `propagate`: NULL in, NULL out, without a call; `own`: the function sees NULLs */
  readonly nulls: 'propagate' | 'own';
  /**
   * Gives the function over values in the forms of `types.ts`. `args` and `type` are the plan's, so that scales and widths are
   * settled once. The function throws `FlawError('expression_failed', …)` where DuckDB raises. It may keep what it worked out
   * for the last call's pattern or format, so each place of use makes its own.
   */
  readonly make: (args: readonly SqlType[], type: SqlType, detail?: string) => (...values: Value[]) => Value;
}

export interface ScalarFunction {
  /** as the user (and DuckDB's tree) writes it, lower case; operators by their sign */
  readonly name: string;
  readonly overloads: readonly Overload[];
}
