import { slotGetter } from './row.ts';
import type { Row, SqlType, Value } from './types.ts';

const ISO = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(Z|[+-]\d{2}:?\d{2})?)?$/;
const MINUTE = 60_000;

/** Epoch ms of an ISO 8601 date or date-time; without a zone it is UTC. NaN for anything else. Below the millisecond is cut off. */
export function parseIso(text: string): number {
  const match = ISO.exec(text);
  if (match === null) return Number.NaN;
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', zone = 'Z'] = match;
  const time = new Date(0);
  time.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  if (time.getUTCMonth() !== Number(month) - 1 || time.getUTCDate() !== Number(day)) return Number.NaN;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return Number.NaN;
  time.setUTCHours(Number(hour), Number(minute), Number(second), Number(fraction.padEnd(3, '0').slice(0, 3)));
  const offset = zone === 'Z' ? 0 : Number(`${zone[0]}1`) * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2)));
  return time.getTime() - offset * MINUTE;
}

/** Takes a source's event time from a decoded row: epoch ms, NaN when there is none. */
export function eventTimeOf(slot: string, type: SqlType): (row: Row) => number {
  const get = slotGetter(slot);
  const number = (value: Value): number => (typeof value === 'number' ? value : typeof value === 'bigint' ? Number(value) : Number.NaN);
  switch (type.kind) {
    case 'TIMESTAMP':
      return (row) => Math.floor(number(get(row)) / 1000);
    case 'DATE':
      return (row) => number(get(row)) * 86_400_000;
    case 'VARCHAR':
      return (row) => {
        const value = get(row);
        return typeof value === 'string' ? parseIso(value) : Number.NaN;
      };
    default:
      return (row) => number(get(row));
  }
}
