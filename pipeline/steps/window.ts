import type { Column } from '@millrace/shared-schemas/types.ts';
import { clashes, keyColumns } from '../flow/context.ts';
import { columnOf, Shape } from '../flow/stream.ts';
import type { WindowPlan } from '../plan.ts';
import type { Report } from '../report.ts';
import { optional, type Read, required, withDefault } from '../spec/field.ts';
import { duration, expressions as expressionMap, notYet, object, oneOf, oneOrMore } from '../spec/kinds.ts';
import { headOf } from '../yaml/node.ts';
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
    const shape = new Shape();
    const columns: Column[] = key.map((column) => ({ ...column, nullable: false, slot: shape.allocate(column.name) }));
    const keySlots = columns.map(({ slot }) => slot);
    const reserved = ['window_start', 'window_end'];
    for (const { name } of values.select) {
      const taken = columnOf(columns, name.text) !== undefined || reserved.includes(name.text.toLowerCase());
      if (taken) report.error(name, 'duplicate_column', `A window's row has a column ${name.shown} already.`, 'Use another name.');
      else clashes(name, key, report);
    }
    for (const [i, column] of key.entries()) {
      if (reserved.includes(column.name.toLowerCase()))
        report.error(
          values.key[i] ?? headOf(node),
          'duplicate_column',
          `A window's row has a column ${column.name} already.`,
          'Rename the key column in a map step.',
        );
    }
    const select = checked.results.map(({ name, expr }) => {
      const slot = shape.allocate(name);
      columns.push({ name, type: expr.type, nullable: expr.nullable, slot });
      return { slot, expr };
    });
    const startSlot = shape.allocate('window_start');
    const endSlot = shape.allocate('window_end');
    columns.push(
      { name: 'window_start', type: { kind: 'BIGINT' }, nullable: false, slot: startSlot },
      { name: 'window_end', type: { kind: 'BIGINT' }, nullable: false, slot: endSlot },
    );
    const body = {
      type: 'window',
      key,
      keySlots,
      window: windowOf(values.window, report),
      startSlot,
      endSlot,
      allowedLateness: values.allowed_lateness,
      emit: values.emit,
      calls: checked.calls,
      select,
    } as const;
    return { body, columns, shape, broken: new Set([...checked.broken, ...brokenKeys(values.key, key)]), key };
  },
};

const brokenKeys = (names: readonly { text: string }[], key: readonly Column[]): string[] =>
  names.map(({ text }) => text).filter((text) => columnOf(key, text) === undefined);

function windowOf({ values, at, node }: Read<typeof windowFields>, report: Report): WindowPlan['window'] {
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
