import type { SqlType } from '@millrace/shared-schemas/types.ts';
import { type BindContext, bindNode, placeOf } from './bind.ts';
import { BindError, type Bound, castTo, describeType } from './bound.ts';
import { closed } from './common-type.ts';
import type { AggregateCall } from './expr.ts';
import { foldName } from './names.ts';
import type { Place, SqlNode } from './sql-tree.ts';
import { decimal, isInteger, isNumeric, maxDecimalWidth } from './sql-type.ts';

type Name = AggregateCall['fn'];

interface Aggregate {
  readonly arguments: 1 | 2;
  /** what the argument is kept as, or null when DuckDB has no such aggregate of it */
  readonly takes: (type: SqlType) => SqlType | null;
  readonly returns: (arg: SqlType) => SqlType;
  readonly doc: string;
}

const double: SqlType = { kind: 'DOUBLE' };

/** Types with an order that states can hold. */
function ordered(type: SqlType): SqlType | null {
  return type.kind === 'LIST' || type.kind === 'STRUCT' || type.kind === 'MAP' || type.kind === 'BLOB' ? null : type;
}

function summed(type: SqlType): SqlType | null {
  if (type.kind === 'BOOLEAN') return { kind: 'INTEGER' };
  if (type.kind === 'FLOAT') return double;
  return isNumeric(type) ? type : null;
}

function sumType(type: SqlType): SqlType {
  if (type.kind === 'DECIMAL') return decimal(maxDecimalWidth, type.scale);
  return isInteger(type) ? { kind: 'HUGEINT' } : double;
}

const same = (type: SqlType): SqlType => type;
const averaged = (type: SqlType): SqlType | null => (type.kind === 'BOOLEAN' ? null : summed(type));
const measured = (type: SqlType): SqlType | null => (isNumeric(type) ? double : null);
const tested = (type: SqlType): SqlType | null => (type.kind === 'BOOLEAN' ? type : null);
const spread = (doc: string): Aggregate => ({ arguments: 1, takes: measured, returns: () => double, doc });

/** Every aggregate of the language. */
export const aggregates: Readonly<Record<Name, Aggregate>> = {
  count: {
    arguments: 1,
    takes: same,
    returns: () => ({ kind: 'BIGINT' }),
    doc: 'records, or those whose argument is not NULL; `count(DISTINCT x)` in window steps',
  },
  sum: { arguments: 1, takes: summed, returns: sumType, doc: 'exact over integers (HUGEINT) and DECIMAL(38, s); DOUBLE over floats' },
  avg: { arguments: 1, takes: averaged, returns: () => double, doc: 'the mean' },
  min: { arguments: 1, takes: ordered, returns: same, doc: 'the least' },
  max: { arguments: 1, takes: ordered, returns: same, doc: 'the greatest; NaN is above all numbers' },
  stddev_samp: spread('standard deviation of a sample; NULL for one value'),
  stddev_pop: spread('standard deviation of a population'),
  var_samp: spread('variance of a sample; NULL for one value'),
  var_pop: spread('variance of a population'),
  bool_and: { arguments: 1, takes: tested, returns: same, doc: 'whether all are true' },
  bool_or: { arguments: 1, takes: tested, returns: same, doc: 'whether any is true' },
  arg_min: {
    arguments: 2,
    takes: ordered,
    returns: same,
    doc: 'the first argument where the second is least; of equals the earliest by event time, then arrival',
  },
  arg_max: { arguments: 2, takes: ordered, returns: same, doc: 'the first argument where the second is greatest; ties as for arg_min' },
  first: { arguments: 1, takes: ordered, returns: same, doc: 'of the earliest record by event time, ties by arrival; may be NULL' },
  last: { arguments: 1, takes: ordered, returns: same, doc: 'of the latest record by event time, ties by arrival; may be NULL' },
};

/** Other names people know aggregates by, and ones that are not here. */
const alternatives: Readonly<Record<string, string | null>> = {
  stddev: 'stddev_samp',
  variance: 'var_samp',
  mean: 'avg',
  argmin: 'arg_min',
  argmax: 'arg_max',
  min_by: 'arg_min',
  max_by: 'arg_max',
  every: 'bool_and',
  any_value: 'first',
  arbitrary: 'first',
  count_if: 'count(*) FILTER (WHERE …)',
  countif: 'count(*) FILTER (WHERE …)',
  median: null,
  mode: null,
  quantile: null,
  quantile_cont: null,
  quantile_disc: null,
  approx_quantile: null,
  approx_count_distinct: null,
  list: null,
  array_agg: null,
  string_agg: null,
  group_concat: null,
  listagg: null,
  histogram: null,
  product: null,
  fsum: 'sum',
  favg: 'avg',
  kahan_sum: 'sum',
  corr: null,
  covar_pop: null,
  covar_samp: null,
  skewness: null,
  kurtosis: null,
  entropy: null,
  bit_and: null,
  bit_or: null,
  bit_xor: null,
};

function isAggregate(name: string): name is Name {
  return Object.hasOwn(aggregates, name);
}

