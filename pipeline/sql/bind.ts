import type { SqlType } from '@millrace/shared-schemas/types.ts';
import { BindError, type Bound, castTo, describeType, folded, nullOf } from './bound.ts';
import { closed, commonType, comparisonType, type OpenType } from './common-type.ts';
import type { Expr } from './expr.ts';
import type { IntegerKind } from './functions/value.ts';
import { type Interval, isInterval } from './interval.ts';
import { literalOf } from './literal.ts';
import { bindField, bindName, foldName, type Scope } from './names.ts';
import { bindCall } from './overload.ts';
import { refusedNodes } from './refusals.ts';
import type { Place, SqlNode, SqlText } from './sql-tree.ts';
import { decimal } from './sql-type.ts';
import { namedType } from './type-name.ts';

/** What binding one expression needs to know. */
export interface BindContext {
  readonly text: SqlText;
  readonly scope: Scope;
  readonly intervals: ReadonlyMap<SqlNode, Interval>;
  /** takes over a call of an aggregate; without it aggregates are refused. Gives null for what is none. */
  readonly aggregate?: (node: SqlNode, context: BindContext) => Bound | null;
  /** takes over a column's name, where not every column may be read */
  readonly column?: (node: SqlNode, context: BindContext) => Bound;
}

const boolean: SqlType = { kind: 'BOOLEAN' };

const comparisons: Readonly<Record<string, string>> = {
  COMPARE_EQUAL: 'eq',
  COMPARE_NOTEQUAL: 'ne',
  COMPARE_LESSTHAN: 'lt',
  COMPARE_LESSTHANOREQUALTO: 'le',
  COMPARE_GREATERTHAN: 'gt',
  COMPARE_GREATERTHANOREQUALTO: 'ge',
  COMPARE_DISTINCT_FROM: 'distinct',
  COMPARE_NOT_DISTINCT_FROM: 'not_distinct',
};

export function placeOf(node: SqlNode, context: BindContext): Place {
  return context.text.token(node.query_location) ?? context.text.whole;
}

/** From the start of the leftmost part to the end of the rightmost. */
function around(parts: readonly Bound[], own: Place): Place {
  return { start: Math.min(own.start, ...parts.map((part) => part.place.start)), end: Math.max(own.end, ...parts.map((part) => part.place.end)) };
}

function call(fn: string, args: readonly Bound[], type: SqlType, nullable: boolean, place: Place, detail?: string): Bound {
  const expr: Expr = { op: 'call', fn, args: args.map((arg) => arg.expr), ...(detail === undefined ? {} : { detail }), type };
  return { expr: folded(expr), type, nullable, place: around(args, place) };
}

function refuse(what: string, place: Place): never {
  throw new BindError('unsupported_expression', `Record-stage SQL does not have ${what}.`, place);
}

function bindConstant(node: SqlNode, context: BindContext): Bound {
  const place = placeOf(node, context);
  const constant = node.value;
  if (constant === undefined || constant.is_null) return { expr: nullOf({ kind: 'INTEGER' }), type: { kind: 'NULL' }, nullable: true, place };
  const raw = constant.value;
  const of = constant.type.id;
  const literal = (text: string, type: SqlType, open: OpenType = type): Bound => ({ expr: { op: 'literal', text, type }, type: open, nullable: false, place });
  if (of === 'VARCHAR') return literal(String(raw), { kind: 'VARCHAR' }, { kind: 'STRING_LITERAL' });
  if (of === 'BOOLEAN') return literal(String(raw), boolean);
  if (of === 'DOUBLE') return { ...literal('0', { kind: 'DOUBLE' }), expr: literalOf(Number(raw === 'inf' ? 'Infinity' : raw), { kind: 'DOUBLE' }) };
  const digits = typeof raw === 'object' && raw !== null ? wide(raw as { upper: string; lower: string }) : typeof raw === 'string' ? BigInt(raw) : null;
  if (digits === null) return refuse(`constants of type ${of}`, place);
  if (of === 'DECIMAL') return literal(String(digits), decimal(Number(constant.type.type_info?.width), Number(constant.type.type_info?.scale)));
  if (of === 'INTEGER' || of === 'BIGINT' || of === 'HUGEINT')
    return literal(String(digits), { kind: of }, { kind: 'INTEGER_LITERAL', value: digits, of: of as IntegerKind });
  return refuse(`constants of type ${of}`, place);
}

