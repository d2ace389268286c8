import type { SqlType, Value } from '@millrace/shared-schemas/types.ts';
import { type Exact, exact } from '../functions/value.ts';
import { integerRange, isInteger, sameType, typeSql } from '../sql-type.ts';
import {
  decimalText,
  decimalToDecimal,
  decimalToFloating,
  decimalToInteger,
  doubleToDecimal,
  hugeToFloating,
  integerToDecimal,
  integerToFloating,
  type Shape,
} from './decimal.ts';
import { fail } from './integer.ts';
import { floatingText, textToBoolean, textToDecimal, textToFloating, textToInteger } from './number-text.ts';
import { dateText, dateToTimestamp, textToDate, textToTimestamp, timestampText, timestampToDate } from './time.ts';

/** Turns a value other than NULL into another type; throws FlawError where DuckDB raises. */
export type Cast = (value: Value) => Value;

/** The one place where a cast's argument is taken to be of the form its type has. */
function cast<T extends Value>(body: (value: T) => Value): Cast {
  return body as unknown as Cast;
}

const shape = (type: SqlType): Shape => type as SqlType & { readonly kind: 'DECIMAL' };

/** Round half to even, as C's nearbyint. */
function nearest(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest < 0.5) return floor;
  if (rest > 0.5) return floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

function floatingToInteger(min: bigint, max: bigint, from: string, to: string): Cast {
  const low = Number(min);
  const high = Number(max + 1n);
  // DuckDB leaves out the least HUGEINT
  const open = to === 'HUGEINT' ? low : Number.NaN;
  return cast((value: number) => {
    const whole = nearest(value);
    // DuckDB compares before it rounds, and just below the top its result depends on the processor: here it fails
    if (!(value >= low && whole < high) || value === open) {
      fail(`Type ${from} with value ${floatingText(value, 'DOUBLE')} can't be cast because the value is out of range for the destination type ${to}`);
    }
    return Number.isSafeInteger(whole) ? whole + 0 : exact(BigInt(whole));
  });
}

function integerToInteger(min: bigint, max: bigint, from: string, to: string): Cast {
  return cast((value: Exact) => {
    if (value < min || value > max) fail(`Type ${from} with value ${value} can't be cast because the value is out of range for the destination type ${to}`);
    return value;
  });
}

function toBoolean(from: SqlType): Cast {
  if (from.kind === 'VARCHAR') return cast(textToBoolean);
  return cast((value: Exact) => value !== 0);
}

function toInteger(from: SqlType, to: SqlType & { readonly kind: Parameters<typeof integerRange>[0] }): Cast {
  const { min, max } = integerRange(to.kind);
  if (from.kind === 'BOOLEAN') return cast((value: boolean) => (value ? 1 : 0));
  if (from.kind === 'VARCHAR') return cast(textToInteger(min, max, to.kind));
  if (from.kind === 'DECIMAL') return cast(decimalToInteger(from, min, max, to.kind));
  if (isInteger(from)) return integerToInteger(min, max, from.kind, to.kind);
  return floatingToInteger(min, max, from.kind, to.kind);
}

function toFloating(from: SqlType, kind: 'DOUBLE' | 'FLOAT'): Cast {
  if (from.kind === 'BOOLEAN') return cast((value: boolean) => (value ? 1 : 0));
  if (from.kind === 'VARCHAR') return cast(textToFloating(kind));
  if (from.kind === 'DECIMAL') return cast(decimalToFloating(from, kind));
  if (from.kind === 'HUGEINT') {
    const convert = hugeToFloating(kind);
    return cast((value: Exact) => convert(BigInt(value)));
  }
  if (kind === 'DOUBLE') return isInteger(from) ? cast((value: Exact) => Number(value)) : (value) => value;
  if (isInteger(from)) {
    const convert = integerToFloating(kind);
    return cast((value: Exact) => (typeof value === 'number' ? Math.fround(value) : convert(value)));
  }
  return cast((value: number) => {
    const float = Math.fround(value);
    if (Number.isFinite(value) && !Number.isFinite(float))
      fail(`Type DOUBLE with value ${floatingText(value, 'DOUBLE')} can't be cast because the value is out of range for the destination type FLOAT`);
    return float;
  });
}

function toDecimal(from: SqlType, to: SqlType): Cast {
  const target = shape(to);
  if (from.kind === 'BOOLEAN') {
    const one = target.width > target.scale ? exact(10n ** BigInt(target.scale)) : 1;
    return cast((value: boolean) => (value ? one : 0));
  }
  if (from.kind === 'VARCHAR') return cast(textToDecimal(target));
  if (from.kind === 'DECIMAL') return cast(decimalToDecimal(from, target));
  if (isInteger(from)) return cast(integerToDecimal(target));
  return cast(doubleToDecimal(target, from.kind === 'FLOAT'));
}

function toText(from: SqlType): Cast {
  switch (from.kind) {
    case 'DECIMAL':
      return cast((value: Exact) => decimalText(value, from));
    case 'FLOAT':
    case 'DOUBLE':
      return cast((value: number) => floatingText(value, from.kind === 'FLOAT' ? 'FLOAT' : 'DOUBLE'));
    case 'DATE':
      return cast(dateText);
    case 'TIMESTAMP':
      return cast(timestampText);
    default:
      return (value) => String(value);
  }
}

/** The cast between two types that the checker lets through; throws for others. */
export function castOf(from: SqlType, to: SqlType): Cast {
  if (sameType(from, to)) return (value) => value;
  if (from.kind === 'LIST' && to.kind === 'LIST') {
    const element = castOf(from.of, to.of);
    return cast((list: readonly Value[]) => list.map((value) => (value === null ? null : element(value))));
  }
  if (isInteger(to)) return toInteger(from, to as SqlType & typeof to);
  switch (to.kind) {
    case 'BOOLEAN':
      return toBoolean(from);
    case 'FLOAT':
    case 'DOUBLE':
      return toFloating(from, to.kind);
    case 'DECIMAL':
      return toDecimal(from, to);
    case 'VARCHAR':
      return toText(from);
    case 'DATE':
      return from.kind === 'TIMESTAMP' ? cast(timestampToDate) : cast(textToDate);
    case 'TIMESTAMP':
      return from.kind === 'DATE' ? cast(dateToTimestamp) : cast(textToTimestamp);
    default:
      throw new Error(`no cast from ${typeSql(from)} to ${typeSql(to)}`);
  }
}
