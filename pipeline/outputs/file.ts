import { resolve } from 'node:path';
import { required } from '../spec/field.ts';
import { oneOf, text } from '../spec/kinds.ts';
import { entryOf } from '../yaml/node.ts';
import type { OutputSpec } from './output.ts';
import { checkFlat, writtenColumns } from './written.ts';

const fields = {
  path: required(text('the path of a file'), 'The file, relative to the pipeline file. It belongs to the output: emptied on a fresh data directory.'),
  format: required(oneOf(['json', 'csv']), 'JSON lines, or CSV with a header row.'),
};

export const file: OutputSpec<typeof fields> = {
  type: 'file',
  doc: 'Records to one file.',
  example: '- { id: rows_out, from: minutes, type: file, path: out/minutes.jsonl, format: json }',
  delivery: 'Cut to its committed length after a crash; a second run goes on where the first ended.',
  fields,
  plan({ values, at, node }, input, { report }) {
    const { schema } = input;
    const columns = writtenColumns(input, entryOf(node, 'schema')?.value, report);
    checkFlat(values.format, columns, at.format ?? node, report);
    return { kind: 'file', path: resolve(input.directory, values.path.text), format: values.format, schema: schema?.json ?? null, columns };
  },
};
