import { MillraceError } from '@millrace/runtime/errors.ts';

const DATE = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?Z)?$/;

/** The window [from, to) that options name, one end found from the other by its usual length, ms; null: none is named. Throws wrong_usage. */
export function windowOption(from: string | undefined, to: string | undefined, length: number): { from: number; to: number } | null {
  const [begin, end] = [instant('--from', from), instant('--to', to)];
  if (begin === null && end === null) return null;
  const window = { from: begin ?? (end as number) - length, to: end ?? (begin as number) + length };
  if (window.from >= window.to)
    throw new MillraceError('wrong_usage', `--from ${from} is not before --to ${to}.`, { hint: 'The window is from --from on, up to --to without it.' });
  return window;
}

/** Epoch ms of a date, of a time in UTC, or of epoch ms as --json prints them. */
function instant(option: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const ms = /^-?\d{5,}$/.test(text) ? Number(text) : DATE.test(text) ? Date.parse(text) : Number.NaN;
  // the calendar has no 31st of June, though Date makes one up
  if (Number.isNaN(ms) || (text.includes('-', 1) && new Date(ms).toISOString().slice(0, 10) !== text.slice(0, 10)))
    throw new MillraceError('wrong_usage', `${option} ${text} is no date.`, { hint: 'Write a date as 2018-08-08, or a time in UTC as 2018-08-08T12:00Z.' });
  return ms;
}
