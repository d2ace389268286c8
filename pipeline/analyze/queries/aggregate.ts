import type { Column } from '@millrace/shared-schemas/types.ts';
import { keyColumns } from '../../flow/context.ts';
import { groupRow, namesWithout } from '../../flow/group-row.ts';
import type { Report } from '../../report.ts';
import { type Kind, optional, type Read, required, withDefault } from '../../spec/field.ts';
import { duration, expression, expressions as expressionMap, object, oneOf, oneOrMore } from '../../spec/kinds.ts';
import { windowFields, windowOf } from '../../steps/window.ts';
import { entryOf, headOf, type Node } from '../../yaml/node.ts';
import type { AggregateQueryPlan } from '../plan.ts';
import type { BatchStream } from '../stream.ts';
import type { QuerySpec } from './query.ts';

const { count: _, ...windows } = windowFields;
/** keys of the `window` of an aggregate query */
export const batchWindowFields = windows;

const isWord = (node: Node, word: string): boolean => node.kind === 'scalar' && node.text === word;
const windowObject = object('window', batchWindowFields);

const windowOrNone: Kind<Read<typeof batchWindowFields> | 'none'> = {
  what: `none, or ${windowObject.what}`,
  schema: { anyOf: [{ const: 'none' }, windowObject.schema] },
  read: (node, report) => (isWord(node, 'none') ? 'none' : windowObject.read(node, report)),
};

const delay = duration();

const watermarkKind: Kind<number | 'bridge'> = {
  what: `${delay.what}, or bridge`,
  schema: { anyOf: [{ const: 'bridge' }, delay.schema, { type: 'string', pattern: '\\$\\{' }] },
  placeholder: 0,
  read: (node, report) => (isWord(node, 'bridge') ? 'bridge' : delay.read(node, report)),
};

const fields = {
  where: optional(expression, 'Only rows for which this is TRUE.'),
  group_by: optional(
    oneOrMore('a column, or a list of columns'),
    'One row a group (and window). NULL is a group of its own. Without it all rows are one group.',
  ),
  window: optional(windowOrNone, 'Windows of event time: `{ tumbling: 5m }` or `{ sliding: 10m, every: 1m }`. Default: none.'),
  watermark: optional(
    watermarkKind,
    'How long to wait for late rows, behind the highest event time of earlier batches; `bridge` waits as the record stage did.',
  ),
  select: required(expressionMap, 'Columns of aggregates over the group.'),
  mode: withDefault(
    oneOf(['append', 'update', 'complete']),
    'append',
    'append',
    'append: a row when its window is closed, once; update: each changed row, a batch; complete: the whole result, each batch.',
  ),
};

export const aggregate: QuerySpec<typeof fields> = {
  type: 'aggregate',
  doc: 'One row for each group and window: the group_by columns, the select columns, window_start and window_end (epoch ms, end exclusive).',
  example: `- id: by_merchant
  type: aggregate
  from: enriched
  where: "p > 0.5"
  group_by: [merchant_id]
  window: { tumbling: 5m }
  watermark: 10s
  select: { n: "count(*)", total: "sum(amount_usd)" }
  mode: append`,
  delivery:
    'Keeps the aggregates of each open group. In append and update the watermark ends a window and with it its state; a row is late when its window ended at or before the watermark of the batch before (`timing`: where batches are cut decides that); with `watermark: bridge` also when it ended at or before the watermark that the row came to the bridge with, which is the same in every run. complete keeps everything.',
  fields,
  async plan(read, input, { report, expressions }) {
    const { values, node } = read;
    const where = values.where === undefined ? null : await expressions.condition(values.where, input);
    const keyNodes = values.group_by ?? [];
    const key = keyColumns(keyNodes, input, report);
    const checked = await expressions.aggregates(values.select, input, key, {});
    const window = windowPlan(values.window, report);
    const row = groupRow(keyNodes, key, values.select, checked, window !== null, node, report, true);
    checkLegality(read, input, window !== null, report);
    const watermark =
      values.watermark === undefined
        ? null
        : values.watermark === 'bridge'
          ? ({ kind: 'bridge' } as const)
          : ({ kind: 'delay', delay: values.watermark } as const);
    const body: Omit<AggregateQueryPlan, 'id' | 'order' | 'from' | 'shape' | 'columns' | 'onError'> = {
      type: 'aggregate',
      where,
      groupBy: key,
      keySlots: row.keySlots,
      window: window === null ? null : { ...window, ...row.bounds },
      watermark,
      calls: checked.calls,
      select: row.select,
      mode: values.mode,
    };
    const broken = new Set([...checked.broken, ...namesWithout(keyNodes, key)]);
    return { body, columns: row.columns as Column[], shape: row.shape, broken, timed: window !== null, mode: values.mode };
  },
};

function windowPlan(window: Read<typeof batchWindowFields> | 'none' | undefined, report: Report): { size: number; slide: number; offset: number } | null {
  if (window === undefined || window === 'none') return null;
  const plan = windowOf(window, report);
  return { size: plan.size, slide: plan.kind === 'sliding' ? plan.slide : plan.size, offset: plan.offset };
}

/** What Structured Streaming refuses. */
function checkLegality({ values, at, node }: Read<typeof fields>, input: BatchStream, windowed: boolean, report: Report): void {
  const typeAt = headOf(at.mode ?? node);
  if (input.aggregate !== null)
    report.error(
      headOf(entryOf(node, 'from')?.value ?? node),
      'illegal_query',
      `An aggregate cannot read another one's rows: ${input.id} is behind the aggregate ${input.aggregate}.`,
      'Aggregate the source at once, or write the first result to a topic and read that.',
    );
  if (windowed && !input.timed)
    report.error(
      headOf(at.window ?? node),
      'missing_event_time',
      `A window works on event time, and the rows of ${input.id} have none.`,
      'Read a source, or what keeps its rows.',
    );
  // what is told already: a window or a mode that cannot be read
  if (at.window !== undefined && values.window === undefined) return;
  if (at.mode !== undefined && !isWord(at.mode, values.mode)) return;
  if (values.mode === 'append' && !windowed)
    report.error(
      typeAt,
      'illegal_mode',
      'append needs a window: without one a group is never complete.',
      'Use mode: update or complete, or add window: and watermark:.',
    );
  else if (values.mode === 'append' && at.watermark === undefined)
    report.error(
      typeAt,
      'missing_watermark',
      'append needs a watermark: without one a window never closes.',
      'Add watermark: 10s (or bridge), or use mode: update.',
    );
  if (at.watermark !== undefined && !windowed && values.mode !== 'append')
    report.error(headOf(at.watermark), 'bad_watermark', 'A watermark without a window has nothing to close.', 'Add window:, or remove watermark:.');
  if (values.watermark === 'bridge' && !input.source.bridge)
    report.error(
      headOf(at.watermark ?? node),
      'bad_watermark',
      `The source ${input.source.id} is someone else's topic and no bridge: nobody says when it is complete.`,
      'Give a duration, such as 10s.',
    );
}
