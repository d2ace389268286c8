import { failed } from './value.ts';

/** What date_part, date_trunc and date_diff can be asked for. */
export type DatePart =
  | 'year'
  | 'month'
  | 'day'
  | 'decade'
  | 'century'
  | 'millennium'
  | 'microsecond'
  | 'millisecond'
  | 'second'
  | 'minute'
  | 'hour'
  | 'epoch'
  | 'dayofweek'
  | 'isodow'
  | 'week'
  | 'dayofyear'
  | 'quarter'
  | 'yearweek'
  | 'isoyear'
  | 'era';

/** As `common/enums/date_part_specifier.cpp` of DuckDB has them, but for time zones and Julian days. */
const names: Readonly<Record<DatePart, string>> = {
  year: 'year yr y years yrs',
  month: 'month mon months mons',
  day: 'day days d dayofmonth',
  decade: 'decade dec decades decs',
  century: 'century cent centuries c',
  millennium: 'millennium mil millenniums millennia mils millenium',
  microsecond: 'microseconds microsecond us usec usecs usecond useconds',
  millisecond: 'milliseconds millisecond ms msec msecs msecond mseconds',
  second: 'second sec seconds secs s',
  minute: 'minute min minutes mins m',
  hour: 'hour hr hours hrs h',
  epoch: 'epoch',
  dayofweek: 'dow dayofweek weekday',
  isodow: 'isodow',
  week: 'week weeks w weekofyear',
  dayofyear: 'doy dayofyear',
  quarter: 'quarter quarters',
  yearweek: 'yearweek',
  isoyear: 'isoyear',
  era: 'era',
};

const parts: ReadonlyMap<string, DatePart> = new Map(
  Object.entries(names).flatMap(([part, words]) => words.split(' ').map((word) => [word, part as DatePart])),
);

/** The part a text names, in any case, if it is one of `known`. */
export function findPart(text: string, known: readonly DatePart[]): DatePart | undefined {
  const part = parts.get(text.toLowerCase());
  return part !== undefined && known.includes(part) ? part : undefined;
}

/** What lint says of a part that is not among `known`. */
export function refusePart(known: readonly DatePart[]): (text: string) => string | undefined {
  return (text) => (findPart(text, known) === undefined ? `extract specifier "${text}" not recognized; there is ${known.join(', ')}` : undefined);
}

/** Gives the function of a part; the last one is kept, as a part is nearly always a constant. */
export function byPart<Fn>(known: readonly DatePart[], make: (part: DatePart) => Fn): (text: string) => Fn {
  let lastText: string | null = null;
  let last: Fn;
  return (text) => {
    if (text !== lastText) {
      const part = findPart(text, known);
      if (part === undefined) throw failed(`extract specifier "${text}" not recognized`);
      last = make(part);
      lastText = text;
    }
    return last;
  };
}
