import { civilOf } from '../casts/time.ts';
import { dayOf, dayOfYear, HOUR, isInfiniteDate, isInfiniteTimestamp, MINUTE, SECOND, timeOf } from './calendar.ts';
import type { Constant, Overload, ScalarFunction } from './function.ts';
import { type Exact, scalar, typed } from './value.ts';

type Write = (days: number, micros: number) => string;

const padded = (value: number, width: number) => String(value).padStart(width, '0');

const specifiers: Readonly<Record<string, Write>> = {
  Y: (days) => {
    const { year } = civilOf(days);
    return year >= 0 && year <= 9999 ? padded(year, 4) : String(year);
  },
  y: (days) => padded(Math.abs(civilOf(days).year) % 100, 2),
  m: (days) => padded(civilOf(days).month, 2),
  d: (days) => padded(civilOf(days).day, 2),
  H: (_, micros) => padded(Math.floor(micros / HOUR), 2),
  M: (_, micros) => padded(Math.floor(micros / MINUTE) % 60, 2),
  S: (_, micros) => padded(Math.floor(micros / SECOND) % 60, 2),
  f: (_, micros) => padded(micros % SECOND, 6),
  j: (days) => padded(dayOfYear(days), 3),
};

/** The pieces of a format, or what is wrong with it. */
function parse(format: string): readonly (string | Write)[] | string {
  if (format === '') return 'Failed to parse format specifier : Empty format string';
  const pieces: (string | Write)[] = [];
  for (let i = 0; i < format.length; i++) {
    if (format[i] !== '%') {
      pieces.push(format[i]);
      continue;
    }
    i++;
    if (i === format.length) return `Failed to parse format specifier ${format}: Trailing format character %`;
    if (format[i] === '%') pieces.push('%');
    else if (Object.hasOwn(specifiers, format[i])) pieces.push(specifiers[format[i]]);
    else return `strftime knows %${Object.keys(specifiers).join(' %')} %%, not %${format[i]}`;
  }
  return pieces;
}

function compile(format: string): Write {
  const pieces = parse(format);
  if (typeof pieces === 'string') throw new Error(pieces);
  return (days, micros) => {
    let text = '';
    for (const piece of pieces) text += typeof piece === 'string' ? piece : piece(days, micros);
    return text;
  };
}

function constant(at: number): Constant {
  return {
    at,
    required: true,
    refuse: (format) => {
      const pieces = parse(format);
      return typeof pieces === 'string' ? pieces : undefined;
    },
  };
}

const infinite = (value: Exact) => (value > 0 ? 'infinity' : '-infinity');

/** The format may stand first or second; the checker gives it as `detail` and the call passes it too. */
function overloads(first: boolean): readonly Overload[] {
  const at = first ? 0 : 1;
  const suffix = first ? '.first' : '';
  return [
    {
      fn: `strftime.date${suffix}`,
      params: first ? ['VARCHAR', 'DATE'] : ['DATE', 'VARCHAR'],
      constant: constant(at),
      returns: scalar('VARCHAR'),
      nulls: 'propagate',
      make: (_args, _type, detail) => {
        const write = compile(detail as string);
        const body = (days: number) => (isInfiniteDate(days) ? infinite(days) : write(days, 0));
        return first ? typed((_: string, days: number) => body(days)) : typed(body);
      },
    },
    {
      fn: `strftime.timestamp${suffix}`,
      params: first ? ['VARCHAR', 'TIMESTAMP'] : ['TIMESTAMP', 'VARCHAR'],
      constant: constant(at),
      returns: scalar('VARCHAR'),
      nulls: 'propagate',
      make: (_args, _type, detail) => {
        const write = compile(detail as string);
        const body = (micros: Exact) => (isInfiniteTimestamp(micros) ? infinite(micros) : write(dayOf(micros), timeOf(micros)));
        return first ? typed((_: string, micros: Exact) => body(micros)) : typed(body);
      },
    },
  ];
}

export const strftimeFunctions: readonly ScalarFunction[] = [{ name: 'strftime', overloads: [...overloads(false), ...overloads(true)] }];