function wide(parts: { readonly upper: string; readonly lower: string }): bigint {
  return (BigInt(parts.upper) << 64n) + BigInt(parts.lower);
}

/** Compared types that have an order here. */
function comparable(type: SqlType, place: Place): void {
  if (type.kind === 'LIST' || type.kind === 'STRUCT' || type.kind === 'MAP' || type.kind === 'BLOB') refuse(`comparisons of ${type.kind} values`, place);
}

/** Casts all parts to the type they are compared as. */
function compared(parts: readonly Bound[], equality: boolean, what: string, place: Place): readonly Bound[] {
  let type = parts[0].type;
  for (const part of parts.slice(1)) {
    const next = comparisonType(type, part.type, equality);
    if (next === null)
      throw new BindError('type_error', `${what} cannot compare ${describeType(type)} with ${describeType(part.type)}; an explicit cast is needed.`, place);
    type = next;
  }
  const target = closed(type);
  comparable(target, place);
  return parts.map((part) => castTo(part, target));
}

/** Casts all parts to their common type; gives them and the type, still open when all are constants. */
function unified(parts: readonly Bound[], what: string, place: Place): { readonly parts: readonly Bound[]; readonly type: OpenType } {
  let type = parts[0].type;
  for (const part of parts.slice(1)) {
    const next = commonType(type, part.type);
    if (next === null)
      throw new BindError('type_error', `${what} cannot mix ${describeType(type)} and ${describeType(part.type)}; an explicit cast is needed.`, place);
    type = next;
  }
  const target = closed(type);
  return { parts: parts.map((part) => castTo(part, target)), type: type.kind === 'NULL' ? type : target };
}

function bindConjunction(node: SqlNode, context: BindContext): Bound {
  const op = node.type === 'CONJUNCTION_AND' ? 'and' : 'or';
  const parts = (node.children ?? []).map((child) => castTo(bindNode(child, context), boolean));
  // a AND b AND c arrives as a list, (a AND b) AND c as a tree: one list for both, the order is the same
  const args = parts.flatMap((part) => (part.expr.op === op ? part.expr.args : [part.expr]));
  return {
    expr: folded({ op, args, type: boolean }),
    type: boolean,
    nullable: parts.some((part) => part.nullable),
    place: around(parts, placeOf(node, context)),
  };
}

/** Marks what DuckDB's binder does not see through, since it names a column. */
function late(parts: readonly Bound[]): { readonly late?: true } {
  return parts.every((part) => part.expr.op === 'literal' && part.late === undefined) ? {} : { late: true };
}

/** A CASE without the branches that constants decide. */
function simplified(when: readonly (readonly [condition: Expr, result: Expr])[], otherwise: Expr, type: SqlType): Expr {
  const open: (readonly [Expr, Expr])[] = [];
  for (const [condition, result] of when) {
    if (condition.op !== 'literal') open.push([condition, result]);
    else if (condition.text === 'true') return open.length === 0 ? result : { op: 'case', when: open, otherwise: result, type };
  }
  return open.length === 0 ? otherwise : { op: 'case', when: open, otherwise, type };
}

function bindCase(node: SqlNode, context: BindContext): Bound {
  const place = placeOf(node, context);
  const checks = node.case_checks ?? [];
  const conditions = checks.map((check) => castTo(bindNode(check.when_expr, context), boolean));
  const otherwise =
    node.else_expr === undefined
      ? { expr: nullOf({ kind: 'INTEGER' }), type: { kind: 'NULL' } as const, nullable: true, place }
      : bindNode(node.else_expr, context);
  // the order matters: DuckDB starts from ELSE
  const { parts, type } = unified([otherwise, ...checks.map((check) => bindNode(check.then_expr, context))], 'CASE', place);
  const expr = simplified(
    conditions.map((condition, i) => [condition.expr, parts[i + 1].expr] as const),
    parts[0].expr,
    closed(type),
  );
  return { expr, type, nullable: parts.some((part) => part.nullable), place: around([...conditions, ...parts], place), ...late([...conditions, ...parts]) };
}

