import { keyColumns } from '../flow/context.ts';
import { groupRow, namesWithout } from '../flow/group-row.ts';
import type { WindowPlan } from '../plan.ts';
import type { Report } from '../report.ts';
import { optional, type Read, required, withDefault } from '../spec/field.ts';
import { duration, expressions as expressionMap, notYet, object, oneOf, oneOrMore } from '../spec/kinds.ts';
import { headOf, type MapNode, type Node } from '../yaml/node.ts';
import { lateField, type StepSpec } from './step.ts';
import { needEventTime } from './time.ts';

export const windowFields = {
  tumbling: optional(duration({ min: 1 }), 'Windows of this size, side by side.'),
  sliding: optional(duration({ min: 1 }), 'Windows of this size, one `every` so often.'),
  every: optional(duration({ min: 1 }), 'The slide of `sliding`.'),
  offset: withDefault(duration({ min: Number.MIN_SAFE_INTEGER }), 0, '0s', 'Moves the windows off the epoch; smaller than the size or slide.'),
  session: optional(notYet('session windows'), 'Not built yet.'),
  count: optional(notYet('count windows'), 'Not built yet.'),
};

const fields = {
  key: required(oneOrMore('a column, or a list of columns'), 'One row a key and window.'),
  window: required(object('window', windowFields), 'The windows: `{ tumbling: 1m }` or `{ sliding: 10m, every: 1m }`. Aligned to the epoch plus `offset`.'),
  allowed_lateness: withDefault(duration(), 0, '0s', 'How long a closed window still takes records; each of them repeats its row.'),
  emit: withDefault(
    oneOf(['on_close', 'on_update']),
    'on_close',
    'on_close',
    'A row when the window closes (and at late records), or after each record and none at the close.',
  ),
  select: required(expressionMap, 'Columns of aggregates over the window.'),
  late: lateField,
};

export const window: StepSpec<typeof fields> = {
  type: 'window',
  doc: 'One row for each key and window: the key columns, the select columns, window_start and window_end (epoch ms, end exclusive). A window [start, end) closes when the watermark reaches end − 1.',
  example: `- { id: minutes, type: window, key: card_id, window: { tumbling: 1m }, select: { n: "count(*)", total: "sum(amount_usd)" } }`,
  delivery: 'Keeps the aggregates of each open window. Rows that leave together leave in the order of window and key.',
  fields,
  async plan({ values, node }, input, { report, expressions }) {
    needEventTime(node, input, 'window', report);
    const key = keyColumns(values.key, input, report);
    const checked = await expressions.aggregates(values.select, input, key, { distinct: true });
    const { shape, columns, keySlots, select, bounds } = groupRow(values.key, key, values.select, checked, true, node, report);
    const body = {
      type: 'window',
      key,
      keySlots,
      window: windowOf(values.window, report),
      ...bounds,
      allowedLateness: values.allowed_lateness,
      emit: values.emit,
      calls: checked.calls,
      select,
    } as const;
    return { body, columns, shape, broken: new Set([...checked.broken, ...namesWithout(values.key, key)]), key };
  },
};

type WindowKeys = Pick<Read<typeof windowFields>['values'], 'tumbling' | 'sliding' | 'every' | 'offset'>;
interface WrittenWindow {
  readonly values: WindowKeys;
  readonly at: { readonly [K in keyof WindowKeys | 'session' | 'count']?: Node | undefined };
  readonly node: MapNode;
}

/** The windows a `window:` describes; what does not fit together is reported. */
export function windowOf({ values, at, node }: WrittenWindow, report: Report): WindowPlan['window'] {
  const { tumbling, sliding, every, offset } = values;
  const unknown = { kind: 'tumbling', size: 1, offset: 0 } as const;
  if (at.session !== undefined || at.count !== undefined) return unknown;
  if (at.tumbling !== undefined && at.sliding !== undefined)
    report.error(at.sliding, 'bad_window', 'A window is tumbling or sliding, not both.', 'Keep one of the two.');
  else if (at.tumbling === undefined && at.sliding === undefined)
    report.error(headOf(node), 'missing_key', 'A window needs tumbling or sliding.', 'Write window: { tumbling: 1m }.');
  else if (at.sliding !== undefined && at.every === undefined)
    report.error(headOf(node), 'missing_key', 'A sliding window needs every.', 'Write { sliding: 10m, every: 1m }.');
  if (at.tumbling !== undefined && at.every !== undefined) report.error(at.every, 'bad_window', 'every belongs to sliding.', 'Remove it, or use sliding.');
  if (sliding !== undefined && every !== undefined && every > sliding)
    report.error(
      at.every ?? node,
      'bad_window',
      'every is longer than the window, so records between windows would be lost.',
      'Use a slide no longer than the size.',
    );
  const step = tumbling ?? every;
  if (at.offset !== undefined && step !== undefined && Math.abs(offset) >= step)
    report.error(at.offset, 'bad_window', `The offset has to be smaller than the ${tumbling === undefined ? 'slide' : 'size'}.`, 'Use a smaller offset.');
  if (tumbling !== undefined) return { kind: 'tumbling', size: tumbling, offset };
  return sliding !== undefined && every !== undefined ? { kind: 'sliding', size: sliding, slide: every, offset } : unknown;
}
