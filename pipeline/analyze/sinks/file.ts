import { resolve } from 'node:path';
import { keyColumns } from '../../flow/context.ts';
import { checkFlat, writtenColumns } from '../../outputs/written.ts';
import { optional, required } from '../../spec/field.ts';
import { oneOf, oneOrMore, text } from '../../spec/kinds.ts';
import { entryOf, headOf } from '../../yaml/node.ts';
import { type SinkSpec, schemaField } from './sink.ts';

const fields = {
  path: required(text('the path of a file'), 'The file, or for parquet and partition_by the directory, relative to the pipeline file. It belongs to the sink.'),
  format: required(oneOf(['json', 'csv', 'parquet']), 'JSON lines, CSV with a header row, or Parquet.'),
  partition_by: optional(oneOrMore('a column, or a list of columns'), 'Directories `column=value`, the outermost first; these columns are not in the files.'),
  schema: schemaField,
};

export const file: SinkSpec<typeof fields> = {
  type: 'file',
  doc: 'Rows to one file, or to a directory with a file a batch: with partition_by, and always for parquet.',
  example: '- { id: archive, from: scored, type: file, format: parquet, path: out/scored, partition_by: [day] }',
  delivery: 'Rows of append and update are added, complete replaces what is there. Cut back to its committed length, or file by file, after a crash.',
  fields,
  plan({ values, at, node }, input, { report }) {
    const { schema, stream } = input;
    const partitionBy = values.partition_by === undefined ? [] : keyColumns(values.partition_by, stream, report);
    const written = writtenColumns(input, entryOf(node, 'schema')?.value, report);
    const columns = written.filter((column) => !partitionBy.some(({ name }) => name === column.name));
    const twice = schema === null ? undefined : partitionBy.find(({ name }) => written.some((column) => column.name === name));
    if (twice !== undefined)
      report.error(
        headOf(at.partition_by ?? node),
        'output_mismatch',
        `${twice.name} is the name of a directory and a field of the schema.`,
        'Take the field out of the schema, or out of partition_by.',
      );
    else if (columns.length === 0 && written.length > 0)
      report.error(headOf(at.partition_by ?? node), 'output_mismatch', 'partition_by leaves no column for the files.', 'Keep at least one column out of it.');
    checkFlat(values.format, columns, at.format ?? node, report);
    const path = resolve(input.directory, values.path.text);
    return { type: 'file', path, format: values.format, schema: schema?.json ?? null, partitionBy, columns };
  },
};