function bindCoalesce(args: readonly Bound[], place: Place): Bound {
  const { parts, type } = unified(args, 'coalesce', place);
  if (parts.length === 1) return args[0];
  const expr: Expr = { op: 'call', fn: 'coalesce', args: parts.map((part) => part.expr), type: closed(type) };
  return { expr, type, nullable: parts.every((part) => part.nullable), place: around(parts, place) };
}

/** `nullif(a, b)` is CASE WHEN a = b THEN NULL ELSE a END. */
function bindNullif(args: readonly Bound[], place: Place): Bound {
  const [left, right] = compared(args, true, 'nullif', place);
  const type = closed(args[0].type);
  const equal = folded({ op: 'call', fn: 'eq', args: [left.expr, right.expr], type: boolean });
  return {
    expr: simplified([[equal, nullOf(type)]], args[0].expr, type),
    type: args[0].type.kind === 'NULL' ? args[0].type : type,
    nullable: true,
    place: around(args, place),
    ...late(args),
  };
}

function bindElement(node: SqlNode, context: BindContext): Bound {
  const [of, index] = (node.children ?? []).map((child) => bindNode(child, context));
  const place = around([of, index], placeOf(node, context));
  if (of.type.kind === 'STRUCT') {
    if (index.type.kind === 'STRING_LITERAL') return { ...bindField(of, (index.expr as { text: string }).text, index.place), place };
    return refuse('struct fields by position; name the field', index.place);
  }
  if (of.type.kind === 'LIST') {
    const type = of.type.of;
    return call('list_extract', [of, castTo(index, { kind: 'BIGINT' })], type, true, place);
  }
  if (of.type.kind === 'MAP') return refuse('reads of a MAP, which can only be passed through', place);
  if (closed(of.type).kind === 'VARCHAR') return refuse("a text's [index]; substr takes a part of a text", place);
  throw new BindError('type_error', `A value of type ${describeType(of.type)} has no elements.`, place);
}

function bindOperator(node: SqlNode, context: BindContext): Bound {
  const place = placeOf(node, context);
  const children = node.children ?? [];
  switch (node.type) {
    case 'OPERATOR_NOT': {
      const arg = castTo(bindNode(children[0], context), boolean);
      return call('not', [arg], boolean, arg.nullable, place);
    }
    case 'OPERATOR_IS_NULL':
    case 'OPERATOR_IS_NOT_NULL': {
      const arg = bindNode(children[0], context);
      return call(node.type === 'OPERATOR_IS_NULL' ? 'is_null' : 'is_not_null', [arg], boolean, false, place);
    }
    case 'COMPARE_IN':
    case 'COMPARE_NOT_IN': {
      const bound = children.map((child) => bindNode(child, context));
      if (bound.length === 2 && bound[1].type.kind === 'LIST') return refuse('IN over a list; write the values in brackets', place);
      const parts = compared(bound, true, 'IN', place);
      const nullable = parts.some((part) => part.nullable);
      const within = call('in', parts, boolean, nullable, place);
      return node.type === 'COMPARE_IN' ? within : call('not', [within], boolean, nullable, place);
    }
    case 'OPERATOR_COALESCE':
      return bindCoalesce(
        children.map((child) => bindNode(child, context)),
        place,
      );
    case 'ARRAY_EXTRACT':
      return bindElement(node, context);
    case 'STRUCT_EXTRACT': {
      const of = bindNode(children[0], context);
      const name = children[1].value?.value;
      if (typeof name !== 'string') return refuse('struct fields that are no constant', place);
      const field = bindField(of, name, placeOf(children[1], context));
      return { ...field, place: around([of, field], field.place) };
    }
    default:
      return refuse(refusedNodes[node.type] ?? `the operator ${node.type}`, place);
  }
}

function bindBetween(node: SqlNode, context: BindContext): Bound {
  const place = placeOf(node, context);
  const parts = compared(
    [node.input, node.lower, node.upper].map((part) => bindNode(part as SqlNode, context)),
    false,
    'BETWEEN',
    place,
  );
  return call(
    'between',
    parts,
    boolean,
    parts.some((part) => part.nullable),
    place,
  );
}