/** The name under which a node calls an aggregate, `count_star` being count; null for other functions. Throws for aggregates that are not here. */
function aggregateName(node: SqlNode, place: Place): Name | null {
  const name = foldName(node.function_name ?? '');
  if (name === 'count_star') return 'count';
  if (isAggregate(name)) return name;
  if (!Object.hasOwn(alternatives, name)) return null;
  const instead = alternatives[name];
  throw new BindError(
    'unsupported_function',
    `Record-stage SQL does not have the aggregate ${name}.`,
    place,
    instead === null ? `Aggregates: ${Object.keys(aggregates).join(', ')}.` : `Write ${instead}.`,
  );
}

/** Refuses aggregates where one value a record is asked for. */
export function refuseAggregate(node: SqlNode, context: BindContext): null {
  const place = placeOf(node, context);
  const name = aggregateName(node, place);
  if (name === null) return null;
  throw new BindError(
    'unsupported_expression',
    `${name} is an aggregate: it stands in the select of a window step or the add of a rolling step, not inside another aggregate.`,
    place,
  );
}

export interface AggregateOptions {
  /** whether count(DISTINCT …) is allowed; default no */
  readonly distinct?: boolean;
  /** whether a result may stand for no record at all, as in a rolling step with a delay: sums can be NULL then; default no */
  readonly mayBeEmpty?: boolean;
}

/** The aggregate calls of one `select`, each kept once however often it is written. */
export class AggregateCalls {
  readonly calls: AggregateCall[] = [];
  readonly #slots = new Map<string, { readonly slot: string; readonly nullable: boolean }>();
  readonly #taken: ReadonlySet<string>;
  readonly #options: AggregateOptions;

  /** `taken`: slots that the row of results has besides */
  constructor(taken: ReadonlySet<string>, options: AggregateOptions) {
    this.#taken = taken;
    this.#options = options;
  }

  #nextSlot(): string {
    let n = this.calls.length;
    while (this.#taken.has(`a${n}`) || this.calls.some((call) => call.slot === `a${n}`)) n++;
    return `a${n}`;
  }

  /** Binds a call of an aggregate and gives the column that will hold its result; null when the node is none. */
  bind(node: SqlNode, outer: BindContext): Bound | null {
    const place = placeOf(node, outer);
    const fn = aggregateName(node, place);
    if (fn === null) return null;
    // inside, every column may be read, and no further aggregate stand
    const { column: _, ...rest } = outer;
    const context: BindContext = { ...rest, aggregate: refuseAggregate };
    if ((node.order_bys?.orders?.length ?? 0) > 0)
      throw new BindError(
        'unsupported_expression',
        `Record-stage SQL does not have ORDER BY inside ${fn}.`,
        place,
        'arg_min and arg_max pick by another value.',
      );
    if (node.distinct && fn !== 'count') throw new BindError('unsupported_expression', `Record-stage SQL has DISTINCT for count only, not for ${fn}.`, place);
    if (node.distinct && this.#options.distinct !== true) throw new BindError('unsupported_expression', 'count(DISTINCT …) is for window steps only.', place);
    const args = this.#arguments(fn, node, context, place);
    const filter = node.filter ? castTo(bindNode(node.filter, context), { kind: 'BOOLEAN' }) : null;
    const type = aggregates[fn].returns(args.length === 0 ? { kind: 'BIGINT' } : closed(args[0].type));
    const nullable = fn !== 'count' && (this.#options.mayBeEmpty === true || filter !== null || fn.endsWith('_samp') || args.some((arg) => arg.nullable));
    const shape = { fn, args: args.map((arg) => arg.expr), filter: filter?.expr ?? null, distinct: node.distinct === true, type };
    const key = JSON.stringify(shape);
    let kept = this.#slots.get(key);
    if (kept === undefined) {
      kept = { slot: this.#nextSlot(), nullable };
      this.#slots.set(key, kept);
      this.calls.push({ ...shape, slot: kept.slot });
    }
    return { expr: { op: 'column', slot: kept.slot, type }, type, nullable: kept.nullable, place };
  }

  #arguments(fn: Name, node: SqlNode, context: BindContext, place: Place): readonly Bound[] {
    const children = node.children ?? [];
    if (fn === 'count' && children.length === 0) return [];
    const wanted = aggregates[fn];
    if (children.length !== wanted.arguments)
      throw new BindError('type_error', `${fn} takes ${wanted.arguments} argument${wanted.arguments === 1 ? '' : 's'}, not ${children.length}.`, place);
    return children.map((child, i) => {
      const arg = bindNode(child, context);
      const from = closed(arg.type);
      // the second argument of arg_min and arg_max only orders
      const to = i === 0 ? wanted.takes(from) : ordered(from);
      if (to === null || arg.type.kind === 'NULL') throw new BindError('type_error', `There is no ${fn} of ${describeType(arg.type)}.`, arg.place);
      return castTo(arg, to);
    });
  }
}

/** A column outside every aggregate: only keys have one value a row there. `whole` binds the path into it. */
export function bindKey(column: Bound, keys: ReadonlySet<string>, name: string, whole: () => Bound): Bound {
  if (column.expr.op === 'column' && keys.has(column.expr.slot)) return whole();
  throw new BindError(
    'not_aggregated',
    `The column ${name} stands outside an aggregate and is no key of this step.`,
    column.place,
    `Write first(${name}), max(${name}) …, or make it a key.`,
  );
}
