import { FlawError, type SqlType, type Value } from '../types.ts';
import { decimalText, decimalToDouble, type Exact, INT_MAX, INT_MIN, LONG_MAX, LONG_MIN, pow10, times, within } from './exact.ts';
import { type AvroNode, sqlTypeOf, typeText } from './node.ts';

/** From a value of the SQL type to the same value as the node holds it. Never called with null. */
export type Conversion = (value: Value) => Value;

const INTEGER_KINDS: Readonly<Record<string, number>> = { TINYINT: 1, SMALLINT: 2, INTEGER: 3, BIGINT: 4, HUGEINT: 5 };

function isExact(type: SqlType): boolean {
  return type.kind in INTEGER_KINDS || type.kind === 'DECIMAL';
}

const scaleOf = (type: SqlType): number => (type.kind === 'DECIMAL' ? type.scale : 0);

/**
 * Why values of a SQL type cannot go to a field of that schema, or null when they can (each value's range is checked as it
 * is written). NULL is not judged here: into a field without null it is a flaw of its record.
 */
export function whyNot(from: SqlType, to: AvroNode): string | null {
  const no = (hint = ''): string => `${typeText(from)} does not go into Avro ${to.kind}${hint}`;
  switch (to.kind) {
    case 'int':
    case 'long':
    case 'decimal':
      if (isExact(from)) return null;
      return no(from.kind === 'DOUBLE' || from.kind === 'FLOAT' ? `: cast it, as in CAST(x AS ${typeText(sqlTypeOf(to))})` : '');
    case 'float':
      if (from.kind === 'DOUBLE') return no(': cast it to FLOAT, or make the field a double');
      return isExact(from) || from.kind === 'FLOAT' ? null : no();
    case 'double':
      return isExact(from) || from.kind === 'FLOAT' || from.kind === 'DOUBLE' ? null : no();
    case 'timestamp-millis':
    case 'timestamp-micros':
      return from.kind === 'TIMESTAMP' || from.kind in INTEGER_KINDS ? null : no();
    case 'array':
      return from.kind === 'LIST' ? whyNot(from.of, to.items) : no();
    case 'map':
      return from.kind === 'MAP' ? whyNot(from.of, to.values) : no();
    case 'record': {
      if (from.kind !== 'STRUCT') return no();
      for (const field of to.fields) {
        const source = from.fields.find(({ name }) => name === field.name);
        if (source === undefined) return `${typeText(from)} has no field ${field.name}`;
        const reason = whyNot(source.type, field.node);
        if (reason !== null) return `field ${field.name}: ${reason}`;
      }
      return null;
    }
    default:
      return from.kind === sqlTypeOf(to).kind ? null : no();
  }
}

/** How to convert, or null when the value is already right. The pair must have passed {@link whyNot}. */
export function conversion(from: SqlType, to: AvroNode, path: string): Conversion | null {
  const refuse = (value: Value, why: string): never => {
    throw new FlawError('value_out_of_range', `${path}: ${shown(value, from)} ${why}`);
  };
  switch (to.kind) {
    case 'int':
      if (from.kind === 'INTEGER' || from.kind === 'SMALLINT' || from.kind === 'TINYINT') return null;
      return ranged(from, INT_MIN, INT_MAX, refuse, 'int');
    case 'long':
      if (from.kind !== 'DECIMAL' && from.kind !== 'HUGEINT') return null;
      return ranged(from, LONG_MIN, LONG_MAX, refuse, 'long');
    case 'decimal':
      return toDecimal(from, to, refuse);
    case 'float':
      if (from.kind === 'FLOAT') return null;
      return (value) => Math.fround(decimalToDouble(value as Exact, scaleOf(from)));
    case 'double':
      if (from.kind === 'DOUBLE' || from.kind === 'FLOAT' || INTEGER_KINDS[from.kind] <= 3) return null;
      return (value) => decimalToDouble(value as Exact, scaleOf(from));
    case 'enum': {
      const symbols = new Set<Value>(to.symbols);
      return (value) => (symbols.has(value) ? value : refuse(value, `is none of the symbols of ${to.name}`));
    }
    case 'fixed':
      return (value) => ((value as Uint8Array).length === to.size ? value : refuse(value, `is not of ${to.size} bytes`));
    case 'timestamp-millis':
    case 'timestamp-micros':
      if (from.kind === 'TIMESTAMP') return null;
      return (value) => {
        const micros = times(value as Exact, 1000);
        return within(micros, LONG_MIN, LONG_MAX) ? micros : refuse(value, 'ms are beyond what a timestamp holds');
      };
    case 'array': {
      const item = from.kind === 'LIST' ? conversion(from.of, to.items, `${path}[]`) : null;
      return item === null ? null : (value) => (value as readonly Value[]).map((element) => (element === null ? null : item(element)));
    }
    case 'map': {
      const item = from.kind === 'MAP' ? conversion(from.of, to.values, `${path}[]`) : null;
      if (item === null) return null;
      return (value) => new Map([...(value as ReadonlyMap<string, Value>)].map(([key, element]) => [key, element === null ? null : item(element)]));
    }
    case 'record':
      return from.kind === 'STRUCT' ? ofStruct(from, to, path) : null;
    default:
      return null;
  }
}

