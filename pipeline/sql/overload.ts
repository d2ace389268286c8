import type { SqlType } from '@millrace/shared-schemas/types.ts';
import { BindError, type Bound, castTo, describeType, folded, nullOf } from './bound.ts';
import { closed, commonType, implicitCost, type OpenType } from './common-type.ts';
import type { Expr } from './expr.ts';
import type { Overload, Param } from './functions/function.ts';
import { scalarFunctions } from './functions/table.ts';
import type { Interval } from './interval.ts';
import { meant } from './names.ts';
import { refusedFunctions } from './refusals.ts';
import type { Place, SqlNode } from './sql-tree.ts';
import { decimal, decimalShape } from './sql-type.ts';

/** An argument as it was bound; an INTERVAL literal is no expression, and `null` is an interval that is no literal. */
export type Argument = Bound | { readonly interval: Interval | null; readonly place: Place };

/** Functions that can give NULL for arguments that are not. */
const sometimesNull: ReadonlySet<string> = new Set(['//', '%', 'mod', 'epoch_ms', 'array_extract', 'list_extract', 'date_part', 'extract']);

function paramCost(arg: Argument, param: Param): number {
  if ('interval' in arg) return param === 'INTERVAL' ? 0 : -1;
  if (param === 'INTERVAL') return -1;
  if (param === 'common' || param === 'any') return implicitCost(arg.type, 'any');
  return implicitCost(arg.type, param);
}

function overloadCost(overload: Overload, args: readonly Argument[]): number {
  const { params, rest } = overload;
  if (args.length < params.length || (rest === undefined && args.length > params.length)) return -1;
  let cost = 0;
  for (const [i, arg] of args.entries()) {
    const one = paramCost(arg, i < params.length ? params[i] : (rest as Param));
    if (one < 0) return -1;
    cost += one;
  }
  return cost;
}

function signature(name: string, args: readonly Argument[]): string {
  return `${name}(${args.map((arg) => ('interval' in arg ? 'INTERVAL' : describeType(arg.type))).join(', ')})`;
}

function choose(name: string, overloads: readonly Overload[], args: readonly Argument[], place: Place): Overload {
  let best: Overload[] = [];
  let least = Number.POSITIVE_INFINITY;
  for (const overload of overloads) {
    const cost = overloadCost(overload, args);
    if (cost < 0 || cost > least) continue;
    best = cost === least ? [...best, overload] : [overload];
    least = cost;
  }
  if (best.length === 1) return best[0];
  if (best.length > 1) throw new BindError('type_error', `${signature(name, args)} can be read in several ways; an explicit cast is needed.`, place);
  const takes = overloads.map((overload) => `${name}(${[...overload.params, ...(overload.rest === undefined ? [] : [`${overload.rest} …`])].join(', ')})`);
  throw new BindError('type_error', `There is no ${signature(name, args)}.`, place, `There is ${[...new Set(takes)].slice(0, 8).join(', ')}.`);
}

function settle(arg: Bound, param: Param, overload: Overload): Bound {
  if (param === 'DECIMAL' && overload.operands !== undefined) return arg.type.kind === 'NULL' ? arg : { ...arg, type: closed(arg.type) };
  if (param === 'any' || param === 'LIST' || param === 'common' || param === 'INTERVAL')
    return arg.type.kind === 'NULL' ? arg : { ...arg, type: closed(arg.type) };
  if (param !== 'DECIMAL') return castTo(arg, { kind: param });
  const shape = decimalShape(closed(arg.type));
  return shape === null || closed(arg.type).kind === 'DECIMAL' ? arg : castTo(arg, decimal(shape.width, shape.scale));
}

function united(args: readonly Bound[], overload: Overload, name: string, place: Place): readonly Bound[] {
  const isCommon = (i: number) => (i < overload.params.length ? overload.params[i] : overload.rest) === 'common';
  let type: OpenType | null = null;
  for (const [i, arg] of args.entries()) {
    if (!isCommon(i)) continue;
    const next: OpenType | null = type === null ? arg.type : commonType(type, arg.type);
    if (next === null)
      throw new BindError(
        'type_error',
        `${name} cannot mix ${describeType(type as OpenType)} and ${describeType(arg.type)}; an explicit cast is needed.`,
        place,
      );
    type = next;
  }
  if (type === null) return args;
  const target = closed(type);
  if (target.kind === 'LIST' || target.kind === 'STRUCT' || target.kind === 'MAP' || target.kind === 'BLOB') {
    throw new BindError('unsupported_expression', `Record-stage SQL does not have ${name} of ${target.kind} values.`, place);
  }
  return args.map((arg, i) => (isCommon(i) ? castTo(arg, target) : arg));
}

