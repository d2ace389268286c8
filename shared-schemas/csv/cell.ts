import { BadRecord } from '../codec/bad.ts';
import { parseDate, parseInstant } from '../codec/civil.ts';
import { INT_MAX, INT_MIN, LONG_MAX, LONG_MIN, scaledDigits, within } from '../codec/exact.ts';
import type { AvroNode } from '../codec/node.ts';
import { microsOfMillis } from '../codec/write.ts';
import { convertText, mismatch, nodeConvert } from '../json/parse.ts';
import type { Value } from '../types.ts';

const INTEGER = /^[+-]?\d+$/;
const DOUBLE = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$|^NaN$|^-?Infinity$/;

/** From a cell to the value of a field: null is an empty cell. Throws {@link BadRecord}. */
export function cellConvert(node: AvroNode, path: string): (cell: string | null) => Value {
  const convert = cellValue(node, path);
  return (cell) => {
    if (cell === null && node.nullAt >= 0) return null;
    const value = cell === null ? null : convert(cell);
    if (value === null) throw mismatch(path, node, cell);
    return value;
  };
}

/** From a cell's text; null when it is no such value. */
function cellValue(node: AvroNode, path: string): (cell: string) => Value {
  const integer = (lo: bigint, hi: bigint) => (cell: string) => {
    const value = INTEGER.test(cell) ? scaledDigits(cell.replace('+', ''), 0) : null;
    return value !== null && within(value, lo, hi) ? value : null;
  };
  switch (node.kind) {
    case 'boolean':
      return (cell) => (/^true$/i.test(cell) ? true : /^false$/i.test(cell) ? false : null);
    case 'int':
      return integer(INT_MIN, INT_MAX);
    case 'long':
      return integer(LONG_MIN, LONG_MAX);
    case 'double':
      return (cell) => (DOUBLE.test(cell) ? Number(cell) : null);
    case 'float':
      return (cell) => (DOUBLE.test(cell) ? Math.fround(Number(cell)) : null);
    case 'date':
      return parseDate;
    case 'timestamp-micros': {
      const digits = integer(LONG_MIN, LONG_MAX);
      return (cell) => digits(cell) ?? parseInstant(cell);
    }
    case 'timestamp-millis': {
      const digits = integer(LONG_MIN, LONG_MAX);
      return (cell) => {
        const millis = digits(cell);
        return millis === null ? parseInstant(cell) : microsOfMillis(millis);
      };
    }
    case 'decimal': {
      const limit = 10n ** BigInt(node.precision) - 1n;
      return (cell) => {
        const value = scaledDigits(cell, node.scale);
        return value !== null && within(value, -limit, limit) ? value : null;
      };
    }
    case 'bytes':
    case 'fixed': {
      const size = node.kind === 'fixed' ? node.size : null;
      return (cell) => {
        const bytes = Buffer.from(cell, 'base64');
        return bytes.toString('base64') === cell && (size === null || bytes.length === size) ? new Uint8Array(bytes) : null;
      };
    }
    case 'string':
    case 'enum':
      return nodeConvert(node, path);
    default: {
      const convert = nodeConvert({ ...node, nullAt: 0 }, path);
      return (cell) => {
        try {
          return convertText(cell, convert);
        } catch (error) {
          // a cell that is no JSON is ill-typed, not the record undecodable
          if (error instanceof BadRecord && error.code === 'undecodable') return null;
          throw error;
        }
      };
    }
  }
}