function ranged(from: SqlType, lo: bigint, hi: bigint, refuse: (value: Value, why: string) => never, name: string): Conversion {
  const scale = scaleOf(from);
  if (scale === 0) return (value) => (within(value as Exact, lo, hi) ? value : refuse(value, `is beyond ${name}`));
  return (value) => {
    const whole = rescaled(value as Exact, scale, 0) ?? refuse(value, `is not whole, and its field is a ${name}`);
    return within(whole, lo, hi) ? whole : refuse(value, `is beyond ${name}`);
  };
}

function toDecimal(from: SqlType, to: AvroNode & { kind: 'decimal' }, refuse: (value: Value, why: string) => never): Conversion | null {
  const scale = scaleOf(from);
  if (from.kind === 'DECIMAL' && from.scale === to.scale && from.width <= to.precision) return null;
  if (from.kind === 'HUGEINT' && to.precision > 38) return null;
  const limit = 10n ** BigInt(to.precision) - 1n;
  return (value) => {
    const unscaled = rescaled(value as Exact, scale, to.scale) ?? refuse(value, `has more than ${to.scale} decimals`);
    return within(unscaled, -limit, limit) ? unscaled : refuse(value, `is beyond DECIMAL(${to.precision},${to.scale})`);
  };
}

/** The unscaled integer under another scale, or null when digits would be lost. */
function rescaled(unscaled: Exact, from: number, to: number): Exact | null {
  if (to >= from) return to === from ? unscaled : exactTimes(unscaled, pow10(to - from));
  const divisor = BigInt(pow10(from - to));
  const value = BigInt(unscaled);
  if (value % divisor !== 0n) return null;
  const quotient = value / divisor;
  return Number.isSafeInteger(Number(quotient)) ? Number(quotient) : quotient;
}

function exactTimes(a: Exact, b: Exact): Exact {
  if (typeof b === 'number') return times(a, b);
  const product = BigInt(a) * b;
  return product === 0n ? 0 : product;
}

function ofStruct(from: SqlType & { kind: 'STRUCT' }, to: AvroNode & { kind: 'record' }, path: string): Conversion | null {
  const fields = to.fields.map((field) => {
    const source = from.fields.find(({ name }) => name === field.name);
    return { name: field.name, convert: source === undefined ? null : conversion(source.type, field.node, `${path}.${field.name}`) };
  });
  if (fields.every(({ convert }) => convert === null)) return null;
  return (value) => {
    const struct = value as { readonly [name: string]: Value };
    const result: { [name: string]: Value } = {};
    for (const { name, convert } of fields) {
      const element = struct[name];
      result[name] = element === null || convert === null ? element : convert(element);
    }
    return result;
  };
}

function shown(value: Value, type: SqlType): string {
  if (typeof value === 'number' || typeof value === 'bigint') return isExact(type) ? decimalText(value, scaleOf(type)) : String(value);
  if (value instanceof Uint8Array) return `a BLOB of ${value.length} bytes`;
  return JSON.stringify(value).slice(0, 100);
}
