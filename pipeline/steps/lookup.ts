import type { Column } from '@millrace/shared-schemas/types.ts';
import { clashes, keyColumns } from '../flow/context.ts';
import { columnOf } from '../flow/stream.ts';
import { required, withDefault } from '../spec/field.ts';
import { names, oneOf, oneOrMore, text } from '../spec/kinds.ts';
import { typeSql } from '../sql/sql-type.ts';
import { didYouMean } from '../suggest.ts';
import { sameKeys, type Table } from '../tables.ts';
import type { StepSpec } from './step.ts';

const fields = {
  table: required(text('the id of a table'), 'A table of `tables`.'),
  on: required(oneOrMore('a column, or a list of columns'), "The columns that hold the table's key, in its order."),
  add: required(names('a list of columns of the table'), 'The columns to take from the table.'),
  missing: withDefault(
    oneOf(['null', 'drop', 'dead_letter']),
    'null',
    'null',
    'What becomes of a record whose key is not in the table: it goes on with NULLs, is dropped, or is a dead letter.',
  ),
};

export const lookup: StepSpec<typeof fields> = {
  type: 'lookup',
  doc: 'Adds columns of a table to the record, by key. A file is the table as it stands when the record arrives: it may be edited while the pipeline runs.',
  example: '- { id: merchant, type: lookup, table: merchants, on: merchant_id, add: [risk, category], missing: null }',
  delivery:
    'The table in force is part of the journal: a recovery sees the version that the records saw. A new version counts about a second after the last change of its file, for each task between two records (`timing`); one that is no table is refused with a warning, and the version before stays.',
  fields,
  plan({ values }, input, { report, tables }) {
    const on = keyColumns(values.on, input, report);
    const broken = new Set(input.broken);
    const columns: Column[] = [...input.columns];
    const add: { column: string; slot: string }[] = [];
    const table = tables.get(values.table.text);
    const body = { type: 'lookup', table: values.table.text, on, add, missing: values.missing } as const;
    const draft = { body, columns, shape: input.shape, broken };
    if (table === undefined)
      report.error(values.table, 'unknown_table', `There is no table ${values.table.shown}.`, didYouMean(values.table.text, tables.keys()));
    if (table === undefined || table.columns === null) {
      for (const node of values.add) broken.add(node.text);
      return draft;
    }
    const mismatch = on.length === values.on.length ? keyMismatch(table, on) : null;
    if (mismatch !== null) report.error(values.on[0], 'type_error', mismatch, 'Cast the column in a map step, or give the table a schema.');
    for (const node of values.add) {
      const source = table.columns.find((column) => column.name === node.text);
      const taken = columnOf(columns, node.text) !== undefined;
      if (source === undefined)
        report.error(
          node,
          'unknown_column',
          `The table ${table.id} has no column ${node.shown}.`,
          didYouMean(
            node.text,
            table.columns.map((column) => column.name),
          ),
        );
      else if (taken) report.error(node, 'duplicate_column', `There is a column ${node.shown} already.`, 'Drop or rename it in a map step first.');
      if (source === undefined || taken || clashes(node, columns, report)) {
        broken.add(node.text);
        continue;
      }
      const slot = input.shape.allocate(node.text);
      add.push({ column: node.text, slot });
      columns.push({ name: node.text, type: source.type, nullable: true, slot });
    }
    return draft;
  },
};

function keyMismatch(table: Table, on: readonly Column[]): string | null {
  if (table.key.length !== on.length) return `The table ${table.id} has a key of ${table.key.length} columns (${table.key.join(', ')}), on names ${on.length}.`;
  for (const [i, name] of table.key.entries()) {
    const type = table.columns?.find((column) => column.name === name)?.type;
    if (type !== undefined && !sameKeys(type, on[i].type))
      return `${on[i].name} is ${typeSql(on[i].type)}, the key ${name} of table ${table.id} is ${typeSql(type)}.`;
  }
  return null;
}
