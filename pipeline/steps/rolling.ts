import { clashes, keyColumns } from '../flow/context.ts';
import { columnOf } from '../flow/stream.ts';
import { optional, required, withDefault } from '../spec/field.ts';
import { duration, expressions as expressionMap, oneOf, oneOrMore } from '../spec/kinds.ts';
import { headOf } from '../yaml/node.ts';
import { lateField, type StepSpec } from './step.ts';
import { needEventTime } from './time.ts';

const fields = {
  key: required(oneOrMore('a column, or a list of columns'), 'Whose past is looked at.'),
  range: optional(duration({ min: 1 }), 'Looks back this far: (t − range, t], this record included.'),
  tumbling: optional(duration({ min: 1 }), "Instead of `range`: looks back to the start of the record's own window of this size, [start, t]."),
  offset: withDefault(duration({ min: Number.MIN_SAFE_INTEGER }), 0, '0s', 'Moves the windows of `tumbling` off the epoch.'),
  delay: withDefault(duration(), 0, '0s', 'Looks at an older past: (t − delay − range, t − delay], this record excluded.'),
  allowed_lateness: withDefault(duration(), 3_600_000, '1h', 'A record is late when it is older than the watermark − (range + delay + allowed_lateness).'),
  emit: withDefault(
    oneOf(['immediately', 'on_watermark']),
    'immediately',
    'immediately',
    'Emit at once, or wait for the watermark and emit in the order of event time.',
  ),
  add: required(expressionMap, 'Columns of aggregates over that past.'),
  late: lateField,
};

export const rolling: StepSpec<typeof fields> = {
  type: 'rolling',
  doc: "Each record leaves with its key's recent past attached. An out-of-order record sees exactly the past its own time defines, among what has arrived.",
  example: `- { id: recent, type: rolling, key: card_id, range: 1d, add: { n_1d: "count(*)", avg_1d: "avg(amount)" } }`,
  delivery:
    'Keeps each key’s records for range + delay + allowed_lateness. `emit: immediately` is `timing` behind an exchange or a merge of several inputs; `on_watermark` behind a merge, for records of one event time.',
  fields,
  async plan({ values, at, node }, input, { report, expressions }) {
    needEventTime(node, input, 'rolling', report);
    const { range: size, tumbling } = values;
    if (at.range === undefined && at.tumbling === undefined)
      report.error(headOf(node), 'missing_key', 'A rolling step needs range or tumbling.', 'Add range: 1d.');
    if (at.range !== undefined && at.tumbling !== undefined)
      report.error(at.tumbling, 'bad_window', 'range and tumbling exclude each other.', 'Keep one of the two.');
    if (at.offset !== undefined && at.tumbling === undefined) report.error(at.offset, 'bad_window', 'offset belongs to tumbling.', 'Remove it.');
    if (at.offset !== undefined && tumbling !== undefined && Math.abs(values.offset) >= tumbling)
      report.error(at.offset, 'bad_window', 'The offset has to be smaller than the window.', 'Use a smaller offset.');
    if (at.delay !== undefined && at.tumbling !== undefined && values.delay > 0)
      report.error(at.delay, 'bad_window', 'delay belongs to range.', 'Remove it, or use range.');
    const key = keyColumns(values.key, input, report);
    const broken = new Set(input.broken);
    const columns = [...input.columns];
    const checked = await expressions.aggregates(values.add, input, [], { mayBeEmpty: values.delay > 0 });
    for (const name of checked.broken) broken.add(name);
    const add = [];
    for (const { name, expr } of checked.results) {
      const written = values.add.find((item) => item.name.text === name)?.name;
      const taken = columnOf(columns, name) !== undefined;
      if (taken && written !== undefined)
        report.error(written, 'duplicate_column', `There is a column ${name} already.`, 'Use another name, or drop the column first.');
      if (taken || (written !== undefined && clashes(written, columns, report))) continue;
      const slot = input.shape.allocate(name);
      columns.push({ name, type: expr.type, nullable: expr.nullable, slot });
      add.push({ slot, expr });
    }
    const range =
      tumbling !== undefined ? ({ kind: 'tumbling', size: tumbling, offset: values.offset } as const) : ({ kind: 'range', size: size ?? 1 } as const);
    const body = {
      type: 'rolling',
      key,
      range,
      delay: values.delay,
      allowedLateness: values.allowed_lateness,
      emit: values.emit,
      calls: checked.calls,
      add,
    } as const;
    return { body, columns, shape: input.shape, broken, key };
  },
};