function bindComparison(node: SqlNode, context: BindContext): Bound {
  const place = placeOf(node, context);
  const fn = comparisons[node.type];
  if (fn === undefined) return refuse(`the comparison ${node.type}`, place);
  const equality = fn === 'eq' || fn === 'ne' || fn === 'distinct' || fn === 'not_distinct';
  const parts = compared([bindNode(node.left as SqlNode, context), bindNode(node.right as SqlNode, context)], equality, 'SQL', place);
  const plain = fn !== 'distinct' && fn !== 'not_distinct';
  const nullable = plain && parts.some((part) => part.nullable);
  return call(fn, parts, boolean, nullable, place);
}

function bindCast(node: SqlNode, context: BindContext): Bound {
  const place = placeOf(node, context);
  const type = namedType(node.cast_type);
  if (typeof type === 'string') {
    throw new BindError('unsupported_type', type === 'INTERVAL' ? intervalRule : `Record-stage SQL does not have the type ${type}.`, place);
  }
  const arg = bindNode(node.child as SqlNode, context);
  const bound = castTo(arg, type, node.try_cast ? 'safe' : 'explicit');
  return { ...bound, place: around([arg], node.query_location.length > 15 ? arg.place : place) };
}

const intervalRule = 'An INTERVAL stands only as a literal added to or taken from a DATE or TIMESTAMP, such as ts + INTERVAL 1 DAY.';

function joined(arg: Bound): Bound {
  const { kind } = closed(arg.type);
  if (kind === 'LIST' || kind === 'BLOB' || kind === 'STRUCT' || kind === 'MAP') return refuse(`|| of ${kind} values`, arg.place);
  return castTo(arg, { kind: 'VARCHAR' });
}

function bindFunction(node: SqlNode, context: BindContext): Bound {
  const place = placeOf(node, context);
  const name = foldName(node.function_name ?? '');
  if (isInterval(node)) throw new BindError('unsupported_expression', intervalRule, place);
  const aggregate = context.aggregate?.(node, context);
  if (aggregate) return aggregate;
  const args = (node.children ?? []).map((child) =>
    isInterval(child) ? { interval: context.intervals.get(child) ?? null, place: placeOf(child, context) } : bindNode(child, context),
  );
  if (args.every((arg) => 'expr' in arg)) {
    if (name === 'nullif' && args.length === 2) return bindNullif(args, place);
    if ((name === 'coalesce' || name === 'ifnull') && args.length > 0) return bindCoalesce(args, place);
    // these take anything and make text of it
    if ((name === '||' && args.length === 2) || name === 'concat')
      return bindCall(
        name,
        node,
        args.map((arg) => joined(arg)),
        place,
      );
    if (name === 'struct_extract' && args.length === 2 && args[1].type.kind === 'STRING_LITERAL')
      return bindField(args[0], (args[1].expr as { text: string }).text, args[1].place);
  }
  const bound = bindCall(name, node, args, place);
  return {
    ...bound,
    place: around(
      args.filter((arg) => 'expr' in arg),
      place,
    ),
  };
}

/** Binds one node: resolves its names, chooses overloads, writes out every cast. Throws {@link BindError}. */
export function bindNode(node: SqlNode, context: BindContext): Bound {
  switch (node.class) {
    case 'CONSTANT':
      return bindConstant(node, context);
    case 'COLUMN_REF':
      return context.column === undefined ? bindName(node, context.scope, context.text) : context.column(node, context);
    case 'CONJUNCTION':
      return bindConjunction(node, context);
    case 'CASE':
      return bindCase(node, context);
    case 'OPERATOR':
      return bindOperator(node, context);
    case 'BETWEEN':
      return bindBetween(node, context);
    case 'COMPARISON':
      return bindComparison(node, context);
    case 'CAST':
      return bindCast(node, context);
    case 'FUNCTION':
      return bindFunction(node, context);
    default:
      return refuse(refusedNodes[node.class] ?? node.class, placeOf(node, context));
  }
}

/** The whole expression, with a type of its own: what is only NULL is an INTEGER, as in DuckDB. */
export function bindRoot(node: SqlNode, context: BindContext): Bound & { readonly type: SqlType } {
  const bound = bindNode(node, context);
  const type = closed(bound.type);
  return { ...castTo(bound, type), type };
}