function unknown(name: string, node: SqlNode, place: Place): never {
  const why = refusedFunctions[name];
  const shown = node.is_operator ? `the operator ${name}` : `the function ${name}`;
  if (why !== undefined) throw new BindError('unsupported_function', `Record-stage SQL does not have ${shown}: ${why}.`, place);
  const known = [...scalarFunctions.keys()].filter((other) => /^[a-z]/.test(other));
  throw new BindError('unsupported_function', `Record-stage SQL does not have ${shown}.`, place, node.is_operator ? undefined : meant(name, known, 'function'));
}

function intervalText(interval: Interval, negative: boolean): string {
  const sign = negative ? -1n : 1n;
  return [interval.months, interval.days, interval.micros].map((part) => String(sign * BigInt(part))).join(' ');
}

/** A call with a NULL that its binder sees is a NULL for DuckDB, and one of no type where the function's type depends on its arguments'. */
function nullCall(type: SqlType, open: boolean, place: Place): Bound {
  const seen: OpenType = open ? { kind: 'NULL' } : type.kind === 'VARCHAR' ? { kind: 'STRING_LITERAL' } : type;
  return { expr: nullOf(closed(seen)), type: seen, nullable: true, place };
}

/** Binds a call of a named function or an operator sign: picks the overload DuckDB would, and casts its arguments. */
export function bindCall(name: string, node: SqlNode, args: readonly Argument[], place: Place): Bound {
  const found = scalarFunctions.get(name);
  const plain = (node.schema ?? '') === '' || node.schema === 'main';
  if (found === undefined || !plain || (node.catalog ?? '') !== '') return unknown(plain ? name : `${node.schema}.${name}`, node, place);
  if (node.distinct || node.filter || (node.order_bys?.orders?.length ?? 0) > 0) {
    throw new BindError('unsupported_expression', `DISTINCT, FILTER and ORDER BY belong to aggregates; ${name} is none.`, place);
  }
  const overload = choose(name, found.overloads, args, place);
  const paramAt = (i: number): Param => (i < overload.params.length ? overload.params[i] : (overload.rest as Param));
  let detail: string | undefined;
  const bound: Bound[] = [];
  for (const [i, arg] of args.entries()) {
    if ('interval' in arg) {
      if (arg.interval === null) throw new BindError('unsupported_expression', 'An INTERVAL has to be a literal here.', arg.place);
      detail = intervalText(arg.interval, name === '-');
    } else {
      bound.push(settle(arg, paramAt(i), overload));
    }
  }
  const ready = united(bound, overload, name, place);
  if (overload.constant !== undefined) {
    const { at, required, refuse } = overload.constant;
    const arg = ready[at];
    if (arg !== undefined && arg.expr.op === 'literal' && arg.expr.text !== null) {
      detail = arg.expr.text;
      const wrong = refuse?.(detail);
      if (wrong !== undefined) throw new BindError('type_error', wrong, arg.place);
    } else if (required && arg !== undefined) {
      throw new BindError('unsupported_expression', `Argument ${at + 1} of ${name} has to be a constant.`, arg.place);
    }
  }
  const types = ready.map((arg) => closed(arg.type));
  let type: SqlType;
  try {
    type = typeof overload.returns === 'function' ? overload.returns(types, detail) : overload.returns;
  } catch (error) {
    throw new BindError('type_error', `${(error as Error).message}.`.replace(/\.\.$/, '.'), place);
  }
  // round(DECIMAL, digits) is told of NULL digits, but not of constant ones
  const folds = overload.nulls === 'propagate' || overload.params[0] === 'DECIMAL';
  const nulls = folds ? ready.filter((arg) => arg.expr.op === 'literal' && arg.expr.text === null && !arg.late) : [];
  if (nulls.length > 0) return nullCall(type, name === '||' || (overload.params[0] === 'DECIMAL' && typeof overload.returns === 'function'), place);
  const cast = overload.operands?.(types, type).map((operand, i) => castTo(ready[i], operand)) ?? ready;
  const expr: Expr = { op: 'call', fn: overload.fn, args: cast.map((arg) => arg.expr), ...(detail === undefined ? {} : { detail }), type };
  const nullable = overload.nulls === 'own' ? !name.startsWith('concat') : sometimesNull.has(name) || ready.some((arg) => arg.nullable);
  return { expr: folded(expr), type, nullable, place };
}
